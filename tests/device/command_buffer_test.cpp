// SPDX-License-Identifier: MIT
// Command buffers, object tables and screen targets, through registers and guest memory.
#include "test_guest.h"

#include <gtest/gtest.h>
#include <svga3d_dx.h>

#include <random>

namespace svga::device::test {
namespace {

constexpr uint32_t kNop = SVGA_CMD_NOP;

/** A renderer with commands to hold the command thread up, to note, and to lose the GPU. */
struct Stage {
    static constexpr uint32_t kHold = SVGA_3D_CMD_MAX;
    static constexpr uint32_t kNote = SVGA_3D_CMD_MAX + 1;

    std::mutex mutex;
    std::condition_variable changed;
    bool held = false, released = false, loseGpu = false;
    std::vector<std::pair<uint32_t, uint32_t>> written; ///< DX context, value

    /** What NOTE commands wrote so far. */
    std::vector<std::pair<uint32_t, uint32_t>> notes() {
        std::lock_guard lock(mutex);
        return written;
    }

    void waitHeld() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return held; });
    }
    void release() {
        std::lock_guard lock(mutex);
        released = true;
        changed.notify_all();
    }

    class StageRenderer final : public Renderer {
    public:
        explicit StageRenderer(Stage& stage)
            : stage_(stage) {}
        void registerCommands(CommandTable& table) override {
            table.add(kHold, "HOLD", [this](uint32_t, CommandBody) {
                std::unique_lock lock(stage_.mutex);
                stage_.held = true;
                stage_.changed.notify_all();
                stage_.changed.wait(lock, [this] { return stage_.released; });
            });
            table.add(kNote, "NOTE", [this](uint32_t context, CommandBody body) {
                std::lock_guard lock(stage_.mutex);
                stage_.written.emplace_back(context, body.take<uint32_t>());
            });
        }
        uint32_t devcap(uint32_t index) const override { return index * 3; }
        uint64_t submit() override { return ++submitted_; }
        void wait(uint64_t) override {
            std::lock_guard lock(stage_.mutex);
            if (stage_.loseGpu)
                throw Error("the GPU is gone");
        }

    private:
        Stage& stage_;
        uint64_t submitted_ = 0;
    };

    RendererFactory factory() {
        return [this](const MobLookup&) { return std::make_unique<StageRenderer>(*this); };
    }
};

CommandStream note(uint32_t value) {
    CommandStream commands;
    commands.command(Stage::kNote, value);
    return commands;
}

CommandStream hold() {
    CommandStream commands;
    commands.raw(Stage::kHold).raw(uint32_t{0});
    return commands;
}

template <typename T>
Completion deviceCommand(TestGuest& guest, uint32_t id, const T& body) {
    CommandStream commands;
    commands.raw(id).raw(body);
    return guest.execute(commands, SVGA_CB_CONTEXT_DEVICE);
}

TEST(CommandBuffer, StartCompletesBeforeTheRegisterWriteReturns) {
    TestGuest guest;
    CommandStream commands;
    commands.raw(uint32_t{SVGA_DC_CMD_START_STOP_CONTEXT}).raw(SVGADCCmdStartStop{1, SVGA_CB_CONTEXT_0});
    uint64_t header = guest.submit(commands.bytes(), SVGA_CB_CONTEXT_DEVICE);
    EXPECT_EQ(guest.at<SVGACBHeader>(header).status, SVGA_CB_STATUS_COMPLETED);
}

TEST(CommandBuffer, GivesCommandsTheirDxContext) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    CommandStream commands = note(5);
    uint64_t bytes = guest.allocate(64);
    std::memcpy(guest.memory(bytes, 64).data(), commands.bytes().data(), commands.bytes().size());
    SVGACBHeader header{};
    header.flags = static_cast<SVGACBFlags>(SVGA_CB_FLAG_DX_CONTEXT | SVGA_CB_FLAG_NO_IRQ);
    header.length = static_cast<uint32_t>(commands.bytes().size());
    header.ptr.pa = bytes;
    header.dxContext = 17;
    guest.wait(guest.submitHeader(header, SVGA_CB_CONTEXT_0));
    guest.execute(note(6));
    EXPECT_EQ(stage.notes(), (std::vector<std::pair<uint32_t, uint32_t>>{{17, 5}, {SVGA3D_INVALID_ID, 6}}));
    guest.writeRegister(SVGA_REG_DEV_CAP, 111);
    EXPECT_EQ(guest.readRegister(SVGA_REG_DEV_CAP), 333u);
}

