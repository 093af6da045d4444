// SPDX-License-Identifier: MIT
#include "tests/dx/dx_fixture.h"

namespace svga::device::test {

using namespace vgpu10::test;

class QueryTest : public DxTest {
protected:
    void SetUp() override {
        DxTest::SetUp();
        setUpScene();
        results = mobs.add(4096).id();
    }
    void begin(uint32_t id) { send(SVGA_3D_CMD_DX_BEGIN_QUERY, SVGA3dCmdDXBeginQuery{id}); }
    void end(uint32_t id) { send(SVGA_3D_CMD_DX_END_QUERY, SVGA3dCmdDXEndQuery{id}); }
    template <typename T>
    T result(uint32_t offset) {
        contexts->finishQueries();
        EXPECT_EQ(mobs.at(results).readValue<uint32_t>(offset), uint32_t(SVGA3D_QUERYSTATE_SUCCEEDED));
        return mobs.at(results).readValue<T>(offset + 4);
    }
    uint32_t results = 0;
};

TEST_F(QueryTest, OcclusionCountsSamplesOverManyPasses) {
    const uint32_t count = query(SVGA3D_QUERYTYPE_OCCLUSION, results, 8);
    const uint32_t wide = query(SVGA3D_QUERYTYPE_OCCLUSION64, results, 16);
    const uint32_t any = query(SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE, results, 32);
    drawQuad({1, 1, 1, 1}); // before: not counted
    begin(count);
    begin(any);
    drawQuad({1, 1, 1, 1});
    clear(targetView, {});
    begin(wide);
    drawQuad({1, 1, 1, 1}, -1, -1, 0, 0);
    queue->finish(); // a query goes on in the next command buffer
    drawQuad({1, 1, 1, 1}, 0, 0, 1, 1);
    end(wide);
    end(count);
    end(any);
    drawQuad({1, 1, 1, 1});
    EXPECT_EQ(mobs.at(results).bytes[8], std::byte{0xcd}); // nothing is written before it is done
    EXPECT_EQ(result<uint32_t>(8), 256u + 64 + 64);
    EXPECT_EQ(result<uint64_t>(16), 128u);
    EXPECT_EQ(result<uint32_t>(32), 1u);
    EXPECT_EQ(mobs.at(results).bytes[40], std::byte{0xcd}); // and not more than the result

    begin(any);
    end(any);
    EXPECT_EQ(result<uint32_t>(32), 0u);
}

TEST_F(QueryTest, TimestampsGrow) {
    const uint32_t first = query(SVGA3D_QUERYTYPE_TIMESTAMP, results, 0);
    const uint32_t second = query(SVGA3D_QUERYTYPE_TIMESTAMP, results, 16);
    const uint32_t frequency = query(SVGA3D_QUERYTYPE_TIMESTAMPDISJOINT, results, 32);
    begin(frequency);
    end(first);
    drawQuad({1, 1, 1, 1});
    end(second);
    end(frequency);
    const auto a = result<uint64_t>(0), b = result<uint64_t>(16);
    EXPECT_NE(a, 0u);
    EXPECT_GT(b, a);
    EXPECT_EQ(result<uint64_t>(32), 1'000'000'000u);
    EXPECT_EQ(mobs.at(results).readValue<uint32_t>(44), 0u);
}

TEST_F(QueryTest, PipelineStatistics) {
    const uint32_t id = query(SVGA3D_QUERYTYPE_PIPELINESTATS, results, 0);
    begin(id);
    drawQuad({1, 1, 1, 1});
    end(id);
    const auto statistics = result<SVGADXPipelineStatisticsQueryResult>(0);
    EXPECT_EQ(statistics.inputAssemblyVertices, 6u);
    EXPECT_EQ(statistics.inputAssemblyPrimitives, 2u);
    EXPECT_GE(statistics.pixelShaderInvocations, 256u);
    EXPECT_EQ(statistics.geometryShaderPrimitives, 0u);
}

TEST_F(QueryTest, PrimitivesAreCountedWithoutStreamOutput) {
    const uint32_t id = query(SVGA3D_QUERYTYPE_STREAMOUTPUTSTATS, results, 0);
    begin(id);
    drawQuad({1, 1, 1, 1});
    drawQuad({1, 1, 1, 1});
    end(id);
    EXPECT_EQ(result<uint64_t>(0), 0u);
    EXPECT_EQ(mobs.at(results).readValue<uint64_t>(12), 4u);
}

TEST_F(QueryTest, PredicateSkipsDrawsAndClears) {
    const uint32_t id = query(SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE, results, 0);
    begin(id);
    drawQuad({0, 0, 0, 0}, 2, 2, 3, 3); // out of sight
    end(id);
    send(SVGA_3D_CMD_DX_SET_PREDICATION, SVGA3dCmdDXSetPredication{id, 0});
    drawQuad({1, 0, 0, 1});
    clear(targetView, {1, 0, 0, 1});
    EXPECT_EQ(pixel(target, 8, 8), kBlack);
    send(SVGA_3D_CMD_DX_SET_PREDICATION, SVGA3dCmdDXSetPredication{id, 1});
    drawQuad({1, 0, 0, 1});
    EXPECT_EQ(pixel(target, 8, 8), kRed);

    send(SVGA_3D_CMD_DX_SET_PREDICATION, SVGA3dCmdDXSetPredication{kNone, 0});
    begin(id);
    drawQuad({0, 1, 0, 1});
    end(id);
    send(SVGA_3D_CMD_DX_SET_PREDICATION, SVGA3dCmdDXSetPredication{id, 1});
    drawQuad({0, 0, 1, 1});
    EXPECT_EQ(pixel(target, 8, 8), kGreen);
    EXPECT_TRUE(contexts->predicateSkips(kContext));
    EXPECT_FALSE(contexts->predicateSkips(77));
    send(SVGA_3D_CMD_DX_SET_PREDICATION, SVGA3dCmdDXSetPredication{kNone, 0});
    EXPECT_FALSE(contexts->predicateSkips(kContext));
}

TEST_F(QueryTest, QueriesMoveWithTheirMob) {
    const uint32_t id = query(SVGA3D_QUERYTYPE_OCCLUSION, results, 0);
    const uint32_t other = query(SVGA3D_QUERYTYPE_OCCLUSION, results, 16);
    begin(id);
    drawQuad({1, 1, 1, 1});
    end(id);
    contexts->finishQueries();
    FakeMob& moved = mobs.add(4096);
    send(SVGA_3D_CMD_DX_BIND_ALL_QUERY, SVGA3dCmdDXBindAllQuery{kContext, moved.id()});
    send(SVGA_3D_CMD_DX_READBACK_ALL_QUERY, SVGA3dCmdDXReadbackAllQuery{kContext});
    EXPECT_EQ(moved.readValue<uint32_t>(0), uint32_t(SVGA3D_QUERYSTATE_SUCCEEDED));
    EXPECT_EQ(moved.readValue<uint32_t>(4), 256u);
    EXPECT_EQ(moved.bytes[16], std::byte{0xcd}); // was never ended
    begin(other);
    end(other);
    contexts->finishQueries();
    EXPECT_EQ(moved.readValue<uint32_t>(16), uint32_t(SVGA3D_QUERYSTATE_SUCCEEDED));
}

TEST_F(QueryTest, ADestroyedQueryStillEndsCleanly) {
    const uint32_t id = query(SVGA3D_QUERYTYPE_OCCLUSION, results, 0);
    begin(id);
    drawQuad({1, 1, 1, 1});
    send(SVGA_3D_CMD_DX_DESTROY_QUERY, SVGA3dCmdDXDestroyQuery{id});
    drawQuad({1, 1, 1, 1});
    contexts->finishQueries();
    EXPECT_EQ(mobs.at(results).bytes[0], std::byte{0xcd});
}

} // namespace svga::device::test
