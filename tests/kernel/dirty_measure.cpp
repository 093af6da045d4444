// SPDX-License-Identifier: MIT
// What vmwgfx's dirty-tracking costs, and whether it loses anything: one line for each figure, "name value". Runs on a
// stock kernel as well; there it leaves out what only the new ioctls can do. Times are for comparing two kernels on one
// machine and nothing else.
#include "../uapi/node.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>

namespace {

using namespace svga::uapi;

/** A surface of 4 bytes a texel, coherent, mapped. */
class Surface {
public:
    Surface(Node& node, uint32_t width, uint32_t height, const Buffer* buffer = nullptr)
        : node_(node)
        , width_(width)
        , height_(height) {
        drm_vmw_gb_surface_create_ext_arg arg{};
        auto& base = arg.req.base;
        base.svga3d_flags = SVGA3D_SURFACE_BIND_SHADER_RESOURCE | SVGA3D_SURFACE_BIND_RENDER_TARGET;
        base.format = SVGA3D_R8G8B8A8_UNORM;
        base.mip_levels = 1;
        base.array_size = 1;
        base.base_size = {width, height, 1, 0};
        base.buffer_handle = buffer ? buffer->handle() : SVGA3D_INVALID_ID;
        base.drm_surface_flags = static_cast<drm_vmw_surface_flags>(drm_vmw_surface_flag_coherent |
                                                                    (buffer ? 0 : drm_vmw_surface_flag_create_buffer));
        arg.req.version = drm_vmw_gb_surface_v1;
        if (const int result = node.exchange(DRM_VMW_GB_SURFACE_CREATE_EXT, arg))
            throw std::runtime_error(std::string("DRM_VMW_GB_SURFACE_CREATE_EXT: ") + std::strerror(-result));
        reply_ = arg.rep;
        closesBuffer_ = !buffer;
        mapping_.emplace(node, reply_.buffer_map_handle, size(), PROT_READ | PROT_WRITE);
    }
    ~Surface() {
        drm_vmw_surface_arg surface{};
        surface.sid = static_cast<int32_t>(reply_.handle);
        node_.write(DRM_VMW_UNREF_SURFACE, surface);
        drm_vmw_handle_close_arg close{};
        close.handle = reply_.buffer_handle;
        if (closesBuffer_)
            node_.write(DRM_VMW_HANDLE_CLOSE, close);
    }
    Surface(const Surface&) = delete;
    Surface& operator=(const Surface&) = delete;

    std::size_t size() const { return std::size_t{width_} * height_ * 4; }
    uint64_t pages() const { return size() / kPage; }
    uint32_t buffer() const { return reply_.buffer_handle; }
    volatile uint8_t* page(uint64_t index) const { return mapping_->data() + index * kPage; }
    uint64_t address() const { return mapping_->address(); }
    void fill(uint64_t index, uint8_t value) { std::memset(mapping_->data() + index * kPage, value, kPage); }
    bool holds(uint64_t index, uint8_t value) const {
        for (uint64_t byte = 0; byte < kPage; ++byte)
            if (page(index)[byte] != value)
                return false;
        return true;
    }
    /** Commands that have the device copy all of another surface of the same size here. */
    void copyFrom(Commands& commands, const Surface& from) const {
        SVGA3dCmdDXPredCopyRegion copy{};
        copy.dstSid = reply_.handle;
        copy.srcSid = from.reply_.handle;
        copy.box.w = width_;
        copy.box.h = height_;
        copy.box.d = 1;
        commands.add(SVGA_3D_CMD_DX_PRED_COPY_REGION, copy);
    }

