// SPDX-License-Identifier: MIT
#pragma once

#include "shim/kernel/objects.h"

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <variant>

namespace svga::shim {

/** \brief A fence as user space holds it: the number of a submission. */
struct FenceObject {
    uint64_t seqno;
};

/**
 * \brief The names one open file has for objects.
 *
 * All kinds share one number space, and numbers are never device ids. Each handle counts references as DRM's do: a
 * surface referenced again gets the handle it has. Used with the embedded kernel's lock held.
 */
class Handles {
public:
    using Object = std::variant<std::shared_ptr<BufferObject>, std::shared_ptr<Surface>, std::shared_ptr<Context>,
                                std::shared_ptr<FenceObject>>;

    /** \brief A handle for \p object; one more reference if it has one. */
    template <typename T>
    uint32_t add(std::shared_ptr<T> object) {
        if (auto it = byObject_.find(object.get()); it != byObject_.end()) {
            ++entries_.at(it->second).references;
            return it->second;
        }
        const uint32_t handle = next_;
        next_ += kStep;
        byObject_.emplace(object.get(), handle);
        entries_.emplace(handle, Entry{std::move(object), 1});
        return handle;
    }

    /** \brief Null where \p handle is not one of a \p T. */
    template <typename T>
    std::shared_ptr<T> find(uint32_t handle) const {
        auto it = entries_.find(handle);
        if (it == entries_.end())
            return nullptr;
        const auto* object = std::get_if<std::shared_ptr<T>>(&it->second.object);
        return object ? *object : nullptr;
    }

    /** \brief Drops one reference. \return false where \p handle is not one of a \p T. */
    template <typename T>
    bool remove(uint32_t handle) {
        auto object = find<T>(handle);
        if (!object)
            return false;
        auto it = entries_.find(handle);
        if (--it->second.references == 0) {
            byObject_.erase(object.get());
            entries_.erase(it);
        }
        return true;
    }

private:
    struct Entry {
        Object object;
        uint32_t references;
    };
    static constexpr uint32_t kFirst = 0x10001;
    static constexpr uint32_t kStep = 1;

    uint32_t next_ = kFirst; // beyond all device ids, so that a field left unpatched is an error and no accident
    std::unordered_map<uint32_t, Entry> entries_;
    std::unordered_map<const void*, uint32_t> byObject_;
};

} // namespace svga::shim
