// SPDX-License-Identifier: MIT
#include "device/dx/queries.h"

#include "device/vulkan/vulkan_error.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace svga::device {

namespace {

constexpr uint32_t kQueriesPerPool = 256;
constexpr uint32_t kStreams = 4;
/// In the order of SVGADXPipelineStatisticsQueryResult, which is that of the bits.
constexpr uint32_t kStatisticCount = 11;
constexpr VkQueryPipelineStatisticFlags kStatistics = (1u << kStatisticCount) - 1;

VkQueryType vulkanType(SampleKind kind) {
    switch (kind) {
    case SampleKind::Occlusion:
        return VK_QUERY_TYPE_OCCLUSION;
    case SampleKind::PipelineStatistics:
        return VK_QUERY_TYPE_PIPELINE_STATISTICS;
    case SampleKind::StreamOutput:
        return VK_QUERY_TYPE_TRANSFORM_FEEDBACK_STREAM_EXT;
    case SampleKind::PrimitivesGenerated:
        return VK_QUERY_TYPE_PRIMITIVES_GENERATED_EXT;
    case SampleKind::Timestamp:
        return VK_QUERY_TYPE_TIMESTAMP;
    }
    return VK_QUERY_TYPE_OCCLUSION;
}

/** \brief Streams that a query of \p type looks at, as [first, first + count). Empty for types without streams. */
struct StreamRange {
    uint32_t first = 0, count = 0;
};
StreamRange streamsOf(SVGA3dQueryType type) {
    switch (type) {
    case SVGA3D_QUERYTYPE_STREAMOUTPUTSTATS:
        return {0, 1};
    case SVGA3D_QUERYTYPE_STREAMOVERFLOWPREDICATE:
        return {0, kStreams};
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM0:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM1:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM2:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM3:
        return {uint32_t(type - SVGA3D_QUERYTYPE_SOSTATS_STREAM0), 1};
    case SVGA3D_QUERYTYPE_SOP_STREAM0:
    case SVGA3D_QUERYTYPE_SOP_STREAM1:
    case SVGA3D_QUERYTYPE_SOP_STREAM2:
    case SVGA3D_QUERYTYPE_SOP_STREAM3:
        return {uint32_t(type - SVGA3D_QUERYTYPE_SOP_STREAM0), 1};
    default:
        return {};
    }
}

bool isStatistics(SVGA3dQueryType type) {
    return type == SVGA3D_QUERYTYPE_STREAMOUTPUTSTATS ||
           (type >= SVGA3D_QUERYTYPE_SOSTATS_STREAM0 && type <= SVGA3D_QUERYTYPE_SOSTATS_STREAM3);
}

bool wants(SVGA3dQueryType type, SampleKind kind, uint32_t stream) {
    const StreamRange streams = streamsOf(type);
    const bool inRange = stream >= streams.first && stream < streams.first + streams.count;
    switch (kind) {
    case SampleKind::Occlusion:
        return type == SVGA3D_QUERYTYPE_OCCLUSION || type == SVGA3D_QUERYTYPE_OCCLUSION64 ||
               type == SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE;
    case SampleKind::PipelineStatistics:
        return type == SVGA3D_QUERYTYPE_PIPELINESTATS;
    case SampleKind::StreamOutput:
        return inRange;
    case SampleKind::PrimitivesGenerated:
        return inRange && isStatistics(type);
    case SampleKind::Timestamp:
        return false; // taken at the end, not at draws
    }
    return false;
}

} // namespace

uint32_t queryResultSize(uint32_t type) {
    switch (type) {
    case SVGA3D_QUERYTYPE_OCCLUSION:
        return sizeof(SVGADXOcclusionQueryResult);
    case SVGA3D_QUERYTYPE_TIMESTAMP:
        return sizeof(SVGADXTimestampQueryResult);
    case SVGA3D_QUERYTYPE_TIMESTAMPDISJOINT:
        return sizeof(SVGADXTimestampDisjointQueryResult);
    case SVGA3D_QUERYTYPE_PIPELINESTATS:
        return sizeof(SVGADXPipelineStatisticsQueryResult);
    case SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE:
        return sizeof(SVGADXOcclusionPredicateQueryResult);
    case SVGA3D_QUERYTYPE_OCCLUSION64:
        return sizeof(SVGADXOcclusion64QueryResult);
    case SVGA3D_QUERYTYPE_STREAMOUTPUTSTATS:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM0:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM1:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM2:
    case SVGA3D_QUERYTYPE_SOSTATS_STREAM3:
        return sizeof(SVGADXStreamOutStatisticsQueryResult);
    case SVGA3D_QUERYTYPE_STREAMOVERFLOWPREDICATE:
    case SVGA3D_QUERYTYPE_SOP_STREAM0:
    case SVGA3D_QUERYTYPE_SOP_STREAM1:
    case SVGA3D_QUERYTYPE_SOP_STREAM2:
    case SVGA3D_QUERYTYPE_SOP_STREAM3:
        return sizeof(SVGADXStreamOutPredicateQueryResult);
    }
    throw CommandError("query type {} is unknown", type);
}