TEST(CommandBuffer, AnErrorStopsTheQueueUntilItIsStartedAgain) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    uint64_t held = guest.submit(hold().bytes());
    stage.waitHeld();
    CommandStream bad = note(1);
    auto good = bad.bytes().size();
    bad.raw(uint32_t{1039}).raw(uint32_t{0}).command(Stage::kNote, uint32_t{2});
    uint64_t failing = guest.submit(bad.bytes());
    uint64_t after = guest.submit(note(3).bytes());
    stage.release();
    EXPECT_EQ(guest.wait(held).status, SVGA_CB_STATUS_COMPLETED);
    Completion failed = guest.wait(failing);
    EXPECT_EQ(failed.status, SVGA_CB_STATUS_COMMAND_ERROR);
    EXPECT_EQ(failed.errorOffset, good);
    while (!(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_ERROR))
        std::this_thread::yield();
    EXPECT_EQ(guest.at<SVGACBHeader>(after).status, SVGA_CB_STATUS_NONE);
    guest.startContext(SVGA_CB_CONTEXT_0);
    EXPECT_EQ(guest.wait(after).status, SVGA_CB_STATUS_COMPLETED);
    ASSERT_EQ(stage.notes().size(), 2u);
    EXPECT_EQ(stage.notes()[1].second, 3u);

    // The rest of a buffer can be resubmitted by its offset.
    auto rest = static_cast<uint32_t>(good) + 8;
    EXPECT_EQ(guest.wait(guest.submit(bad.bytes(), SVGA_CB_CONTEXT_0, SVGA_CB_FLAG_NO_IRQ, rest)).status,
              SVGA_CB_STATUS_COMPLETED);
    EXPECT_EQ(stage.notes().back().second, 2u);
}

TEST(CommandBuffer, PreemptionGivesBackWhatIsQueued) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    uint64_t held = guest.submit(hold().bytes());
    stage.waitHeld();
    uint64_t queued = guest.submit(note(1).bytes());
    EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_PREEMPT, SVGADCCmdPreempt{SVGA_CB_CONTEXT_0, 1}).status,
              SVGA_CB_STATUS_COMPLETED);
    EXPECT_EQ(guest.at<SVGACBHeader>(queued).status, SVGA_CB_STATUS_NONE) << "ids of zero were to be ignored";
    EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_PREEMPT, SVGADCCmdPreempt{SVGA_CB_CONTEXT_0, 0}).status,
              SVGA_CB_STATUS_COMPLETED);
    EXPECT_EQ(guest.at<SVGACBHeader>(queued).status, SVGA_CB_STATUS_PREEMPTED);
    EXPECT_EQ(guest.at<SVGACBHeader>(held).status, SVGA_CB_STATUS_NONE);
    stage.release();
    EXPECT_EQ(guest.wait(held).status, SVGA_CB_STATUS_COMPLETED);
    EXPECT_TRUE(stage.notes().empty());
}

TEST(CommandBuffer, HighPriorityGoesFirstAndStopWaits) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    guest.startContext(SVGA_CB_CONTEXT_1);
    uint64_t held = guest.submit(hold().bytes());
    stage.waitHeld();
    uint64_t low = guest.submit(note(1).bytes(), SVGA_CB_CONTEXT_0);
    uint64_t high = guest.submit(note(2).bytes(), SVGA_CB_CONTEXT_1);
    stage.release();
    guest.wait(low);
    guest.wait(high);
    EXPECT_EQ(stage.notes()[0].second, 2u);
    guest.startContext(SVGA_CB_CONTEXT_0, false);
    EXPECT_EQ(guest.at<SVGACBHeader>(held).status, SVGA_CB_STATUS_COMPLETED);
    uint64_t waiting = guest.submit(note(3).bytes());
    guest.wait(guest.submit(note(4).bytes(), SVGA_CB_CONTEXT_1));
    EXPECT_EQ(guest.at<SVGACBHeader>(waiting).status, SVGA_CB_STATUS_NONE);
}

