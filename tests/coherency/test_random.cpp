// SPDX-License-Identifier: MIT
// Random operations on several coherent buffers, against a model in plain memory.
#include "coherency_test.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

namespace svga::coherency {
namespace {

/**
 * \brief A few coherent buffers, the bytes they must hold, and the random operations on both.
 *
 * OpenGL leaves it to the program to order CPU accesses and GPU work that touch the same bytes; so each access by the
 * CPU first waits if, and only if, pending GPU work touches one of its bytes. Accesses to other bytes of the same page
 * are not ordered: keeping those apart is what is tested.
 */
class Model {
public:
    Model(uint64_t seed, const GpuCopy& gpuCopy)
        : random_(seed)
        , gpuCopy_(gpuCopy) {
        for (auto& slot : buffers_)
            recreate(slot);
    }

    void step() {
        switch (pick(14)) {
        case 0:
        case 1:
        case 2:
            cpuWrite();
            break;
        case 3:
        case 4:
            cpuRead();
            break;
        case 5:
        case 6:
        case 7:
            drawCopy();
            break;
        case 8:
            bufferCopy();
            break;
        case 9:
            readSystemCall();
            break;
        case 10:
            textureRoundTrip();
            break;
        case 11:
            glFlush();
            break;
        case 12:
            wait();
            break;
        case 13:
            if (pick(4) == 0)
                recreate(buffers_[pick(buffers_.size())]);
            break;
        }
    }

    void checkAll() {
        wait();
        for (auto& slot : buffers_) {
            EXPECT_TRUE(sameBytes(slot.buffer->bytes(), slot.model)) << "as the CPU sees it; last: " << last_;
            PlainBuffer copy(slot.buffer->size());
            gpuCopy_(slot.buffer->name(), 0, copy.name(), 0, copy.size());
            std::vector<std::byte> seen(copy.size());
            copy.read(0, seen);
            EXPECT_TRUE(sameBytes(seen, slot.model)) << "as the GPU sees it; last: " << last_;
        }
    }

private:
    struct Slot {
        std::unique_ptr<MappedBuffer> buffer;
        std::vector<std::byte> model;
    };
    struct Pending {
        const Slot* slot;
        std::size_t begin, end;
        bool write;
    };
    struct Range {
        Slot* slot;
        std::size_t begin, size;
    };

    std::size_t pick(std::size_t count) { return static_cast<std::size_t>(random_() % count); }

    Range range(std::size_t alignment, std::size_t limit = SIZE_MAX) {
        Slot& slot = buffers_[pick(buffers_.size())];
        const std::size_t total = slot.buffer->size();
        const std::size_t small = 1 + pick(pick(2) ? 64 : 3 * kPage);
        const std::size_t size = std::max(alignment, std::min({small, total, limit}) / alignment * alignment);
        return {&slot, pick((total - size) / alignment + 1) * alignment, size};
    }

    /** Waits for the GPU where the CPU's access would otherwise race with it. */
    void order(const Range& range, bool write) {
        const bool races = std::any_of(pending_.begin(), pending_.end(), [&](const Pending& p) {
            return p.slot == range.slot && p.begin < range.begin + range.size && range.begin < p.end &&
                   (p.write || write);
        });
        if (races)
            wait();
    }

    void wait() {
        if (pick(2))
            waitFence();
        else
            glFinish();
        pending_.clear();
    }

    void recreate(Slot& slot) {
        last_ = "recreate";
        std::erase_if(pending_, [&](const Pending& p) { return p.slot == &slot; });
        static constexpr std::array<std::size_t, 6> kSizes{64,         kPage,          3 * kPage + 20,
                                                           17 * kPage, 40 * kPage - 4, 128 * kPage};
        slot.buffer = std::make_unique<MappedBuffer>(kSizes[pick(kSizes.size())]);
        slot.model = pattern(slot.buffer->size(), static_cast<uint32_t>(random_()));
        std::copy(slot.model.begin(), slot.model.end(), slot.buffer->bytes().begin());
    }

    void cpuWrite() {
        last_ = "cpuWrite";
        const Range r = range(1);
        order(r, true);
        const auto data = pattern(r.size, static_cast<uint32_t>(random_()));
        std::copy(data.begin(), data.end(), r.slot->buffer->bytes().begin() + static_cast<std::ptrdiff_t>(r.begin));
        std::copy(data.begin(), data.end(), r.slot->model.begin() + static_cast<std::ptrdiff_t>(r.begin));
    }

    void cpuRead() {
        last_ = "cpuRead";
        const Range r = range(1);
        order(r, false);
        EXPECT_TRUE(sameBytes(r.slot->buffer->bytes().subspan(r.begin, r.size),
                              std::span(r.slot->model).subspan(r.begin, r.size)))
            << "range " << r.begin << " + " << r.size;
    }

