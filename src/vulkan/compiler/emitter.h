// SPDX-License-Identifier: MIT
/**
 * \file
 * Lowered NIR (lowering.h) -> VGPU10 tokens. Private to the emit_*.cpp files, which each hold one part of this class.
 *
 * VGPU10 declares everything before the first instruction, and what there is to declare is known only after the last:
 * instructions and declarations are written to token builders of their own and joined at the end.
 */
#pragma once

#include "vulkan/compiler/compiler.h"
#include "vulkan/compiler/interface.h"
#include "vulkan/compiler/nir_headers.h"
#include "vulkan/compiler/registers.h"
#include "vulkan/compiler/resources.h"
#include "vulkan/compiler/tokens.h"

#include <map>
#include <optional>
#include <set>

namespace svga::vulkan {

class Emitter {
public:
    /** \brief What of a shader is emitted: all of it, or one phase of a hull shader. */
    enum class Phase : uint8_t { Whole, ControlPoint, Patch };

    Emitter(nir_shader& nir, const CompileOptions& options, ResourceTable& resources, Phase phase = Phase::Whole);
    CompiledShader emit();
    /** \brief The two phases of a hull shader; the second one runs \p instances times. */
    static CompiledShader emitHull(Emitter& controlPoint, Emitter& patch, uint32_t instances);

private:
    [[noreturn]] static void fail(const nir_instr& instr, const char* why);

    // emitter.cpp: the shader as a whole, and operands
    void emitBlock(nir_block* block);
    void emitList(exec_list* list);
    void emitIf(nir_if* branch);
    void emitLoop(nir_loop* loop);
    void emitJump(nir_jump_instr* jump);
    void emitInstruction(nir_instr* instr);
    void emitIntrinsic(nir_intrinsic_instr* intrinsic);
    bool emitRegister(nir_intrinsic_instr* intrinsic);
    void run();
    std::vector<uint32_t> program(const TokenBuilder& tokens) const;
    void finish();
    void declareGlobals(TokenBuilder& declarations);
    void declareThreads(TokenBuilder& declarations);
    void declareCommon(TokenBuilder& declarations);
    void declareResources(TokenBuilder& declarations);

    Operand value(const nir_def* def);
    /** \brief A NIR register: a temporary, or an element of an array. */
    Operand registerValue(const nir_def* handle, uint32_t base, const nir_def* indirect);
    Operand source(const nir_src& src) { return value(src.ssa); }
    Operand destination(nir_def* def);
    /** \brief A temporary that holds nothing beyond this NIR instruction. */
    Operand scratch();
    /** \brief \p src as an index: an immediate, or a component of a temporary added to \p base. */
    OperandIndex indexOf(const nir_def* def, uint32_t base = 0);
    OperandIndex indexOf(const nir_src& src, uint32_t base = 0) { return indexOf(src.ssa, base); }
    uint8_t mask(const nir_def* def) const;

    // emit_alu.cpp
    void emitAlu(nir_alu_instr* alu);
    bool emitSimple(nir_alu_instr* alu);
    bool emitBits(nir_alu_instr* alu);
    bool emitDouble(nir_alu_instr* alu);
    bool emitSmall(nir_alu_instr* alu);
    void emitVector(nir_alu_instr* alu);
    Operand aluSource(const nir_alu_instr* alu, unsigned n);

    // emit_memory.cpp
    bool emitMemory(nir_intrinsic_instr* intrinsic);
    void emitConstantBuffer(nir_intrinsic_instr* intrinsic);
    void emitImmediateConstant(nir_intrinsic_instr* intrinsic);
    void declareImmediateConstants(TokenBuilder& declarations) const;
    void emitAtomic(nir_intrinsic_instr* intrinsic, const Operand& target, const Operand& address, unsigned data);
    void emitBarrier(nir_intrinsic_instr* intrinsic);
    bool emitImage(nir_intrinsic_instr* intrinsic);
    Operand sharedAddress(nir_intrinsic_instr* intrinsic, const nir_src& offset);
    Operand uav(const nir_src& src) const;

    // emit_texture.cpp
    void emitTexture(nir_tex_instr* tex);
    void emitSample(nir_tex_instr* tex);
    void emitFetch(nir_tex_instr* tex);
    void emitGather(nir_tex_instr* tex);
    void emitTextureQuery(nir_tex_instr* tex);

    // emit_io.cpp
    bool emitInputOutput(nir_intrinsic_instr* intrinsic);
    bool emitSystemValue(nir_intrinsic_instr* intrinsic);
    bool emitBarycentric(nir_intrinsic_instr* intrinsic);
    void emitInterpolated(nir_intrinsic_instr* intrinsic);
    void emitStoreOutput(nir_intrinsic_instr* intrinsic);
    void emitStoreFragment(nir_intrinsic_instr* intrinsic);
    void emitGenerated(nir_intrinsic_instr* intrinsic, uint32_t systemValue);
    void emitDiscard(nir_intrinsic_instr* intrinsic, bool conditional, bool terminates);
    void emitDerivative(nir_intrinsic_instr* intrinsic);
    Operand inputRegister(nir_intrinsic_instr* intrinsic);
    VaryingPlace inputPlace(uint32_t slot, uint32_t component) const;
    uint32_t inputVertices() const;
    void declareGeometry(TokenBuilder& declarations);
    Operand namedInput(uint32_t type, uint8_t components);
    Operand sampleIndex();
    uint32_t interpolationOf(uint32_t slot, uint32_t component) const;
    uint32_t perVertexInput() const;
    std::optional<VaryingPlace> outputPlace(uint32_t slot, uint32_t component) const;
    Operand patchConstant(nir_intrinsic_instr* intrinsic);
    Operand outputRegister(nir_intrinsic_instr* intrinsic);
    OperandIndex outputIndex(nir_intrinsic_instr* intrinsic, uint32_t reg);
    uint32_t freeInput(uint32_t systemValue);
    void findUsedInputs();
    void declareInterface(TokenBuilder& declarations);

    // emit_hull.cpp
    std::optional<VaryingPlace> tessellationPlace(uint32_t slot, uint32_t component) const;
    void declareTessellation(TokenBuilder& declarations) const;

    nir_shader& nir_;
    const Phase phase_;
    const CompileOptions& options_;
    ResourceTable& resources_;
    nir_function_impl* impl_;
    RegisterMap registers_;
    CompiledShader result_;
    TokenBuilder code_;

    uint32_t scratchUsed_ = 0, scratchCount_ = 0;
    uint32_t loopDepth_ = 0;
    bool usesDoubles_ = false;
    InterfaceList inputs_, outputs_;
    InterfaceList patchConstants_;    ///< domain: read from the patch
    InterfaceList controlPointsRead_; ///< hull, patch phase: outputs of the control point phase
    /// First register -> registers, indexed at run time.
    std::map<uint32_t, uint32_t> indexedInputs_, indexedOutputs_, indexedPatchConstants_;
    uint32_t usedInputs_ = 0;              ///< registers, by number, that system values may not take
    std::map<uint32_t, uint8_t> specials_; ///< inputs with a name of their own (operand type) -> component mask
    std::set<uint32_t> namedOutputs_;      ///< outputs with a name of their own: operand types
};

} // namespace svga::vulkan