TEST(CommandBuffer, AFullQueueSaysSo) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    uint64_t held = guest.submit(hold().bytes());
    stage.waitHeld();
    std::vector<uint64_t> headers;
    CommandStream nop;
    nop.raw(kNop);
    SVGACBHeader header{};
    header.flags = SVGA_CB_FLAG_NO_IRQ;
    header.length = 4;
    header.ptr.pa = guest.allocate(4096);
    guest.at<uint32_t>(header.ptr.pa) = kNop;
    while (headers.size() < 1500) {
        headers.push_back(guest.submitHeader(header, SVGA_CB_CONTEXT_0));
        if (guest.at<SVGACBHeader>(headers.back()).status != SVGA_CB_STATUS_NONE)
            break;
    }
    EXPECT_GE(headers.size(), 32u);
    EXPECT_EQ(guest.at<SVGACBHeader>(headers.back()).status, SVGA_CB_STATUS_QUEUE_FULL);
    headers.pop_back();
    stage.release();
    guest.wait(held);
    for (uint64_t address : headers)
        EXPECT_EQ(guest.wait(address).status, SVGA_CB_STATUS_COMPLETED);
}

TEST(CommandBuffer, LosingTheGpuIsTold) {
    Stage stage;
    stage.loseGpu = true;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    CommandStream commands;
    commands.fence(1);
    guest.execute(commands);
    while (guest.lostMessage().empty())
        std::this_thread::yield();
    EXPECT_EQ(guest.lostMessage(), "the GPU is gone");
    EXPECT_EQ(guest.readRegister(SVGA_REG_FENCE), 0u);
}

TEST(CommandBuffer, BadHeadersAreRefused) {
    TestGuest guest;
    guest.bringUp();
    auto refused = [&](auto change, SVGACBStatus status, uint32_t context = SVGA_CB_CONTEXT_0) {
        SVGACBHeader header{};
        header.flags = SVGA_CB_FLAG_NO_IRQ;
        header.length = 4;
        header.ptr.pa = guest.allocate(4096);
        guest.at<uint32_t>(header.ptr.pa) = kNop;
        change(header);
        EXPECT_EQ(guest.wait(guest.submitHeader(header, context)).status, status);
        guest.startContext(SVGA_CB_CONTEXT_0);
    };
    using Header = SVGACBHeader;
    refused([](Header& h) { h.length = SVGA_CB_MAX_SIZE + 1; }, SVGA_CB_STATUS_CB_HEADER_ERROR);
    refused([](Header& h) { h.offset = 5; }, SVGA_CB_STATUS_CB_HEADER_ERROR);
    refused([](Header& h) { h.flags = static_cast<SVGACBFlags>(8); }, SVGA_CB_STATUS_CB_HEADER_ERROR);
    refused([](Header&) {}, SVGA_CB_STATUS_CB_HEADER_ERROR, 2);
    refused([](Header& h) { h.ptr.pa = 0; }, SVGA_CB_STATUS_COMMAND_ERROR);
    refused([](Header& h) { h.ptr.pa = ~uint64_t{0}; }, SVGA_CB_STATUS_COMMAND_ERROR);
    refused([](Header& h) { h.ptr.pa = ~uint64_t{0}; }, SVGA_CB_STATUS_COMMAND_ERROR, SVGA_CB_CONTEXT_DEVICE);
    refused([](Header& h) { h.flags = SVGA_CB_FLAG_MOB; }, SVGA_CB_STATUS_COMMAND_ERROR);
    refused([](Header& h) { h.flags = SVGA_CB_FLAG_MOB; }, SVGA_CB_STATUS_COMMAND_ERROR, SVGA_CB_CONTEXT_DEVICE);
    refused([](Header& h) { h.length = 0; }, SVGA_CB_STATUS_COMPLETED);

    // A header nowhere in guest memory has no status to set.
    guest.writeRegister(SVGA_REG_IRQ_STATUS, ~0u);
    guest.writeRegister(SVGA_REG_COMMAND_HIGH, 0x7fff);
    guest.writeRegister(SVGA_REG_COMMAND_LOW, SVGA_CB_CONTEXT_0);
    EXPECT_TRUE(guest.readRegister(SVGA_REG_IRQ_STATUS) & SVGA_IRQFLAG_ERROR);
}