    /** A command that has the device copy one texel to another surface: something that names this one and costs little.
     */
    void copyTexel(Commands& commands, const Surface& to) const {
        SVGA3dCmdDXPredCopyRegion copy{};
        copy.dstSid = to.reply_.handle;
        copy.srcSid = reply_.handle;
        copy.box.w = copy.box.h = copy.box.d = 1;
        commands.add(SVGA_3D_CMD_DX_PRED_COPY_REGION, copy);
    }

private:
    Node& node_;
    const uint32_t width_, height_;
    drm_vmw_gb_surface_create_rep reply_{};
    bool closesBuffer_ = true;
    std::optional<Mapping> mapping_;
};

void copy(Context& context, Surface& to, const Surface& from) {
    Commands commands;
    to.copyFrom(commands, from);
    if (const int result = context.run(commands))
        throw std::runtime_error(std::string("DRM_VMW_EXECBUF: ") + std::strerror(-result));
}

void say(const char* name, double value) {
    std::printf("%-32s %.6g\n", name, value);
}

double microseconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

/** Submits, and waits for the device. \return what the submission itself took. */
double submit(Node& node, Context& context, const Commands& commands) {
    uint32_t fence = 0;
    int result = 0;
    const double time = microseconds([&] { result = context.submit(commands, fence); });
    if (result != 0)
        throw std::runtime_error(std::string("DRM_VMW_EXECBUF: ") + std::strerror(-result));
    waitForFence(node, fence);
    unrefFence(node, fence);
    return time;
}

long pageFaults() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

bool hasTracking(Node& node) {
    return node.parameter(DRM_VMW_PARAM_DIRTY_TRACKING).value_or(0) >= 1;
}

void farEdge(Node& node) {
    Context context(node);
    Surface surface(node, 2048, 64), seen(node, 2048, 64);
    copy(context, seen, surface);
    surface.fill(1, 0x11);
    surface.fill(4, 0x44);
    copy(context, seen, surface);
    say("far_edge_lost_pages", !seen.holds(1, 0x11) + !seen.holds(4, 0x44));
}

void firstUse(Node& node) {
    Context context(node);
    Surface surface(node, 256, 64), seen(node, 256, 64);
    for (uint64_t page = 0; page < surface.pages(); ++page)
        surface.fill(page, 0x21);
    copy(context, seen, surface);
    int lost = 0;
    for (uint64_t page = 0; page < surface.pages(); ++page)
        lost += !seen.holds(page, 0x21);
    say("first_use_lost_pages", lost);
}

void sharedMemory(Node& node) {
    Context context(node);
    const Buffer buffer(node, 256 * 64 * 4);
    Surface first(node, 256, 64, &buffer), second(node, 256, 32, &buffer);
    Surface seenFirst(node, 256, 64), seenSecond(node, 256, 32);
    copy(context, seenFirst, first);
    copy(context, seenSecond, second);
    first.fill(0, 0x31);
    first.fill(15, 0x32);
    copy(context, seenSecond, second);
    copy(context, seenFirst, first);
    say("shared_memory_lost_pages",
        !seenFirst.holds(0, 0x31) + !seenFirst.holds(15, 0x32) + !seenSecond.holds(0, 0x31));
}

void corners(Node& node) {
    Context context(node);
    Surface surface(node, 1024, 1024), seen(node, 1024, 1024);
    for (uint64_t page = 0; page < surface.pages(); ++page)
        surface.fill(page, 1);
    copy(context, seen, surface);
    copy(context, seen, surface);
    auto uploaded = [&] { return hasTracking(node) ? queryDirty(node, surface.buffer()).uploaded_bytes : 0; };
    const auto before = uploaded();
    surface.fill(0, 2);
    surface.fill(surface.pages() - 1, 3);
    copy(context, seen, surface);
    if (hasTracking(node))
        say("corners_uploaded_bytes", static_cast<double>(uploaded() - before));
    say("corners_lost_pages", !seen.holds(0, 2) + !seen.holds(surface.pages() - 1, 3));
}

/** Twenty times the device writes a surface, and the CPU reads all of it. */
void readbacks(Node& node) {
    Context context(node);
    Surface source(node, 256, 256), target(node, 256, 256);
    auto sequence = [&] {
        drm_vmw_fence_rep reply{};
        reply.error = -EFAULT;
        drm_vmw_execbuf_arg arg{};
        arg.fence_rep = reinterpret_cast<uintptr_t>(&reply);
        arg.version = DRM_VMW_EXECBUF_VERSION;
        arg.context_handle = context.id();
        arg.imported_fence_fd = -1;
        if (node.write(DRM_VMW_EXECBUF, arg) != 0)
            throw std::runtime_error("DRM_VMW_EXECBUF of nothing");
        unrefFence(node, reply.handle);
        return reply.seqno;
    };
    for (uint64_t page = 0; page < source.pages(); ++page)
        source.fill(page, 7);
    copy(context, target, source);
    const uint32_t before = sequence();
    int wrong = 0;
    for (int round = 0; round < 20; ++round) {
        copy(context, target, source);
        for (uint64_t page = 0; page < target.pages(); ++page)
            wrong += target.page(page)[1] != 7;
    }
    // Each copy and the second empty submission have a fence of their own.
    say("readbacks_fences", sequence() - before - 20 - 1);
    say("readbacks_wrong_pages", wrong);
}

/** The least of a few times, as other programs share the machine. */
double least(const std::function<double()>& measure) {
    double time = measure();
    for (int i = 1; i < 5; ++i)
        time = std::min(time, measure());
    return time;
}

/** First touch of pages that nobody but the CPU has written, of a surface the device knows. */
void firstTouch(Node& node) {
    Context context(node);
    say("first_touch_us_of_1024_pages", least([&] {
            Surface surface(node, 1024, 1024), seen(node, 1024, 1024);
            copy(context, seen, surface);
            return microseconds([&] {
                for (uint64_t page = 0; page < surface.pages(); ++page)
                    (void)surface.page(page)[0];
            });
        }));
}

/** Writing a surface from end to end, page by page, after each upload. */
void sequentialWrites(Node& node) {
    Context context(node);
    Surface surface(node, 1024, 1024), seen(node, 1024, 1024);
    uint8_t value = 0;
    auto writeAll = [&] {
        ++value;
        for (uint64_t page = 0; page < surface.pages(); ++page)
            surface.page(page)[8] = value;
    };
    writeAll();
    copy(context, seen, surface);
    const long faults = pageFaults();
    writeAll();
    say("sequential_writes_faults", static_cast<double>(pageFaults() - faults));
    copy(context, seen, surface);
    int lost = 0;
    for (uint64_t page = 0; page < seen.pages(); ++page)
        lost += seen.page(page)[8] != value;
    say("sequential_writes_lost_pages", lost);
    say("sequential_writes_us", least([&] {
            // A new one each time: the kernel changes its method when a surface is written like this more often.
            Surface fresh(node, 1024, 1024);
            copy(context, seen, fresh);
            std::memset(const_cast<uint8_t*>(fresh.page(0)), 1, fresh.size());
            copy(context, seen, fresh);
            return microseconds([&] {
                for (uint64_t page = 0; page < fresh.pages(); ++page)
                    fresh.page(page)[8] = 2;
            });
        }));
}

/** What a submission costs for surfaces that it names and nobody has touched since the one before. */
void idleSurfaces(Node& node) {
    Context context(node);
    constexpr int kSubmissions = 6;
    std::array<double, kSubmissions> times;
    times.fill(1e12);
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<Surface>> surfaces;
        Surface target(node, 512, 512);
        Commands commands;
        for (int i = 0; i < 256; ++i) {
            surfaces.push_back(std::make_unique<Surface>(node, 512, 512));
            surfaces.back()->copyTexel(commands, target);
        }
        // The first use binds the surfaces; after it, all of them are mapped and touched.
        submit(node, context, commands);
        for (auto& surface : surfaces)
            surface->fill(0, 1);
        submit(node, context, commands);
        for (double& time : times)
            time = std::min(time, submit(node, context, commands));
    }
    say("idle_256_surfaces_first_us", times[0]);
    say("idle_256_surfaces_second_us", times[1]);
    say("idle_256_surfaces_third_us", times[2]);
    say("idle_256_surfaces_later_us", *std::min_element(times.begin() + 3, times.end()));
}

