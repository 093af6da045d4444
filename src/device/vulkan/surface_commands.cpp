// SPDX-License-Identifier: MIT
#include "device/vulkan/surface_manager.h"

#include <svga3d_cmd.h>
#include <svga3d_dx.h>

namespace svga::device {

namespace {

/** \brief Adds handlers that take the command's fixed body as a struct; bytes after it are an error. */
class Registrar {
public:
    Registrar(CommandTable& table, SurfaceManager& surfaces, PredicateSkips predicateSkips)
        : surfaces(surfaces)
        , table_(table)
        , predicateSkips_(std::move(predicateSkips)) {}

    template <typename Body, typename Handler>
    void add(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name, [handler, manager = &surfaces](uint32_t, CommandBody bytes) {
            Body body = takeWhole<Body>(bytes);
            manager->limitBacklog();
            handler(body);
        });
    }

    /** Not carried out while the context's predicate says so. */
    template <typename Body, typename Handler>
    void addPredicated(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name,
                   [handler, manager = &surfaces, skips = predicateSkips_](uint32_t context, CommandBody bytes) {
                       Body body = takeWhole<Body>(bytes);
                       manager->limitBacklog();
                       if (!skips || !skips(context))
                           handler(body);
                   });
    }

    /** A body with a tail of whole Items. */
    template <typename Body, typename Item, typename Handler>
    void addWithTail(uint32_t id, const char* name, Handler handler) {
        table_.add(id, name, [handler, manager = &surfaces](uint32_t, CommandBody bytes) {
            Body body = bytes.take<Body>();
            manager->limitBacklog();
            handler(body, bytes.takeRest<Item>());
        });
    }

    SurfaceManager& surfaces;

private:
    template <typename Body>
    static Body takeWhole(CommandBody& bytes) {
        Body body = bytes.take<Body>();
        if (bytes.remaining() != 0)
            throw CommandError("{} bytes after the body", bytes.remaining());
        return body;
    }

    CommandTable& table_;
    PredicateSkips predicateSkips_;
};

/** The part that all DEFINE_GB_SURFACE versions share. */
template <typename Body>
SurfaceDesc describe(const Body& body) {
    SurfaceDesc desc;
    desc.id = body.sid;
    desc.flags = body.surfaceFlags;
    desc.format = body.format;
    desc.mipLevels = body.numMipLevels;
    desc.sampleCount = body.multisampleCount == 0 ? 1 : body.multisampleCount;
    desc.size = body.size;
    desc.arraySize = 0;
    if constexpr (requires { body.arraySize; })
        desc.arraySize = body.arraySize;
    if (desc.arraySize == 0)
        desc.arraySize = (desc.flags & SVGA3D_SURFACE_CUBEMAP) ? 6 : 1;
    if constexpr (requires { body.bufferByteStride; })
        desc.bufferByteStride = body.bufferByteStride;
    return desc;
}

void addDefinitions(Registrar& r) {
    SurfaceManager& surfaces = r.surfaces;
    auto define = [&surfaces](const auto& body) { surfaces.define(describe(body)); };
    r.add<SVGA3dCmdDefineGBSurface>(SVGA_3D_CMD_DEFINE_GB_SURFACE, "DEFINE_GB_SURFACE", define);
    r.add<SVGA3dCmdDefineGBSurface_v2>(SVGA_3D_CMD_DEFINE_GB_SURFACE_V2, "DEFINE_GB_SURFACE_V2", define);
    r.add<SVGA3dCmdDefineGBSurface_v3>(SVGA_3D_CMD_DEFINE_GB_SURFACE_V3, "DEFINE_GB_SURFACE_V3", define);
    r.add<SVGA3dCmdDefineGBSurface_v4>(SVGA_3D_CMD_DEFINE_GB_SURFACE_V4, "DEFINE_GB_SURFACE_V4", define);
    r.add<SVGA3dCmdDestroyGBSurface>(SVGA_3D_CMD_DESTROY_GB_SURFACE, "DESTROY_GB_SURFACE",
                                     [&surfaces](const auto& body) { surfaces.destroy(body.sid); });
    r.add<SVGA3dCmdBindGBSurface>(SVGA_3D_CMD_BIND_GB_SURFACE, "BIND_GB_SURFACE",
                                  [&surfaces](const auto& body) { surfaces.bind(body.sid, body.mobid); });
    r.add<SVGA3dCmdBindGBSurfaceWithPitch>(
        SVGA_3D_CMD_BIND_GB_SURFACE_WITH_PITCH, "BIND_GB_SURFACE_WITH_PITCH",
        [&surfaces](const auto& body) { surfaces.bind(body.sid, body.mobid, body.baseLevelPitch); });
    r.add<SVGA3dCmdCondBindGBSurface>(SVGA_3D_CMD_COND_BIND_GB_SURFACE, "COND_BIND_GB_SURFACE",
                                      [&surfaces](const auto& body) {
                                          const auto& mob = surfaces.at(body.sid)->mob();
                                          if (!mob || mob->id() != body.testMobid)
                                              return;
                                          if (body.flags & SVGA3D_COND_BIND_GB_SURFACE_FLAG_READBACK)
                                              surfaces.readback(body.sid);
                                          surfaces.bind(body.sid, body.mobid);
                                          if (body.flags & SVGA3D_COND_BIND_GB_SURFACE_FLAG_UPDATE)
                                              surfaces.update(body.sid);
                                      });
}