TEST(CommandBuffer, BadDeviceCommandsAreRefused) {
    TestGuest guest;
    for (uint32_t context : {2u, 63u, ~0u}) {
        auto id = static_cast<SVGACBContext>(context);
        EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_START_STOP_CONTEXT, SVGADCCmdStartStop{1, id}).status,
                  SVGA_CB_STATUS_COMMAND_ERROR);
        EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_PREEMPT, SVGADCCmdPreempt{id, 0}).status,
                  SVGA_CB_STATUS_COMMAND_ERROR);
    }
    EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_MAX, uint32_t{0}).status, SVGA_CB_STATUS_COMMAND_ERROR);
    EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_START_STOP_CONTEXT, uint32_t{1}).status, SVGA_CB_STATUS_COMMAND_ERROR);
    EXPECT_EQ(deviceCommand(guest, SVGA_DC_CMD_NOP, uint32_t{SVGA_DC_CMD_NOP}).status, SVGA_CB_STATUS_COMPLETED);
}

TEST(CommandBuffer, MayLieInAMob) {
    Stage stage;
    TestGuest guest(nullptr, stage.factory());
    guest.bringUp();
    uint64_t pages = guest.allocate(2 * kPageSize);
    CommandStream define;
    define.command(SVGA_3D_CMD_DEFINE_GB_MOB64,
                   SVGA3dCmdDefineGBMob64{9, SVGA3D_MOBFMT_RANGE, TestGuest::page(pages), 2 * kPageSize});
    ASSERT_EQ(guest.execute(define).status, SVGA_CB_STATUS_COMPLETED);
    CommandStream commands = note(77);
    std::memcpy(guest.memory(pages + 100, 64).data(), commands.bytes().data(), commands.bytes().size());
    SVGACBHeader header{};
    header.flags = static_cast<SVGACBFlags>(SVGA_CB_FLAG_NO_IRQ | SVGA_CB_FLAG_MOB);
    header.length = static_cast<uint32_t>(commands.bytes().size());
    header.ptr.mob.mobid = 9;
    header.ptr.mob.mobOffset = 100;
    EXPECT_EQ(guest.wait(guest.submitHeader(header, SVGA_CB_CONTEXT_0)).status, SVGA_CB_STATUS_COMPLETED);
    ASSERT_EQ(stage.notes().size(), 1u);
    EXPECT_EQ(stage.notes()[0].second, 77u);
}

/** Runs one stream that must fail at \p offset, and starts the queue again. */
void expectFailure(TestGuest& guest, const CommandStream& commands, uint32_t offset = 0) {
    Completion completion = guest.execute(commands);
    EXPECT_EQ(completion.status, SVGA_CB_STATUS_COMMAND_ERROR);
    EXPECT_EQ(completion.errorOffset, offset);
    guest.startContext(SVGA_CB_CONTEXT_0);
}

TEST(Commands, LegacyOnesAreSkippedByTheirSizes) {
    TestGuest guest;
    guest.bringUp();
    CommandStream commands;
    commands.raw(kNop).raw(uint32_t{SVGA_CMD_UPDATE}).raw(SVGAFifoCmdUpdate{});
    commands.raw(uint32_t{SVGA_CMD_DEFINE_CURSOR}).raw(SVGAFifoCmdDefineCursor{0, 0, 0, 33, 2, 1, 24});
    for (int i = 0; i < 2 * 2 + 2 * 25; ++i) // masks: two words a row at depth 1, 25 at depth 24
        commands.raw(0xffffffffu);
    commands.raw(uint32_t{SVGA_CMD_DEFINE_ALPHA_CURSOR}).raw(SVGAFifoCmdDefineAlphaCursor{0, 0, 0, 1, 1}).raw(0u);
    commands.raw(uint32_t{SVGA_CMD_ESCAPE}).raw(SVGAFifoCmdEscape{0, 8}).raw(uint64_t{0});
    commands.raw(uint32_t{SVGA_CMD_DEFINE_GMR2}).raw(SVGAFifoCmdDefineGMR2{1, 1});
    commands.raw(uint32_t{SVGA_CMD_REMAP_GMR2})
        .raw(SVGAFifoCmdRemapGMR2{1, SVGA_REMAP_GMR2_PPN64, 0, 2})
        .raw(uint64_t{1})
        .raw(uint64_t{2});
    commands.fence(5);
    EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
    guest.waitFence(5);
}

