// SPDX-License-Identifier: MIT
/**
 * \file
 * A DX context on a real Vulkan device, driven by command structs as a guest would send them.
 */
#pragma once

#include "device/dx/dx_contexts.h"
#include "device/vulkan/surface_manager.h"
#include "tests/vgpu10/assembler.h"
#include "tests/device_vulkan/gpu.h"

#include <svga3d_reg.h>

#include <array>
#include <cstring>
#include <map>
#include <vector>

namespace svga::device::test {

/** \brief Guest memory that is only a vector. */
class FakeMob final : public Mob {
public:
    FakeMob(uint32_t id, uint64_t size)
        : bytes((size + 4095) / 4096 * 4096, std::byte{0xcd})
        , id_(id) {}
    uint32_t id() const override { return id_; }
    uint64_t size() const override { return bytes.size(); }
    void read(uint64_t offset, std::span<std::byte> out) const override {
        check(offset, out.size());
        std::memcpy(out.data(), bytes.data() + offset, out.size());
    }
    void write(uint64_t offset, std::span<const std::byte> in) override {
        check(offset, in.size());
        std::memcpy(bytes.data() + offset, in.data(), in.size());
    }
    std::span<std::byte> contiguous() override { return {}; }

    std::vector<std::byte> bytes;

private:
    void check(uint64_t offset, uint64_t size) const {
        if (offset > bytes.size() || size > bytes.size() - offset)
            throw CommandError("MOB {}: {} bytes at {}", id_, size, offset);
    }
    uint32_t id_;
};

class FakeMobs final : public MobLookup {
public:
    std::shared_ptr<Mob> get(uint32_t id) const override {
        auto it = mobs_.find(id);
        if (it == mobs_.end())
            throw CommandError("MOB {} is not defined", id);
        return it->second;
    }
    FakeMob& add(uint64_t size) {
        const uint32_t id = next_++;
        return *(mobs_[id] = std::make_shared<FakeMob>(id, size));
    }
    FakeMob& at(uint32_t id) { return *mobs_.at(id); }

private:
    uint32_t next_ = 100;
    std::map<uint32_t, std::shared_ptr<FakeMob>> mobs_;
};

struct Rgba {
    uint8_t r = 0, g = 0, b = 0, a = 0;
    bool operator==(const Rgba&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Rgba& c) {
    return out << '(' << int(c.r) << ' ' << int(c.g) << ' ' << int(c.b) << ' ' << int(c.a) << ')';
}
inline constexpr Rgba kBlack{0, 0, 0, 0}, kRed{255, 0, 0, 255}, kGreen{0, 255, 0, 255}, kBlue{0, 0, 255, 255},
    kWhite{255, 255, 255, 255};

struct Vertex {
    float position[4];
    float color[4];
};
using Vec4 = std::array<float, 4>;

class DxTest : public GpuTest {
protected:
    static constexpr uint32_t kContext = 1;
    static constexpr uint32_t kSize = 16; ///< of the usual render target, pixels each way
    static constexpr uint32_t kNone = SVGA3D_INVALID_ID;

    FakeMobs mobs;
    std::unique_ptr<SurfaceManager> surfaces =
        std::make_unique<SurfaceManager>(device, *queue, mobs, SurfaceManager::Options{});
    std::unique_ptr<DxContexts> contexts = DxContexts::create(device, *queue, mobs, *surfaces);
    CommandTable table;
    std::array<uint32_t, SVGA_COTABLE_MAX> coTableMobs{};
    uint32_t contextMob = 0;
    uint32_t nextSurface = 1, nextId = 1;

    void SetUp() override;
    void TearDown() override;

    /** \brief Sends \p command, and \p items behind it. */
    template <typename Command, typename Item = uint32_t>
    void send(uint32_t id, const Command& command, const std::vector<Item>& items = {}) {
        const auto head = std::as_bytes(std::span(&command, 1)), tail = std::as_bytes(std::span(items));
        std::vector<std::byte> bytes(head.begin(), head.end());
        bytes.insert(bytes.end(), tail.begin(), tail.end());
        const CommandTable::Entry* entry = table.find(id);
        if (!entry)
            throw CommandError("command {} is unknown", id);
        entry->handler(kContext, CommandBody(bytes));
    }

