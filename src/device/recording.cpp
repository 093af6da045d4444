// SPDX-License-Identifier: MIT
#include "device/recording.h"

#include "device/guest_memory.h"

#include <svga_reg.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace svga::device {

namespace {

// A command is no longer than the buffer it came in; MobData are pages.
constexpr uint64_t kMaxRecordSize = SVGA_CB_MAX_SIZE;

/** Reads through to another MOB and records what is not yet known. */
class RecordedMob final : public Mob {
public:
    RecordedMob(Recorder& recorder, std::shared_ptr<Mob> mob)
        : recorder_(recorder)
        , mob_(std::move(mob))
        , known_(mob_->size()) {}

    uint32_t id() const override { return mob_->id(); }
    uint64_t size() const override { return mob_->size(); }
    std::span<std::byte> contiguous() override { return {}; }

    void read(uint64_t offset, std::span<std::byte> out) const override {
        mob_->read(offset, out);
        // Page by page: a large upload of which one page has changed shall cost one page.
        for (uint64_t done = 0; done < out.size();) {
            uint64_t count = std::min(out.size() - done, kPageSize - (offset + done) % kPageSize);
            auto now = out.subspan(done, count);
            auto before = std::span(known_).subspan(offset + done, count);
            if (!std::equal(now.begin(), now.end(), before.begin())) {
                recorder_.mobData(id(), offset + done, now);
                std::copy(now.begin(), now.end(), before.begin());
            }
            done += count;
        }
    }

    void write(uint64_t offset, std::span<const std::byte> in) override {
        mob_->write(offset, in);
        std::copy(in.begin(), in.end(), known_.begin() + static_cast<std::ptrdiff_t>(offset));
    }

private:
    Recorder& recorder_;
    std::shared_ptr<Mob> mob_;
    mutable std::vector<std::byte> known_; ///< what a player's MOB holds at this point
};

} // namespace

Recorder::Recorder(const std::string& path)
    : path_(path)
    , file_(std::fopen(path.c_str(), "wbe")) {
    RecordingHeader header;
    if (!file_ || std::fwrite(&header, sizeof(header), 1, file_.get()) != 1)
        throw Error("cannot write the recording \"{}\": {}", path, std::strerror(errno));
}

void Recorder::put(const RecordHeader& header, std::span<const std::byte> bytes) {
    if (std::fwrite(&header, sizeof(header), 1, file_.get()) != 1 ||
        std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size() || std::fflush(file_.get()) != 0)
        throw Error("cannot write the recording \"{}\": {}", path_, std::strerror(errno));
}

void Recorder::command(std::span<const std::byte> command, uint32_t dxContextId) {
    put({RecordType::Command, dxContextId, 0, command.size()}, command);
}

void Recorder::mobData(uint32_t mobId, uint64_t offset, std::span<const std::byte> bytes) {
    put({RecordType::MobData, mobId, offset, bytes.size()}, bytes);
}

std::shared_ptr<Mob> Recorder::wrap(std::shared_ptr<Mob> mob) {
    return std::make_shared<RecordedMob>(*this, std::move(mob));
}

RecordingReader::RecordingReader(const std::string& path)
    : path_(path)
    , file_(std::fopen(path.c_str(), "rbe")) {
    if (!file_)
        throw Error("cannot read the recording \"{}\": {}", path, std::strerror(errno));
    RecordingHeader header;
    if (std::fread(&header, sizeof(header), 1, file_.get()) != 1 || header.magic != kRecordingMagic)
        throw Error("\"{}\" is no recording of an SVGA device", path);
    if (header.version != kRecordingVersion)
        throw Error("the recording \"{}\" has version {}; this program reads version {}", path, header.version,
                    kRecordingVersion);
}

std::optional<Record> RecordingReader::next() {
    Record record;
    if (std::fread(&record.header, sizeof(record.header), 1, file_.get()) != 1)
        return std::nullopt;
    if (record.header.type != RecordType::Command && record.header.type != RecordType::MobData)
        throw Error("the recording \"{}\" has a record of unknown type {}", path_,
                    static_cast<uint32_t>(record.header.type));
    if (record.header.size > kMaxRecordSize)
        throw Error("the recording \"{}\" has a record of {} bytes", path_, record.header.size);
    record.bytes.resize(record.header.size);
    if (std::fread(record.bytes.data(), 1, record.bytes.size(), file_.get()) != record.bytes.size())
        return std::nullopt;
    return record;
}

} // namespace svga::device