TEST(Commands, MalformedOnesNameTheirOffset) {
    TestGuest guest;
    guest.bringUp();
    auto bad = [&](auto... words) {
        CommandStream commands;
        commands.raw(kNop);
        (commands.raw(static_cast<uint32_t>(words)), ...);
        expectFailure(guest, commands, sizeof(kNop));
    };
    bad(0);
    bad(SVGA_CMD_NOP_ERROR);
    bad(46 + 1);
    bad(1039, 0);
    bad(SVGA_CMD_FENCE);
    bad(SVGA_CMD_ESCAPE, 0, ~0u);
    bad(SVGA_CMD_DEFINE_CURSOR, 0, 0, 0, ~0u, ~0u, 32, 32);
    bad(SVGA_CMD_DEFINE_ALPHA_CURSOR, 0, 0, 0, 64, 64);
    bad(SVGA_CMD_REMAP_GMR2, 0, SVGA_REMAP_GMR2_PPN64, 0, ~0u);
    bad(SVGA_CMD_DEFINE_SCREEN, ~0u);
    bad(SVGA_3D_CMD_DESTROY_GB_MOB);
    bad(SVGA_3D_CMD_DESTROY_GB_MOB, 8, 0);
    bad(SVGA_3D_CMD_DESTROY_GB_MOB, ~0u, 0);
    bad(SVGA_3D_CMD_DESTROY_GB_MOB, 0);
    bad(SVGA_3D_CMD_MAX, 0);
    // An id cut off at the end.
    CommandStream cut;
    cut.raw(kNop).raw(uint16_t{SVGA_CMD_NOP});
    expectFailure(guest, cut, 4);
}

TEST(ObjectTables, LimitTheIdsOfMobs) {
    TestGuest guest;
    guest.startContext(SVGA_CB_CONTEXT_0);
    auto define = [&](uint32_t id) {
        CommandStream commands;
        commands.command(SVGA_3D_CMD_DEFINE_GB_MOB64,
                         SVGA3dCmdDefineGBMob64{id, SVGA3D_MOBFMT_RANGE, TestGuest::page(TestGuest::kBase), 4096});
        return commands;
    };
    auto table = [](uint32_t command, uint32_t type, uint32_t entries, uint32_t valid = 0) {
        CommandStream commands;
        uint32_t size = entries * static_cast<uint32_t>(sizeof(SVGAOTableMobEntry));
        commands.command(command,
                         SVGA3dCmdSetOTableBase64{static_cast<SVGAOTableType>(type), TestGuest::page(TestGuest::kBase),
                                                  size, valid, SVGA3D_MOBFMT_RANGE});
        return commands;
    };
    auto works = [&](const CommandStream& commands) {
        EXPECT_EQ(guest.execute(commands).status, SVGA_CB_STATUS_COMPLETED);
    };
    expectFailure(guest, define(0)); // no table yet
    works(table(SVGA_3D_CMD_SET_OTABLE_BASE64, SVGA_OTABLE_MOB, 4));
    works(define(3));
    expectFailure(guest, define(3)); // defined already
    expectFailure(guest, define(4));
    expectFailure(guest, table(SVGA_3D_CMD_GROW_OTABLE, SVGA_OTABLE_MOB, 3));
    works(table(SVGA_3D_CMD_GROW_OTABLE, SVGA_OTABLE_MOB, 5));
    works(define(4));
    for (uint32_t type = SVGA_OTABLE_SURFACE; type < SVGA_OTABLE_DX_MAX; ++type)
        works(table(SVGA_3D_CMD_SET_OTABLE_BASE64, type, 4));
    expectFailure(guest, table(SVGA_3D_CMD_SET_OTABLE_BASE64, SVGA_OTABLE_DX_MAX, 4));
    expectFailure(guest, table(SVGA_3D_CMD_SET_OTABLE_BASE64, ~0u, 4));
    expectFailure(guest, table(SVGA_3D_CMD_SET_OTABLE_BASE64, SVGA_OTABLE_MOB, 4, 1000));

    CommandStream rest;
    rest.command(SVGA_3D_CMD_REDEFINE_GB_MOB64,
                 SVGA3dCmdRedefineGBMob64{3, SVGA3D_MOBFMT_PT64_0, TestGuest::page(TestGuest::kBase), 4096});
    rest.command(SVGA_3D_CMD_UPDATE_GB_MOB_MAPPING, SVGA3dCmdUpdateGBMobMapping{3});
    rest.command(SVGA_3D_CMD_DESTROY_GB_MOB, SVGA3dCmdDestroyGBMob{3});
    works(rest);
    expectFailure(guest, rest);
}