    // Surfaces
    uint32_t surface(SurfaceDesc desc);
    uint32_t buffer(std::span<const std::byte> bytes);
    template <typename T>
    uint32_t bufferOf(const std::vector<T>& items) {
        return buffer(std::as_bytes(std::span(items)));
    }
    uint32_t texture(uint32_t width, uint32_t height, SVGA3dSurfaceFormat format = SVGA3D_R8G8B8A8_UNORM,
                     SVGA3dSurfaceAllFlags flags = 0);
    /** \brief Fills a surface's guest memory from byte \p offset on and has the device read all of it. */
    void upload(uint32_t sid, std::span<const std::byte> bytes, uint64_t offset = 0);
    template <typename T>
    void uploadOf(uint32_t sid, const std::vector<T>& items, uint64_t offset = 0) {
        upload(sid, std::as_bytes(std::span(items)), offset);
    }
    /** \brief The surface's bytes, read back. */
    std::vector<std::byte> bytesOf(uint32_t sid);
    template <typename T>
    std::vector<T> read(uint32_t sid) {
        const auto bytes = bytesOf(sid);
        std::vector<T> items(bytes.size() / sizeof(T));
        std::memcpy(items.data(), bytes.data(), items.size() * sizeof(T));
        return items;
    }
    Rgba pixel(uint32_t sid, uint32_t x, uint32_t y, uint32_t width = kSize) {
        return read<Rgba>(sid).at(y * width + x);
    }

    // Objects; each gives the new id
    uint32_t shader(SVGA3dShaderType type, const vgpu10::test::Assembler& assembler);
    uint32_t renderTargetView(uint32_t sid, SVGA3dSurfaceFormat format = SVGA3D_R8G8B8A8_UNORM, uint32_t level = 0,
                              uint32_t firstSlice = 0, uint32_t slices = 1);
    uint32_t depthView(uint32_t sid, SVGA3dSurfaceFormat format, uint8_t flags = 0);
    uint32_t resourceView(uint32_t sid, SVGA3dResourceType dimension,
                          SVGA3dSurfaceFormat format = SVGA3D_R8G8B8A8_UNORM, uint32_t level = 0, uint32_t levels = 1,
                          uint32_t firstSlice = 0, uint32_t slices = 1);
    uint32_t bufferView(uint32_t sid, SVGA3dSurfaceFormat format, uint32_t first, uint32_t count);
    uint32_t samplerState(SVGA3dFilter filter, uint8_t address = SVGA3D_TEX_ADDRESS_CLAMP, Vec4 border = {},
                          uint8_t comparison = SVGA3D_COMPARISON_NEVER);
    uint32_t elementLayout(const std::vector<SVGA3dInputElementDesc>& elements);
    uint32_t rasterizer(SVGA3dCmdDXDefineRasterizerState state);
    uint32_t blend(SVGA3dCmdDXDefineBlendState state);
    uint32_t depthStencil(SVGA3dCmdDXDefineDepthStencilState state);
    uint32_t query(SVGA3dQueryType type, uint32_t mob, uint32_t offset);
    static SVGA3dCmdDXDefineRasterizerState plainRasterizer();
    static SVGA3dCmdDXDefineBlendState plainBlend();
    static SVGA3dCmdDXDefineDepthStencilState plainDepth(uint8_t function);

    // Binding
    void setShader(SVGA3dShaderType type, uint32_t id);
    void setTargets(const std::vector<uint32_t>& colors, uint32_t depth = SVGA3D_INVALID_ID);
    void setViewport(float x, float y, float width, float height, float minDepth = 0, float maxDepth = 1);
    void setVertices(uint32_t sid, uint32_t stride, uint32_t offset = 0, uint32_t slot = 0);
    void setTopology(SVGA3dPrimitiveType type);
    void setConstants(SVGA3dShaderType type, uint32_t slot, uint32_t sid, uint32_t size, uint32_t offset = 0);
    void setResources(SVGA3dShaderType type, const std::vector<uint32_t>& ids);
    void setSamplers(SVGA3dShaderType type, const std::vector<uint32_t>& ids);
    void setRasterizer(uint32_t id);
    void setBlend(uint32_t id, Vec4 factor = {1, 1, 1, 1}, uint32_t mask = UINT32_MAX);
    void setDepthStencil(uint32_t id, uint32_t reference = 0);

    void clear(uint32_t view, Vec4 color);
    void clearDepth(uint32_t view, float depth, uint8_t stencil,
                    uint16_t flags = SVGA3D_CLEAR_DEPTH | SVGA3D_CLEAR_STENCIL);
    void draw(uint32_t count, uint32_t first = 0);

    /**
     * \brief The usual scene: a cleared kSize x kSize target, shaders that pass position and colour through, a layout
     * of Vertex, viewport over all of it, nothing culled.
     */
    void setUpScene(SVGA3dSurfaceFormat format = SVGA3D_R8G8B8A8_UNORM);
    uint32_t target = 0, targetView = 0;

    /** \brief Two triangles over [left, right] x [bottom, top] of clip space, at depth \p z. */
    static std::vector<Vertex> quad(Vec4 color, float left = -1, float bottom = -1, float right = 1, float top = 1,
                                    float z = 0.5f);
    void drawQuad(Vec4 color, float left = -1, float bottom = -1, float right = 1, float top = 1, float z = 0.5f);

    static vgpu10::test::Assembler passVertexShader();
    static vgpu10::test::Assembler colorPixelShader();
};

} // namespace svga::device::test
