// SPDX-License-Identifier: MIT
//
// What goes wrong: no memory, no device, shaders that are none, accesses beyond what is bound.
#include "pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace svga::test {

namespace {

class Errors : public testing::Test {
protected:
    Gpu gpu;
};

/** Memory for the driver's objects that runs out after some allocations. */
class Allocator {
public:
    explicit Allocator(uint32_t left)
        : left_(left) {
        callbacks_.pUserData = this;
        callbacks_.pfnAllocation = [](void* self, size_t size, size_t alignment, VkSystemAllocationScope) {
            return static_cast<Allocator*>(self)->take(size, alignment);
        };
        callbacks_.pfnReallocation = [](void* self, void* old, size_t size, size_t alignment, VkSystemAllocationScope) {
            return static_cast<Allocator*>(self)->again(old, size, alignment);
        };
        callbacks_.pfnFree = [](void* self, void* memory) {
            static_cast<Allocator*>(self)->live_ -= memory != nullptr;
            std::free(memory);
        };
    }
    Allocator(const Allocator&) = delete;
    Allocator& operator=(const Allocator&) = delete;

    const VkAllocationCallbacks* callbacks() const { return &callbacks_; }
    uint32_t live() const { return live_; }

private:
    void* take(size_t size, size_t alignment) {
        if (left_ == 0)
            return nullptr;
        --left_;
        ++live_;
        alignment = std::max(alignment, sizeof(void*));
        return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    }
    void* again(void* old, size_t size, size_t alignment) {
        if (!old)
            return take(size, alignment);
        return left_ == 0 ? nullptr : std::realloc(old, size);
    }

    VkAllocationCallbacks callbacks_{};
    uint32_t left_, live_ = 0;
};

constexpr const char* kDouble = R"(#version 450
    layout(local_size_x = 16) in;
    layout(set = 0, binding = 0) buffer Data { uint words[]; };
    layout(push_constant) uniform Push { uint first; };
    void main() { words[first + gl_GlobalInvocationID.x] *= 2u; })";

struct Process {
    std::string name;
    pid_t parent = 0;
};

Process processOf(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string number, state;
    Process process;
    file >> number >> process.name >> state >> process.parent;
    return process;
}

/** The devices of the stack that this process runs in: children of who started it. */
std::set<pid_t> devices() {
    std::set<pid_t> ancestors;
    for (pid_t pid = getpid(); pid > 1; pid = processOf(pid).parent)
        ancestors.insert(pid);
    std::set<pid_t> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const int pid = std::atoi(entry.path().filename().c_str());
        if (pid <= 0)
            continue;
        const Process process = processOf(pid);
        if (process.name == "(svga-device)" && ancestors.contains(process.parent))
            found.insert(pid);
    }
    return found;
}

constexpr int kNoDevice = 77;

/** In a process of its own: it kills its device in the middle of its work. \return what the process is to exit with */
int loseDevice() {
    const std::set<pid_t> before = devices();
    Gpu gpu;
    std::set<pid_t> added = devices();
    std::erase_if(added, [&before](pid_t pid) { return before.contains(pid); });
    if (added.empty())
        return kNoDevice;
    CoherentBuffer buffer(gpu, 1 << 20);
    const VkCommandBuffer commands = gpu.record([&](VkCommandBuffer recording) {
        for (uint32_t i = 0; i < 1000; ++i)
            vkCmdFillBuffer(recording, buffer.buffer.handle(), 0, VK_WHOLE_SIZE, i);
    });
    gpu.wait(gpu.submit({&commands, 1}));
    const VkFence fence = gpu.submit({&commands, 1});
    for (const pid_t pid : added)
        kill(pid, SIGKILL);
    const VkResult waited = vkWaitForFences(gpu.device(), 1, &fence, VK_TRUE, UINT64_MAX);
    if (waited != VK_ERROR_DEVICE_LOST && waited != VK_SUCCESS)
        return 1;
    vkDestroyFence(gpu.device(), fence, nullptr);
    VkResult result = VK_SUCCESS;
    for (int i = 0; i < 100 && result == VK_SUCCESS; ++i) {
        VkSubmitInfo info{};
        info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
        info.commandBufferCount = 1;
        info.pCommandBuffers = &commands;
        result = vkQueueSubmit(gpu.queue(), 1, &info, VK_NULL_HANDLE);
        if (result == VK_SUCCESS)
            result = vkQueueWaitIdle(gpu.queue());
    }
    if (result != VK_ERROR_DEVICE_LOST || vkDeviceWaitIdle(gpu.device()) != VK_ERROR_DEVICE_LOST)
        return 2;
    buffer.memory.as<uint32_t>()[0] = 1; // what is mapped stays mapped
    return 0;
}

} // namespace

