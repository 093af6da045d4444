// SPDX-License-Identifier: MIT
#pragma once

#include "device/mob.h"

#include <sys/mman.h>

#include <cstring>
#include <map>

namespace svga::device::test {

/** \brief A MOB in anonymous pages. */
class FakeMob final : public Mob {
public:
    FakeMob(uint32_t id, uint64_t size, bool contiguous)
        : id_(id)
        , contiguous_(contiguous)
        , bytes_(map((size + 4095) & ~uint64_t{4095})) {}
    ~FakeMob() override { ::munmap(bytes_.data(), bytes_.size()); }

    uint32_t id() const override { return id_; }
    uint64_t size() const override { return bytes_.size(); }
    void read(uint64_t offset, std::span<std::byte> out) const override {
        check(offset, out.size());
        std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }
    void write(uint64_t offset, std::span<const std::byte> in) override {
        check(offset, in.size());
        std::memcpy(bytes_.data() + offset, in.data(), in.size());
    }
    std::span<std::byte> contiguous() override { return contiguous_ ? bytes_ : std::span<std::byte>{}; }

    std::span<std::byte> bytes() { return bytes_; }

private:
    static std::span<std::byte> map(uint64_t size) {
        void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        return {static_cast<std::byte*>(at), size};
    }
    void check(uint64_t offset, uint64_t size) const {
        if (offset > bytes_.size() || size > bytes_.size() - offset)
            throw CommandError("MOB {}: bytes [{}, +{}) are outside its {}", id_, offset, size, bytes_.size());
    }

    uint32_t id_;
    bool contiguous_;
    std::span<std::byte> bytes_;
};

class FakeMobs final : public MobLookup {
public:
    std::shared_ptr<FakeMob> make(uint32_t id, uint64_t size, bool contiguous = true) {
        auto mob = std::make_shared<FakeMob>(id, size, contiguous);
        mobs_[id] = mob;
        return mob;
    }
    void drop(uint32_t id) { mobs_.erase(id); }
    std::shared_ptr<Mob> get(uint32_t id) const override {
        auto it = mobs_.find(id);
        if (it == mobs_.end())
            throw CommandError("no MOB {}", id);
        return it->second;
    }

private:
    std::map<uint32_t, std::shared_ptr<FakeMob>> mobs_;
};

} // namespace svga::device::test