TEST(ScreenTargets, AreChecked) {
    TestGuest guest;
    guest.bringUp();
    auto update = [](uint32_t id, SVGA3dRect rect) {
        CommandStream commands;
        commands.command(SVGA_3D_CMD_UPDATE_GB_SCREENTARGET, SVGA3dCmdUpdateGBScreenTarget{id, rect});
        return commands;
    };
    CommandStream define;
    define.command(SVGA_3D_CMD_DEFINE_GB_SCREENTARGET, SVGA3dCmdDefineGBScreenTarget{0, 640, 480, 0, 0, 0, 0});
    define.command(SVGA_3D_CMD_BIND_GB_SCREENTARGET, SVGA3dCmdBindGBScreenTarget{0, {7, 0, 0}});
    EXPECT_EQ(guest.execute(define).status, SVGA_CB_STATUS_COMPLETED);
    EXPECT_EQ(guest.execute(update(0, {0, 0, 640, 480})).status, SVGA_CB_STATUS_COMPLETED);
    expectFailure(guest, update(0, {1, 0, 640, 480}));
    expectFailure(guest, update(0, {~0u, 0, 2, 1}));
    expectFailure(guest, update(1, {0, 0, 1, 1}));
    CommandStream destroy;
    destroy.command(SVGA_3D_CMD_DESTROY_GB_SCREENTARGET, SVGA3dCmdDestroyGBScreenTarget{0});
    EXPECT_EQ(guest.execute(destroy).status, SVGA_CB_STATUS_COMPLETED);
    expectFailure(guest, destroy);
}

/** Streams of valid, changed and random commands: each buffer ends with a status, and the device goes on. */
TEST(Fuzz, RandomStreamsAreSurvived) {
    for (uint32_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        auto random = [engine = std::mt19937(seed)]() mutable { return static_cast<uint32_t>(engine()); };
        TestGuest guest;
        guest.bringUp(64);
        uint64_t scratch = guest.allocate(8 * kPageSize);
        for (int i = 0; i < 60; ++i) {
            CommandStream commands;
            for (uint32_t count = random() % 8; count > 0; --count) {
                switch (random() % 5) {
                case 0:
                    commands.fence(random());
                    break;
                case 1:
                    commands.command(SVGA_3D_CMD_DEFINE_GB_MOB64,
                                     SVGA3dCmdDefineGBMob64{random() % 70, static_cast<SVGAMobFormat>(random() % 9),
                                                            TestGuest::page(scratch) + random() % 9,
                                                            random() % (64 * 4096)});
                    break;
                case 2:
                    commands.command(SVGA_3D_CMD_DESTROY_GB_MOB, SVGA3dCmdDestroyGBMob{random() % 70});
                    break;
                case 3:
                    commands.raw(random() % 50).raw(random() % 100).raw(random());
                    break;
                default:
                    commands.raw(static_cast<uint32_t>(SVGA_3D_CMD_BASE + random() % 260))
                        .raw(random() % 40)
                        .raw(random());
                }
            }
            std::vector<std::byte> bytes = commands.bytes();
            for (uint32_t changes = random() % 3; changes > 0 && !bytes.empty(); --changes)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            for (auto& byte : guest.memory(scratch, 256))
                byte = static_cast<std::byte>(random() % 4 ? 0 : random());
            if (guest.wait(guest.submit(bytes)).status != SVGA_CB_STATUS_COMPLETED)
                guest.startContext(SVGA_CB_CONTEXT_0);
        }
        CommandStream last;
        last.fence(0x7ffffff0);
        EXPECT_EQ(guest.execute(last).status, SVGA_CB_STATUS_COMPLETED);
    }
}

} // namespace
} // namespace svga::device::test
