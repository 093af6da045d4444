// SPDX-License-Identifier: MIT
#include "device/machine.h"

#include "device/recording.h"

namespace svga::device {

namespace {

MobTable::MobFactory mobFactory(GuestMemory& memory, const MachineOptions& options) {
    return [&memory, recorder = options.recorder,
            statistics = options.statistics](uint32_t id, const MobLayout& layout) -> std::shared_ptr<Mob> {
        std::shared_ptr<Mob> mob = std::make_shared<GuestMob>(id, memory, layout);
        if (recorder)
            mob = recorder->wrap(std::move(mob));
        if (statistics)
            mob = countTraffic(std::move(mob), statistics);
        return mob;
    };
}

} // namespace

Machine::Machine(GuestMemory& memory, Interrupts& interrupts, const MachineOptions& options)
    : recorder_(options.recorder)
    , mobs_(mobFactory(memory, options))
    , renderer_(options.renderer(mobs_))
    , processor_(table_, [this](uint32_t number) { fences_.add(number, renderer_->submit()); })
    , fences_(
          interrupts, [this](uint64_t value) { renderer_->wait(value); }, options.onLost)
    , queue_(
          memory, interrupts, mobs_,
          [this](std::span<const std::byte> commands, uint32_t offset, uint32_t dxContextId) {
              return processor_.execute(commands, offset, dxContextId);
          },
          options.onLost) {
    renderer_->registerCommands(table_);
    mobs_.registerCommands(table_);
    screenTargets_.registerCommands(table_);
    if (options.keepLastPicture)
        screenTargets_.observe([this](uint32_t id, const ScreenTargets::Target& target) {
            if (id == 0)
                lastPicture_ = makePicture(target, *renderer_, CursorState{}, mobs_);
        });
    if (options.statistics)
        processor_.collectStatistics(options.statistics);
    if (recorder_)
        processor_.observe([this](std::span<const std::byte> command, uint32_t dxContextId) {
            recorder_->command(command, dxContextId);
        });
}

void Machine::submit(uint64_t headerAddress, uint32_t contextId) {
    pristine_ = false;
    queue_.submit(headerAddress, contextId);
}

std::optional<Picture> Machine::picture(const CursorState& cursor) {
    std::optional<Picture> picture;
    queue_.betweenBuffers([&] {
        if (const ScreenTargets::Target* target = screenTargets_.find(0))
            picture = makePicture(*target, *renderer_, cursor, mobs_);
    });
    return picture;
}

std::optional<Picture> Machine::lastPicture(const CursorState& cursor) {
    queue_.waitIdle();
    auto last = picture(cursor);
    return last ? last : lastPicture_;
}

} // namespace svga::device
