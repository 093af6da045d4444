// SPDX-License-Identifier: MIT
/**
 * \file
 * DX queries on Vulkan queries.
 *
 * A DX query spans any commands; a Vulkan query must begin and end in one stretch of rendering. So each draw between
 * BEGIN_QUERY and END_QUERY is counted by Vulkan queries of its own (samples), shared by all DX queries that want the
 * same count, and a DX query's result is the sum over its samples. A result is written to the query's MOB, a
 * SVGA3dQueryState and the member of SVGADXQueryResultUnion of its type, when finish() finds the GPU done with it.
 */
#pragma once

#include "device/mob.h"
#include "device/vulkan/gpu_queue.h"
#include "device/vulkan/vulkan_device.h"

#include <svga3d_reg.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace svga::device {

/** \brief What one Vulkan query counts. */
enum class SampleKind : uint8_t { Occlusion, PipelineStatistics, StreamOutput, PrimitivesGenerated, Timestamp };
inline constexpr uint32_t kSampleKindCount = 5;

class QueryPools;

/** \brief One Vulkan query; its slot is free again when neither a QueryRun nor the GPU holds it. */
struct QuerySample {
    SampleKind kind;
    uint32_t stream; ///< StreamOutput, PrimitivesGenerated: vertex stream 0-3
    VkQueryPool pool = VK_NULL_HANDLE;
    uint32_t index = 0;
    std::shared_ptr<QueryPools> owner;

    ~QuerySample();
};

/** \brief The counting of one DX query, from its BEGIN to its result. */
struct QueryRun {
    SVGA3dQueryType type;
    std::vector<std::shared_ptr<QuerySample>> samples;
    bool active = false;
    std::optional<SVGADXQueryResultUnion> result; ///< once finish() was called after its end
    std::shared_ptr<Mob> mob;                     ///< where the result goes; null: nowhere yet
    uint64_t offset = 0;
};

/** \brief Bytes of the result of \p type, without the state before it. \throws CommandError for an unknown type. */
uint32_t queryResultSize(uint32_t type);

class Queries {
public:
    Queries(const VulkanDevice& device, GpuQueue& queue);
    ~Queries();

    std::shared_ptr<QueryRun> begin(SVGA3dQueryType type);
    /** \brief Ends \p run: from now on finish() writes its result. */
    void end(const std::shared_ptr<QueryRun>& run);

    /** \brief Samples of the draw that is recorded next to \p commands, for all active \p runs. */
    void beforeDraw(VkCommandBuffer commands, std::span<const std::shared_ptr<QueryRun>> runs, bool streamOutput);
    void afterDraw(VkCommandBuffer commands);

    /** \brief Waits for and writes the results of all runs that have ended. */
    void finish();
    /** \brief Writes \p run's result to its MOB (again). Does nothing before finish(). */
    void writeResult(const QueryRun& run) const;

private:
    std::shared_ptr<QuerySample> newSample(SampleKind kind, uint32_t stream);
    SVGADXQueryResultUnion sum(const QueryRun& run) const;
    void beginSample(VkCommandBuffer commands, std::span<const std::shared_ptr<QueryRun>> runs, SampleKind kind,
                     uint32_t stream);

    const VulkanDevice& device_;
    GpuQueue& queue_;
    std::shared_ptr<QueryPools> pools_;
    std::vector<std::shared_ptr<QuerySample>> drawing_; ///< begun by beforeDraw()
    std::vector<std::shared_ptr<QueryRun>> ended_;
};

} // namespace svga::device
