// SPDX-License-Identifier: MIT
#include "device/dx/dx_contexts.h"

#include "device/dx/commands.h"
#include "device/dx/draw_engine.h"

namespace svga::device {

namespace {

class DxContextsImpl final : public DxContexts {
public:
    DxContextsImpl(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs, SurfaceManager& surfaces)
        : engine_(device, queue, mobs, surfaces) {}
    ~DxContextsImpl() override {
        try {
            engine_.queue().finish(); // pipelines and samplers may be in use
        } catch (const Error&) {
            // The device is lost: nothing is in use.
        }
    }

    void finishQueries() override { engine_.queries().finish(); }

    bool predicateSkips(uint32_t contextId) override {
        DxContext* context = contexts_.find(contextId);
        return context && engine_.predicateSkips(*context);
    }

protected:
    void registerCommands(CommandTable& table) override {
        DxRegistrar registrar(table, contexts_);
        addContextCommands(registrar, contexts_, engine_);
        addObjectCommands(registrar, contexts_, engine_);
        addStateCommands(registrar, engine_);
        addDrawCommands(registrar, engine_);
        addQueryCommands(registrar, contexts_, engine_);
    }

private:
    DrawEngine engine_;
    ContextTable contexts_;
};

} // namespace

std::unique_ptr<DxContexts> DxContexts::create(const VulkanDevice& device, GpuQueue& queue, const MobLookup& mobs,
                                               SurfaceManager& surfaces) {
    return std::make_unique<DxContextsImpl>(device, queue, mobs, surfaces);
}

void registerDxCommands(CommandTable& table, DxContexts& contexts) {
    contexts.registerCommands(table);
}

} // namespace svga::device