/** \brief Vulkan query pools and their free slots. Samples may be released from any thread. */
class QueryPools : public std::enable_shared_from_this<QueryPools> {
public:
    explicit QueryPools(const VulkanDevice& device)
        : device_(device.handle()) {}

    ~QueryPools() {
        for (VkQueryPool pool : pools_)
            vkDestroyQueryPool(device_, pool, nullptr);
    }

    std::shared_ptr<QuerySample> take(SampleKind kind, uint32_t stream) {
        std::lock_guard lock(mutex_);
        auto& free = free_[std::size_t(kind)];
        if (free.empty())
            addPool(kind);
        const Slot slot = free.back();
        free.pop_back();
        vkResetQueryPool(device_, slot.pool, slot.index, 1);
        return std::make_shared<QuerySample>(kind, stream, slot.pool, slot.index, shared_from_this());
    }

    void giveBack(const QuerySample& sample) {
        std::lock_guard lock(mutex_);
        free_[std::size_t(sample.kind)].push_back({sample.pool, sample.index});
    }

private:
    struct Slot {
        VkQueryPool pool;
        uint32_t index;
    };

    void addPool(SampleKind kind) {
        VkQueryPoolCreateInfo create{VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
        create.queryType = vulkanType(kind);
        create.queryCount = kQueriesPerPool;
        if (kind == SampleKind::PipelineStatistics)
            create.pipelineStatistics = kStatistics;
        VkQueryPool pool = VK_NULL_HANDLE;
        check(vkCreateQueryPool(device_, &create, nullptr, &pool), "vkCreateQueryPool");
        pools_.push_back(pool);
        for (uint32_t index = kQueriesPerPool; index-- > 0;)
            free_[std::size_t(kind)].push_back({pool, index});
    }

    VkDevice device_;
    std::mutex mutex_;
    std::vector<VkQueryPool> pools_;
    std::array<std::vector<Slot>, kSampleKindCount> free_;
};

QuerySample::~QuerySample() {
    if (owner)
        owner->giveBack(*this);
}

Queries::Queries(const VulkanDevice& device, GpuQueue& queue)
    : device_(device)
    , queue_(queue)
    , pools_(std::make_shared<QueryPools>(device)) {}

Queries::~Queries() = default;

std::shared_ptr<QuerySample> Queries::newSample(SampleKind kind, uint32_t stream) {
    auto sample = pools_->take(kind, stream);
    queue_.keepAlive(sample);
    return sample;
}

std::shared_ptr<QueryRun> Queries::begin(SVGA3dQueryType type) {
    auto run = std::make_shared<QueryRun>();
    run->type = type;
    run->active = true;
    return run;
}

void Queries::end(const std::shared_ptr<QueryRun>& run) {
    run->active = false;
    if (run->type == SVGA3D_QUERYTYPE_TIMESTAMP) {
        auto sample = newSample(SampleKind::Timestamp, 0);
        vkCmdWriteTimestamp2(queue_.transfer(), VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, sample->pool, sample->index);
        run->samples = {std::move(sample)};
    }
    ended_.push_back(run);
}

void Queries::beginSample(VkCommandBuffer commands, std::span<const std::shared_ptr<QueryRun>> runs, SampleKind kind,
                          uint32_t stream) {
    std::shared_ptr<QuerySample> sample;
    for (const auto& run : runs) {
        if (!run->active || !wants(run->type, kind, stream))
            continue;
        if (!sample)
            sample = newSample(kind, stream);
        run->samples.push_back(sample);
    }
    if (!sample)
        return;
    const VkQueryControlFlags flags =
        kind == SampleKind::Occlusion && device_.features().occlusionQueryPrecise ? VK_QUERY_CONTROL_PRECISE_BIT : 0;
    if (kind == SampleKind::StreamOutput || kind == SampleKind::PrimitivesGenerated)
        device_.functions().cmdBeginQueryIndexed(commands, sample->pool, sample->index, flags, stream);
    else
        vkCmdBeginQuery(commands, sample->pool, sample->index, flags);
    drawing_.push_back(std::move(sample));
}

void Queries::beforeDraw(VkCommandBuffer commands, std::span<const std::shared_ptr<QueryRun>> runs, bool streamOutput) {
    if (runs.empty())
        return;
    beginSample(commands, runs, SampleKind::Occlusion, 0);
    beginSample(commands, runs, SampleKind::PipelineStatistics, 0);
    for (uint32_t stream = 0; stream < kStreams; ++stream) {
        if (streamOutput)
            beginSample(commands, runs, SampleKind::StreamOutput, stream);
        if (device_.features().primitivesGeneratedQuery)
            beginSample(commands, runs, SampleKind::PrimitivesGenerated, stream);
    }
}

void Queries::afterDraw(VkCommandBuffer commands) {
    for (const auto& sample : drawing_) {
        if (sample->kind == SampleKind::StreamOutput || sample->kind == SampleKind::PrimitivesGenerated)
            device_.functions().cmdEndQueryIndexed(commands, sample->pool, sample->index, sample->stream);
        else
            vkCmdEndQuery(commands, sample->pool, sample->index);
    }
    drawing_.clear();
}

void Queries::finish() {
    if (ended_.empty())
        return;
    queue_.finish();
    for (const auto& run : ended_) {
        run->result = sum(*run);
        run->samples.clear();
        writeResult(*run);
    }
    ended_.clear();
}

SVGADXQueryResultUnion Queries::sum(const QueryRun& run) const {
    uint64_t samples = 0, timestamp = 0, written = 0, needed = 0, generated = 0;
    std::array<uint64_t, kStatisticCount> statistics{};
    bool overflowed = false;
    for (const auto& sample : run.samples) {
        std::array<uint64_t, kStatisticCount> values{};
        check(vkGetQueryPoolResults(device_.handle(), sample->pool, sample->index, 1, sizeof(values), values.data(),
                                    sizeof(values), VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
              "vkGetQueryPoolResults");
        switch (sample->kind) {
        case SampleKind::Occlusion:
            samples += values[0];
            break;
        case SampleKind::PipelineStatistics:
            for (uint32_t i = 0; i < kStatisticCount; ++i)
                statistics[i] += values[i];
            break;
        case SampleKind::StreamOutput:
            written += values[0];
            needed += values[1];
            overflowed |= values[1] > values[0];
            break;
        case SampleKind::PrimitivesGenerated:
            generated += values[0];
            break;
        case SampleKind::Timestamp:
            timestamp = uint64_t(double(values[0]) * device_.properties().limits.timestampPeriod);
            break;
        }
    }

    SVGADXQueryResultUnion result{};
    switch (run.type) {
    case SVGA3D_QUERYTYPE_OCCLUSION:
        result.occ.samplesRendered = uint32_t(std::min<uint64_t>(samples, UINT32_MAX));
        break;
    case SVGA3D_QUERYTYPE_OCCLUSION64:
        result.occ64.samplesRendered = samples;
        break;
    case SVGA3D_QUERYTYPE_OCCLUSIONPREDICATE:
        result.occPred.anySamplesRendered = samples != 0;
        break;
    case SVGA3D_QUERYTYPE_TIMESTAMP:
        result.ts.timestamp = timestamp;
        break;
    case SVGA3D_QUERYTYPE_TIMESTAMPDISJOINT:
        result.tsDisjoint.realFrequency = 1'000'000'000;
        break;
    case SVGA3D_QUERYTYPE_PIPELINESTATS:
        static_assert(sizeof(result.pipelineStats) == sizeof(statistics));
        std::memcpy(&result.pipelineStats, statistics.data(), sizeof(statistics));
        break;
    default:
        if (isStatistics(run.type)) {
            result.soStats.numPrimitivesWritten = written;
            // What the last stage put out is asked for also where no stream output is bound.
            result.soStats.numPrimitivesRequired = device_.features().primitivesGeneratedQuery ? generated : needed;
        } else {
            result.soPred.overflowed = overflowed;
        }
    }
    return result;
}

void Queries::writeResult(const QueryRun& run) const {
    if (!run.mob || !run.result)
        return;
    try {
        // The state comes last: a guest that polls it finds the result complete.
        const uint32_t state = SVGA3D_QUERYSTATE_SUCCEEDED;
        run.mob->write(run.offset + sizeof(state),
                       std::as_bytes(std::span(&*run.result, 1)).first(queryResultSize(run.type)));
        run.mob->write(run.offset, std::as_bytes(std::span(&state, 1)));
    } catch (const CommandError& error) {
        spdlog::error("query result of type {} cannot be written: {}", uint32_t(run.type), error.what());
    }
}

} // namespace svga::device