    /** Two ranges of one size, in different buffers. */
    std::pair<Range, Range> twoRanges(std::size_t alignment) {
        Range from = range(alignment);
        Range to = range(alignment, from.size);
        while (to.slot == from.slot)
            to = Range{&buffers_[pick(buffers_.size())], 0, to.size};
        const std::size_t size = std::min({from.size, to.size, to.slot->buffer->size() / alignment * alignment});
        from.size = to.size = size;
        to.begin = std::min(to.begin, (to.slot->buffer->size() - size) / alignment * alignment);
        return {from, to};
    }

    void copied(const Range& from, const Range& to) {
        std::copy_n(from.slot->model.begin() + static_cast<std::ptrdiff_t>(from.begin), from.size,
                    to.slot->model.begin() + static_cast<std::ptrdiff_t>(to.begin));
        pending_.push_back({from.slot, from.begin, from.begin + from.size, false});
        pending_.push_back({to.slot, to.begin, to.begin + to.size, true});
    }

    void drawCopy() {
        last_ = "drawCopy";
        const auto [from, to] = twoRanges(4);
        gpuCopy_(from.slot->buffer->name(), from.begin, to.slot->buffer->name(), to.begin, to.size);
        copied(from, to);
    }

    void bufferCopy() {
        last_ = "bufferCopy";
        const auto [from, to] = twoRanges(1);
        glBindBuffer(GL_COPY_READ_BUFFER, from.slot->buffer->name());
        glBindBuffer(GL_COPY_WRITE_BUFFER, to.slot->buffer->name());
        glCopyBufferSubData(GL_COPY_READ_BUFFER, GL_COPY_WRITE_BUFFER, static_cast<GLintptr>(from.begin),
                            static_cast<GLintptr>(to.begin), static_cast<GLsizeiptr>(to.size));
        copied(from, to);
    }

    void readSystemCall() {
        last_ = "readSystemCall";
        const Range r = range(1, 16 * kPage); // what a pipe holds
        order(r, true);
        const auto data = pattern(r.size, static_cast<uint32_t>(random_()));
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        ASSERT_EQ(write(ends[1], data.data(), data.size()), static_cast<ssize_t>(data.size()));
        ASSERT_EQ(read(ends[0], r.slot->buffer->bytes().data() + r.begin, r.size), static_cast<ssize_t>(r.size));
        close(ends[0]);
        close(ends[1]);
        std::copy(data.begin(), data.end(), r.slot->model.begin() + static_cast<std::ptrdiff_t>(r.begin));
    }

    /** From one buffer into a texture and from there into another, through the pixel paths. */
    void textureRoundTrip() {
        last_ = "textureRoundTrip";
        const auto [from, to] = twoRanges(4);
        const auto texels = static_cast<GLsizei>(std::min<std::size_t>(to.size / 4, 2048));
        GLuint texture = 0;
        glGenTextures(1, &texture);
        glBindTexture(GL_TEXTURE_2D, texture);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAX_LEVEL, 0);
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, from.slot->buffer->name());
        glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, texels, 1, 0, GL_RGBA, GL_UNSIGNED_BYTE,
                     reinterpret_cast<const void*>(from.begin));
        glBindBuffer(GL_PIXEL_UNPACK_BUFFER, 0);
        glBindBuffer(GL_PIXEL_PACK_BUFFER, to.slot->buffer->name());
        glGetTexImage(GL_TEXTURE_2D, 0, GL_RGBA, GL_UNSIGNED_BYTE, reinterpret_cast<void*>(to.begin));
        glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
        glDeleteTextures(1, &texture);
        Range source = from, destination = to;
        source.size = destination.size = static_cast<std::size_t>(texels) * 4;
        copied(source, destination);
    }

    std::mt19937_64 random_;
    const GpuCopy& gpuCopy_;
    std::array<Slot, 5> buffers_;
    std::vector<Pending> pending_;
    const char* last_ = "nothing";
};

using Random = CoherencyTest;

TEST_F(Random, OperationsAgainstAModel) {
    const Settings& settings = Settings::instance();
    for (uint64_t seed = settings.firstSeed; seed < settings.firstSeed + settings.seeds; ++seed) {
        Model model(seed, gpuCopy_);
        for (int i = 0; i < 60 && !HasFailure(); ++i)
            model.step();
        model.checkAll();
        ASSERT_FALSE(HasFailure()) << "run again with --gtest_filter=Random.* --seeds=1 --first-seed=" << seed;
    }
}

} // namespace
} // namespace svga::coherency
