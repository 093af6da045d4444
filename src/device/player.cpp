// SPDX-License-Identifier: MIT
#include "device/player.h"

#include <spdlog/spdlog.h>
#include <svga3d_cmd.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::device {

namespace {

void addToHash(uint64_t& hash, std::span<const std::byte> bytes) {
    for (std::byte byte : bytes)
        hash = (hash ^ std::to_integer<uint64_t>(byte)) * 0x100000001b3;
}

} // namespace

/** A MOB that is memory of this process; pages nobody wrote cost nothing. */
class Player::PlainMob final : public Mob {
public:
    PlainMob(uint32_t id, uint64_t size, Writes& writes)
        : id_(id)
        , writes_(writes) {
        if (size > kMaxMobSize)
            throw CommandError("a MOB of {} bytes is larger than the {} allowed", size, kMaxMobSize);
        size = (size + kPageSize - 1) / kPageSize * kPageSize;
        if (size == 0)
            return;
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            throw CommandError("no memory for a MOB of {} bytes: {}", size, std::strerror(errno));
        bytes_ = {static_cast<std::byte*>(memory), size};
    }
    ~PlainMob() override {
        if (!bytes_.empty())
            ::munmap(bytes_.data(), bytes_.size());
    }

    uint32_t id() const override { return id_; }
    uint64_t size() const override { return bytes_.size(); }
    std::span<std::byte> contiguous() override { return bytes_; }

    void read(uint64_t offset, std::span<std::byte> out) const override {
        auto from = part(offset, out.size());
        std::copy(from.begin(), from.end(), out.begin());
    }
    void write(uint64_t offset, std::span<const std::byte> in) override {
        fill(offset, in);
        ++writes_.count;
        writes_.bytes += in.size();
        addToHash(writes_.hash, std::as_bytes(std::span(&id_, 1)));
        addToHash(writes_.hash, std::as_bytes(std::span(&offset, 1)));
        addToHash(writes_.hash, in);
        writtenEnd_ = std::max(writtenEnd_, offset + in.size());
    }

    /** As the guest would write: not counted. */
    void fill(uint64_t offset, std::span<const std::byte> in) const {
        auto to = part(offset, in.size());
        std::copy(in.begin(), in.end(), to.begin());
    }
    /** Where the last byte that was written ends. */
    uint64_t writtenEnd() const { return writtenEnd_; }

private:
    std::span<std::byte> part(uint64_t offset, uint64_t size) const {
        if (offset > bytes_.size() || size > bytes_.size() - offset)
            throw CommandError("MOB {}: {:#x} + {:#x} is beyond its {:#x} bytes", id_, offset, size, bytes_.size());
        return bytes_.subspan(offset, size);
    }

    uint32_t id_;
    Writes& writes_;
    std::span<std::byte> bytes_;
    uint64_t writtenEnd_ = 0;
};

Player::Player(const RendererFactory& renderer)
    : mobs_([this](uint32_t id, const MobLayout& layout) {
        auto mob = std::make_shared<PlainMob>(id, layout.sizeInBytes, writes_);
        plainMobs_[id] = mob;
        return mob;
    })
    , renderer_(renderer(mobs_))
    , processor_(table_, [this](uint32_t) { renderer_->wait(renderer_->submit()); }) {
    renderer_->registerCommands(table_);
    mobs_.registerCommands(table_);
    screenTargets_.registerCommands(table_);
    processor_.collectStatistics(statistics_);
}

Player::~Player() = default;

void Player::play(RecordingReader& reader, uint64_t commands) {
    std::optional<Record> record = reader.next();
    while (record && commands_ < commands) {
        if (record->header.type != RecordType::Command)
            throw Error("the recording has data that belong to no command");
        Record command = std::move(*record);
        std::vector<Record> mobData;
        for (record = reader.next(); record && record->header.type == RecordType::MobData; record = reader.next())
            mobData.push_back(std::move(*record));
        carryOut(command, mobData);
    }
    renderer_->wait(renderer_->submit());
}

void Player::carryOut(const Record& command, const std::vector<Record>& mobData) {
    for (const Record& data : mobData) {
        auto mob = plainMobs_[data.header.id].lock();
        if (!mob)
            throw Error("command {}: the recording has data for MOB {}, which there is not", commands_, data.header.id);
        mob->fill(data.header.offset, data.bytes);
    }
    if (auto failure = processor_.execute(command.bytes, 0, command.header.id)) {
        spdlog::error("command {}: {}", commands_, failure->message);
        ++failures_;
    }
    ++commands_;
}

template <typename T>
void Player::require(uint32_t commandId, const T& body) {
    std::vector<std::byte> bytes(sizeof(SVGA3dCmdHeader) + sizeof(body));
    SVGA3dCmdHeader header{commandId, sizeof(body)};
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), &body, sizeof(body));
    if (auto failure = processor_.execute(bytes, 0, SVGA3D_INVALID_ID))
        throw Error("{}", failure->message);
}

std::vector<std::byte> Player::dumpSurface(uint32_t surfaceId) {
    // As a guest would: a MOB that is large enough for any surface, of which only what is written costs memory.
    constexpr uint32_t tableSize = 1u << 31;
    constexpr uint32_t mobId = tableSize / sizeof(SVGAOTableMobEntry) - 1;
    require(SVGA_3D_CMD_SET_OTABLE_BASE64,
            SVGA3dCmdSetOTableBase64{SVGA_OTABLE_MOB, 1, tableSize, 0, SVGA3D_MOBFMT_RANGE});
    require(SVGA_3D_CMD_DEFINE_GB_MOB64, SVGA3dCmdDefineGBMob64{mobId, SVGA3D_MOBFMT_RANGE, 1, kMaxMobSize});
    require(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surfaceId, mobId});
    require(SVGA_3D_CMD_READBACK_GB_SURFACE, SVGA3dCmdReadbackGBSurface{surfaceId});
    renderer_->wait(renderer_->submit());

    auto mob = plainMobs_[mobId].lock();
    std::vector<std::byte> bytes(mob->writtenEnd());
    mob->read(0, bytes);
    require(SVGA_3D_CMD_BIND_GB_SURFACE, SVGA3dCmdBindGBSurface{surfaceId, SVGA3D_INVALID_ID});
    require(SVGA_3D_CMD_DESTROY_GB_MOB, SVGA3dCmdDestroyGBMob{mobId});
    return bytes;
}

} // namespace svga::device