/** With one allocation more each time, until it works: each time the right error, and nothing left behind. */
TEST_F(Errors, HostMemoryRunsOut) {
    VkBufferCreateInfo buffer{};
    buffer.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    buffer.size = 4096;
    buffer.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
    VkImageCreateInfo image{};
    image.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    image.imageType = VK_IMAGE_TYPE_2D;
    image.format = VK_FORMAT_R8G8B8A8_UNORM;
    image.extent = {64, 64, 1};
    image.mipLevels = image.arrayLayers = 1;
    image.samples = VK_SAMPLE_COUNT_1_BIT;
    image.usage = VK_IMAGE_USAGE_SAMPLED_BIT;
    VkMemoryAllocateInfo memory{};
    memory.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    memory.allocationSize = 4096;
    memory.memoryTypeIndex = gpu.memoryType(Gpu::kCoherent);
    VkSamplerCreateInfo sampler{};
    sampler.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO;
    VkFenceCreateInfo fence{};
    fence.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    VkQueryPoolCreateInfo queries{};
    queries.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    queries.queryType = VK_QUERY_TYPE_OCCLUSION;
    queries.queryCount = 4;
    VkEventCreateInfo event{};
    event.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;

    const auto exhaust = [this](const char* what, auto create, auto destroy, const auto& info) {
        for (uint32_t allocations = 0; allocations < 100; ++allocations) {
            Allocator allocator(allocations);
            const auto [result, handle] = create(gpu.device(), info, allocator.callbacks());
            if (result == VK_SUCCESS) {
                EXPECT_GT(allocations, 0u) << what << " does not use the application's memory";
                destroy(gpu.device(), handle, allocator.callbacks());
                EXPECT_EQ(allocator.live(), 0u) << what;
                return;
            }
            EXPECT_EQ(result, VK_ERROR_OUT_OF_HOST_MEMORY) << what;
            EXPECT_EQ(allocator.live(), 0u) << what << " after " << allocations << " allocations";
        }
        ADD_FAILURE() << what << " never succeeds";
    };
    const auto creator = [](auto function, auto handle) {
        return [function, handle](VkDevice device, const auto& info, const VkAllocationCallbacks* callbacks) {
            auto made = handle;
            const VkResult result = function(device, &info, callbacks, &made);
            return std::pair{result, made};
        };
    };
    exhaust("vkCreateBuffer", creator(vkCreateBuffer, VkBuffer{}), vkDestroyBuffer, buffer);
    exhaust("vkCreateImage", creator(vkCreateImage, VkImage{}), vkDestroyImage, image);
    exhaust("vkAllocateMemory", creator(vkAllocateMemory, VkDeviceMemory{}), vkFreeMemory, memory);
    exhaust("vkCreateSampler", creator(vkCreateSampler, VkSampler{}), vkDestroySampler, sampler);
    exhaust("vkCreateFence", creator(vkCreateFence, VkFence{}), vkDestroyFence, fence);
    exhaust("vkCreateQueryPool", creator(vkCreateQueryPool, VkQueryPool{}), vkDestroyQueryPool, queries);
    exhaust("vkCreateEvent", creator(vkCreateEvent, VkEvent{}), vkDestroyEvent, event);
}