void declaredWrites(Node& node) {
    if (!hasTracking(node))
        return;
    Context context(node);
    Surface surface(node, 1024, 1024), seen(node, 1024, 1024);
    copy(context, seen, surface);
    drm_vmw_bo_access entry{surface.buffer(), DRM_VMW_BO_ACCESS_WRITE, 0, surface.size(), surface.address()};
    int result = 0;
    say("declare_1024_pages_us", microseconds([&] { result = access(node, {entry}); }));
    if (result != 0)
        throw std::runtime_error(std::string("DRM_VMW_BO_ACCESS: ") + std::strerror(-result));
    const long faults = pageFaults();
    for (uint64_t page = 0; page < surface.pages(); ++page)
        surface.page(page)[5] = 9;
    say("declared_writes_faults", static_cast<double>(pageFaults() - faults));
    copy(context, seen, surface);
    int lost = 0;
    for (uint64_t page = 0; page < seen.pages(); ++page)
        lost += seen.page(page)[5] != 9;
    say("declared_writes_lost_pages", lost);
}

void overwrite(Node& node) {
    if (!hasTracking(node))
        return;
    Context context(node);
    Surface surface(node, 1024, 1024), source(node, 1024, 1024), seen(node, 1024, 1024);
    copy(context, surface, source);
    drm_vmw_bo_access entry{surface.buffer(), DRM_VMW_BO_ACCESS_WRITE | DRM_VMW_BO_ACCESS_DISCARD, 0, surface.size(),
                            surface.address()};
    if (const int result = access(node, {entry}))
        throw std::runtime_error(std::string("DRM_VMW_BO_ACCESS: ") + std::strerror(-result));
    for (uint64_t page = 0; page < surface.pages(); ++page)
        surface.fill(page, 0x77);
    say("overwrite_read_back_bytes", static_cast<double>(queryDirty(node, surface.buffer()).read_back_bytes));
    copy(context, seen, surface);
    int lost = 0;
    for (uint64_t page = 0; page < seen.pages(); ++page)
        lost += !seen.holds(page, 0x77);
    say("overwrite_lost_pages", lost);
}

struct Scenario {
    const char* name;
    void (*run)(Node&);
};

constexpr Scenario kScenarios[] = {
    {"far-edge", farEdge},        {"first-use", firstUse},     {"shared-memory", sharedMemory},  {"corners", corners},
    {"readbacks", readbacks},     {"first-touch", firstTouch}, {"sequential", sequentialWrites}, {"idle", idleSurfaces},
    {"declared", declaredWrites}, {"overwrite", overwrite},
};

} // namespace

int main(int argc, char** argv) {
    // dirty_measure [SCENARIO]; without one, all.
    try {
        Node node("/dev/dri/renderD128");
        for (const Scenario& scenario : kScenarios)
            if (argc < 2 || std::strcmp(argv[1], scenario.name) == 0)
                scenario.run(node);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 1;
    }
    return 0;
}
