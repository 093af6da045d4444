// SPDX-License-Identifier: MIT
#include "device/statistics.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace svga::device {

namespace {

constexpr std::array<std::string_view, 3> kUpdates{"UPDATE_GB_IMAGE", "UPDATE_GB_SURFACE", "DX_UPDATE_SUBRESOURCE"};
constexpr std::array<std::string_view, 4> kReadbacks{"READBACK_GB_IMAGE", "READBACK_GB_IMAGE_PARTIAL",
                                                     "READBACK_GB_SURFACE", "DX_READBACK_SUBRESOURCE"};

template <typename Names>
bool contains(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

class CountedMob final : public Mob {
public:
    CountedMob(std::shared_ptr<Mob> mob, std::shared_ptr<Statistics> statistics)
        : mob_(std::move(mob))
        , statistics_(std::move(statistics)) {}

    uint32_t id() const override { return mob_->id(); }
    uint64_t size() const override { return mob_->size(); }
    std::span<std::byte> contiguous() override { return mob_->contiguous(); }

    void read(uint64_t offset, std::span<std::byte> out) const override {
        mob_->read(offset, out);
        statistics_->memoryRead += out.size();
    }
    void write(uint64_t offset, std::span<const std::byte> in) override {
        mob_->write(offset, in);
        statistics_->memoryWritten += in.size();
    }

private:
    std::shared_ptr<Mob> mob_;
    std::shared_ptr<Statistics> statistics_;
};

} // namespace

std::shared_ptr<Mob> countTraffic(std::shared_ptr<Mob> mob, std::shared_ptr<Statistics> statistics) {
    return std::make_shared<CountedMob>(std::move(mob), std::move(statistics));
}

void writeStatistics(std::ostream& stream, const Statistics& statistics) {
    using Milliseconds = std::chrono::duration<double, std::milli>;
    uint64_t uploaded = 0;
    uint64_t readBack = 0;
    nlohmann::ordered_json commands = nlohmann::ordered_json::object();
    for (const auto& [name, row] : statistics.commands) {
        commands[name] = {{"count", row.count},
                          {"bytes", row.bytes},
                          {"failures", row.failures},
                          {"memory_read", row.memoryRead},
                          {"memory_written", row.memoryWritten},
                          {"milliseconds", Milliseconds(row.time).count()}};
        if (contains(kUpdates, name))
            uploaded += row.memoryRead;
        if (contains(kReadbacks, name))
            readBack += row.memoryWritten;
    }
    const nlohmann::ordered_json all = {
        {"bytes_uploaded", uploaded}, {"bytes_read_back", readBack}, {"commands", std::move(commands)}};
    stream << all.dump(2) << '\n';
}

} // namespace svga::device
