// SPDX-License-Identifier: MIT
/**
 * \file
 * Intrusive reference counts.
 *
 * The C interfaces above the core hand out bare pointers and count references by calls, so the count lives in the
 * object and a Ref can be turned into such a pointer and back (Ref::release, Ref::adopt) at no cost.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace svga::winsys {

/** \brief Base of an object that deletes itself with its last reference. Born with one reference. Any thread. */
template <typename T>
class RefCounted {
public:
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    void ref() const { references_.fetch_add(1, std::memory_order_relaxed); }

    void unref() const {
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete static_cast<const T*>(this);
    }

    /** \brief Takes a reference unless the last one is already gone (the object is being destroyed). */
    bool tryRef() const {
        uint32_t count = references_.load(std::memory_order_relaxed);
        while (count != 0)
            if (references_.compare_exchange_weak(count, count + 1, std::memory_order_acquire))
                return true;
        return false;
    }

protected:
    RefCounted() = default;
    ~RefCounted() = default;

private:
    mutable std::atomic<uint32_t> references_{1};
};

/** \brief Holds one reference to a T, or none. */
template <typename T>
class Ref {
public:
    Ref() = default;
    Ref(const Ref& other)
        : object_(other.object_) {
        if (object_)
            object_->ref();
    }
    Ref(Ref&& other) noexcept
        : object_(other.release()) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_)
            object_->unref();
    }

    /** \brief Takes over a reference that the caller owns. */
    static Ref adopt(T* object) {
        Ref ref;
        ref.object_ = object;
        return ref;
    }

    /** \brief Takes a reference of its own. */
    static Ref share(T& object) {
        object.ref();
        return adopt(&object);
    }

    /** \brief Gives the reference to the caller, who has to unref() it. */
    T* release() { return std::exchange(object_, nullptr); }

    T* get() const { return object_; }
    T* operator->() const { return object_; }
    T& operator*() const { return *object_; }
    explicit operator bool() const { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

} // namespace svga::winsys
