// SPDX-License-Identifier: MIT
/**
 * \file
 * Recordings: all that a device was given, so that it can be given it again without a guest.
 *
 * A recording is a header and then records, each a RecordHeader and its bytes:
 *  - Command: one command, header included, and the DX context it was given for.
 *  - MobData: bytes of a MOB as the device read them while it carried out the Command record before. Only what differs
 *    from what the recording already says of the MOB is there.
 *
 * A player hands a device the MobData that follow a Command record first, then the command. Page tables and object
 * tables are of no interest then: a MOB is plain memory of its size. While it records, the device draws nothing from
 * guest memory in place (every read must be seen). A recording is written as it happens: it is whole up to a crash.
 */
#pragma once

#include "device/mob.h"
#include "util/error.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace svga::device {

inline constexpr uint64_t kRecordingMagic = 0x6472'6f63'6572'5653; ///< "SVrecord"
inline constexpr uint32_t kRecordingVersion = 1;

struct RecordingHeader {
    uint64_t magic = kRecordingMagic;
    uint32_t version = kRecordingVersion;
    uint32_t reserved = 0;
};

enum class RecordType : uint32_t { Command = 1, MobData = 2 };

struct RecordHeader {
    RecordType type;
    uint32_t id;     ///< Command: the DX context; MobData: the MOB
    uint64_t offset; ///< MobData: in the MOB
    uint64_t size;   ///< bytes that follow
};

/** \brief Writes a recording. Command thread only. */
class Recorder {
public:
    /** \throws Error where \p path cannot be written. */
    explicit Recorder(const std::string& path);

    void command(std::span<const std::byte> command, uint32_t dxContextId);
    void mobData(uint32_t mobId, uint64_t offset, std::span<const std::byte> bytes);

    /** \brief A MOB that is \p mob, and whose reads are recorded. The recorder outlives it. */
    std::shared_ptr<Mob> wrap(std::shared_ptr<Mob> mob);

private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    void put(const RecordHeader& header, std::span<const std::byte> bytes);

    std::string path_;
    std::unique_ptr<std::FILE, CloseFile> file_;
};

struct Record {
    RecordHeader header;
    std::vector<std::byte> bytes;
};

/** \brief Reads a recording. */
class RecordingReader {
public:
    /** \throws Error where the file cannot be read or is no recording. */
    explicit RecordingReader(const std::string& path);

    /** \brief The next record; empty at the end, also where the last record is cut off. \throws Error where there is
     * nonsense. */
    std::optional<Record> next();

private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::string path_;
    std::unique_ptr<std::FILE, CloseFile> file_;
};

} // namespace svga::device