void addTransfers(Registrar& r) {
    SurfaceManager& surfaces = r.surfaces;
    r.add<SVGA3dCmdUpdateGBSurface>(SVGA_3D_CMD_UPDATE_GB_SURFACE, "UPDATE_GB_SURFACE",
                                    [&surfaces](const auto& body) { surfaces.update(body.sid); });
    r.add<SVGA3dCmdUpdateGBImage>(SVGA_3D_CMD_UPDATE_GB_IMAGE, "UPDATE_GB_IMAGE", [&surfaces](const auto& body) {
        surfaces.update(body.image.sid, surfaces.subresource(body.image), body.box);
    });
    r.add<SVGA3dCmdDXUpdateSubResource>(
        SVGA_3D_CMD_DX_UPDATE_SUBRESOURCE, "DX_UPDATE_SUBRESOURCE",
        [&surfaces](const auto& body) { surfaces.update(body.sid, body.subResource, body.box); });
    r.add<SVGA3dCmdDXBufferUpdate>(SVGA_3D_CMD_DX_BUFFER_UPDATE, "DX_BUFFER_UPDATE", [&surfaces](const auto& body) {
        surfaces.update(body.sid, 0, {body.x, 0, 0, body.width, 1, 1});
    });

    r.add<SVGA3dCmdReadbackGBSurface>(SVGA_3D_CMD_READBACK_GB_SURFACE, "READBACK_GB_SURFACE",
                                      [&surfaces](const auto& body) { surfaces.readback(body.sid); });
    r.add<SVGA3dCmdReadbackGBImage>(SVGA_3D_CMD_READBACK_GB_IMAGE, "READBACK_GB_IMAGE", [&surfaces](const auto& body) {
        surfaces.readback(body.image.sid, surfaces.subresource(body.image));
    });
    r.add<SVGA3dCmdReadbackGBImagePartial>(
        SVGA_3D_CMD_READBACK_GB_IMAGE_PARTIAL, "READBACK_GB_IMAGE_PARTIAL", [&surfaces](const auto& body) {
            uint32_t subresource = surfaces.subresource(body.image);
            if (body.invertBox != 0) // all but the box: reading the box back too does no harm
                surfaces.readback(body.image.sid, subresource);
            else
                surfaces.readback(body.image.sid, subresource, body.box);
        });
    r.add<SVGA3dCmdDXReadbackSubResource>(
        SVGA_3D_CMD_DX_READBACK_SUBRESOURCE, "DX_READBACK_SUBRESOURCE",
        [&surfaces](const auto& body) { surfaces.readback(body.sid, body.subResource); });

    // Invalidated contents may be anything: what they were will do.
    r.add<SVGA3dCmdInvalidateGBSurface>(SVGA_3D_CMD_INVALIDATE_GB_SURFACE, "INVALIDATE_GB_SURFACE",
                                        [&surfaces](const auto& body) { surfaces.at(body.sid); });
    r.add<SVGA3dCmdInvalidateGBImage>(SVGA_3D_CMD_INVALIDATE_GB_IMAGE, "INVALIDATE_GB_IMAGE",
                                      [&surfaces](const auto& body) { surfaces.subresource(body.image); });
    r.add<SVGA3dCmdInvalidateGBImagePartial>(SVGA_3D_CMD_INVALIDATE_GB_IMAGE_PARTIAL, "INVALIDATE_GB_IMAGE_PARTIAL",
                                             [&surfaces](const auto& body) { surfaces.subresource(body.image); });
    r.add<SVGA3dCmdDXInvalidateSubResource>(
        SVGA_3D_CMD_DX_INVALIDATE_SUBRESOURCE, "DX_INVALIDATE_SUBRESOURCE",
        [&surfaces](const auto& body) { surfaces.at(body.sid)->layout().whole(body.subResource); });
}