/** Modules with words changed, left out and put in: an error or a pipeline, and in any case a device that works. */
TEST_F(Errors, ShadersThatAreNone) {
    if (gpu.properties().vendorID != 0x15ad)
        GTEST_SKIP() << "other drivers need not survive this";
    const std::vector<uint32_t> valid = vulkan::test::toSpirv(Stage::Compute, kDouble);
    const VkDescriptorSetLayoutBinding binding{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT,
                                               nullptr};
    Pipeline good(gpu, {.glsl = {{Stage::Compute, kDouble}}, .bindings = {binding}, .pushed = 4});
    std::mt19937 random{99};
    uint32_t refused = 0, made = 0;
    for (uint32_t round = 0; round < 400; ++round) {
        std::vector<uint32_t> words = valid;
        for (uint32_t change = 0; change <= round % 4; ++change) {
            const size_t at = random() % words.size();
            switch (random() % 5) {
            case 0:
                words[at] = random();
                break;
            case 1:
                words[at] ^= 1u << random() % 32;
                break;
            case 2:
                words[at] = words[random() % words.size()];
                break;
            case 3:
                words.erase(words.begin() + static_cast<ptrdiff_t>(at));
                break;
            default:
                words.resize(std::max<size_t>(at, 5));
            }
        }
        VkShaderModuleCreateInfo info{};
        info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
        info.codeSize = words.size() * sizeof(uint32_t);
        info.pCode = words.data();
        VkShaderModule module = VK_NULL_HANDLE;
        const VkResult result = vkCreateShaderModule(gpu.device(), &info, nullptr, &module);
        if (result != VK_SUCCESS) {
            EXPECT_EQ(result, VK_ERROR_INVALID_SHADER_NV) << "round " << round;
            ++refused;
            continue;
        }
        VkComputePipelineCreateInfo create{};
        create.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO;
        create.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
        create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
        create.stage.module = module;
        create.stage.pName = "main";
        create.layout = good.layout();
        VkPipeline pipeline = VK_NULL_HANDLE;
        if (vkCreateComputePipelines(gpu.device(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline) == VK_SUCCESS)
            ++made;
        vkDestroyPipeline(gpu.device(), pipeline, nullptr);
        vkDestroyShaderModule(gpu.device(), module, nullptr);
    }
    EXPECT_GT(refused, 200u);
    EXPECT_LT(made, 200u);

    CoherentBuffer data(gpu, 64);
    std::ranges::fill(data.memory.as<uint32_t>().first(16), 21u);
    const VkDescriptorSet set = good.allocate();
    good.write(set, 0, data.buffer);
    gpu.run([&](VkCommandBuffer commands) {
        good.bind(commands, set);
        const uint32_t first = 0;
        vkCmdPushConstants(commands, good.layout(), VK_SHADER_STAGE_ALL, 0, 4, &first);
        vkCmdDispatch(commands, 1, 1, 1);
        barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
    });
    EXPECT_EQ(data.memory.as<uint32_t>()[15], 42u);
}

/** Robust access ends where the bound range does, not where the buffer or its memory does. */
TEST_F(Errors, AccessesEndWithTheBoundRange) {
    if (!gpu.features().robustBufferAccess)
        GTEST_SKIP();
    Pipeline pipeline(
        gpu, {.glsl = {{Stage::Compute, R"(#version 450
        layout(local_size_x = 1) in;
        layout(set = 0, binding = 0) buffer Data { uint words[]; };
        layout(set = 0, binding = 1) buffer Out { uint found[8]; };
        layout(set = 0, binding = 2) uniform Block { uvec4 vectors[64]; };
        layout(push_constant) uniform Push { uint at; };
        void main() {
            found[0] = words.length();
            found[1] = words[at];      // beyond it
            found[2] = vectors[at].x;  // likewise
            words[at] = 7u;
            atomicAdd(words[at + 1u], 1u);
            words[1000000u * at] = 8u; // beyond the memory
            words[3] = 9u;             // within
            found[3] = 1u;
        })"}},
              .bindings = {{0, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER_DYNAMIC, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr},
                           {1, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr},
                           {2, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr}},
              .pushed = 4});
    CoherentBuffer data(gpu, 8192), out(gpu, 256);
    const std::span<uint32_t> words = data.memory.as<uint32_t>();
    for (const uint32_t offset : {0u, 256u}) {
        std::ranges::fill(words, 0x5555u);
        const VkDescriptorSet set = pipeline.allocate();
        pipeline.write(set, 0, data.buffer, 1024, 64);
        pipeline.write(set, 1, out.buffer);
        pipeline.write(set, 2, data.buffer, 4096, 32);
        gpu.run([&](VkCommandBuffer commands) {
            pipeline.bind(commands, set, {offset});
            const uint32_t at = 16;
            vkCmdPushConstants(commands, pipeline.layout(), VK_SHADER_STAGE_ALL, 0, 4, &at);
            vkCmdDispatch(commands, 1, 1, 1);
            barrier(commands, VK_ACCESS_SHADER_WRITE_BIT, VK_ACCESS_HOST_READ_BIT);
        });
        const std::span<const uint32_t> found = out.memory.as<uint32_t>();
        EXPECT_EQ(found[0], 16u);
        // What is in the bound range, or zero; the marks around it are neither.
        EXPECT_TRUE(found[1] == 0 || found[1] == 0x5555u) << found[1];
        EXPECT_TRUE(found[2] == 0 || found[2] == 0x5555u) << found[2];
        EXPECT_EQ(found[3], 1u);
        const size_t first = (1024 + offset) / 4;
        for (size_t i = 0; i < words.size(); ++i) {
            if (i < first || i >= first + 16) {
                ASSERT_EQ(words[i], 0x5555u) << "offset " << offset << ", word " << i;
            }
        }
        EXPECT_EQ(words[first + 3], 9u);
    }
}

/** kill -9 of the device in the middle: an error that says so from then on, and no wait that never ends. */
TEST(LostDevice, IsToldFromThenOn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    bool killed = true;
    const auto expected = [&killed](int status) {
        killed = WEXITSTATUS(status) != kNoDevice;
        return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || !killed);
    };
    EXPECT_EXIT(std::exit(loseDevice()), expected, "");
    if (!killed)
        GTEST_SKIP() << "the device is no process beside this one";
}

} // namespace svga::test