void addCopies(Registrar& r) {
    SurfaceManager& surfaces = r.surfaces;
    r.addWithTail<SVGA3dCmdSurfaceCopy, SVGA3dCopyBox>(
        SVGA_3D_CMD_SURFACE_COPY, "SURFACE_COPY",
        [&surfaces](const auto& body, const std::vector<SVGA3dCopyBox>& boxes) {
            auto destination = surfaces.at(body.dest.sid), source = surfaces.at(body.src.sid);
            uint32_t to = surfaces.subresource(body.dest), from = surfaces.subresource(body.src);
            for (const SVGA3dCopyBox& box : boxes) {
                surfaces.limitBacklog();
                copyRegion(surfaces.queue(), *destination, to, *source, from, box);
            }
        });
    r.add<SVGA3dCmdIntraSurfaceCopy>(
        SVGA_3D_CMD_INTRA_SURFACE_COPY, "INTRA_SURFACE_COPY", [&surfaces](const auto& body) {
            auto surface = surfaces.at(body.surface.sid);
            uint32_t subresource = surfaces.subresource(body.surface);
            copyRegion(surfaces.queue(), *surface, subresource, *surface, subresource, body.box);
        });
    r.addPredicated<SVGA3dCmdDXPredCopyRegion>(
        SVGA_3D_CMD_DX_PRED_COPY_REGION, "DX_PRED_COPY_REGION", [&surfaces](const auto& body) {
            copyRegion(surfaces.queue(), *surfaces.at(body.dstSid), body.dstSubResource, *surfaces.at(body.srcSid),
                       body.srcSubResource, body.box);
        });
    r.addPredicated<SVGA3dCmdDXPredCopy>(SVGA_3D_CMD_DX_PRED_COPY, "DX_PRED_COPY", [&surfaces](const auto& body) {
        copyWhole(surfaces.queue(), *surfaces.at(body.dstSid), *surfaces.at(body.srcSid));
    });
    r.add<SVGA3dCmdDXBufferCopy>(SVGA_3D_CMD_DX_BUFFER_COPY, "DX_BUFFER_COPY", [&surfaces](const auto& body) {
        copyBuffer(surfaces.queue(), *surfaces.at(body.dest), body.destX, *surfaces.at(body.src), body.srcX,
                   body.width);
    });
    r.add<SVGA3dCmdDXSurfaceCopyAndReadback>(
        SVGA_3D_CMD_DX_SURFACE_COPY_AND_READBACK, "DX_SURFACE_COPY_AND_READBACK", [&surfaces](const auto& body) {
            copyRegion(surfaces.queue(), *surfaces.at(body.destSid), 0, *surfaces.at(body.srcSid), 0, body.box);
            surfaces.readback(body.destSid, 0);
        });

    auto fromBuffer = [&surfaces](const auto& body) {
        copyFromBuffer(surfaces.queue(), *surfaces.at(body.destSid), body.destSubResource, body.destBox,
                       *surfaces.at(body.srcSid), {body.srcOffset, body.srcPitch, body.srcSlicePitch});
    };
    r.add<SVGA3dCmdDXTransferFromBuffer>(SVGA_3D_CMD_DX_TRANSFER_FROM_BUFFER, "DX_TRANSFER_FROM_BUFFER", fromBuffer);
    r.addPredicated<SVGA3dCmdDXPredTransferFromBuffer>(SVGA_3D_CMD_DX_PRED_TRANSFER_FROM_BUFFER,
                                                       "DX_PRED_TRANSFER_FROM_BUFFER", fromBuffer);

    auto resolveCopy = [&surfaces](const auto& body) {
        resolve(surfaces.queue(), *surfaces.at(body.dstSid), body.dstSubResource, *surfaces.at(body.srcSid),
                body.srcSubResource, body.copyFormat);
    };
    r.add<SVGA3dCmdDXResolveCopy>(SVGA_3D_CMD_DX_RESOLVE_COPY, "DX_RESOLVE_COPY", resolveCopy);
    r.addPredicated<SVGA3dCmdDXPredResolveCopy>(SVGA_3D_CMD_DX_PRED_RESOLVE_COPY, "DX_PRED_RESOLVE_COPY", resolveCopy);

    r.add<SVGA3dCmdSurfaceStretchBlt>(
        SVGA_3D_CMD_SURFACE_STRETCHBLT, "SURFACE_STRETCHBLT", [&surfaces](const auto& body) {
            stretch(surfaces.queue(), *surfaces.at(body.dest.sid), surfaces.subresource(body.dest), body.boxDest,
                    *surfaces.at(body.src.sid), surfaces.subresource(body.src), body.boxSrc,
                    body.mode == SVGA3D_STRETCH_BLT_LINEAR);
        });
    r.add<SVGA3dCmdDXPresentBlt>(SVGA_3D_CMD_DX_PRESENTBLT, "DX_PRESENTBLT", [&surfaces](const auto& body) {
        stretch(surfaces.queue(), *surfaces.at(body.dstSid), body.destSubResource, body.boxDest,
                *surfaces.at(body.srcSid), body.srcSubResource, body.boxSrc,
                (body.mode & SVGADX_PRESENTBLT_LINEAR) != 0);
    });
}

} // namespace

void registerSurfaceCommands(CommandTable& table, SurfaceManager& surfaces, PredicateSkips predicateSkips) {
    Registrar registrar(table, surfaces, std::move(predicateSkips));
    addDefinitions(registrar);
    addTransfers(registrar);
    addCopies(registrar);
}

} // namespace svga::device
