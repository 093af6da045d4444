// SPDX-License-Identifier: MIT
#include "device/vgpu10/translator_impl.h"

#include <algorithm>

namespace svga::vgpu10 {

using spv::Op;

namespace {

constexpr size_t kMaxNesting = 64;
/// An OpSwitch of more would not fit an instruction's 16-bit length.
constexpr size_t kMaxCases = 16384;

} // namespace

void Translator::branch(Id target) {
    b_.effect(Op::OpBranch, {target});
    dead_ = true;
}

void Translator::openBlock(Id label) {
    b_.label(label);
    dead_ = false;
}

/** \brief Goes on behind a construct. Where nothing reaches that place the block says so and what follows is dropped.
 */
void Translator::closeMerge(const Flow& flow) {
    openBlock(flow.merge);
    if (!flow.mergeReached) {
        b_.effect(Op::OpUnreachable);
        dead_ = true;
    }
}

Translator::Flow& Translator::flow(FlowKind kind) {
    require(!flows_.empty() && flows_.back().kind == kind, "does not match the block it is in");
    return flows_.back();
}

Value Translator::condition(const Instruction& i) {
    const Value bits = loadScalar(i.operands[0], Kind::Uint);
    return op(i.testNonZero() ? Op::OpINotEqual : Op::OpIEqual, Kind::Bool, bits, constantValue(Kind::Uint, 0));
}

void Translator::emitIf(const Instruction& i) {
    Flow f{.kind = FlowKind::If, .dead = dead_};
    if (!f.dead) {
        const Id then = b_.newId();
        f.merge = b_.newId();
        f.elseLabel = b_.newId();
        const Value test = condition(i);
        b_.effect(Op::OpSelectionMerge, {f.merge, 0});
        b_.effect(Op::OpBranchConditional, {test.id, then, f.elseLabel});
        openBlock(then);
    } else {
        f.elseLabel = 1; // only whether ELSE was seen
    }
    flows_.push_back(std::move(f));
}

void Translator::emitElse() {
    Flow& f = flow(FlowKind::If);
    require(f.elseLabel != 0, "second ELSE");
    const Id label = std::exchange(f.elseLabel, 0);
    if (f.dead)
        return;
    if (!dead_) {
        f.mergeReached = true;
        branch(f.merge);
    }
    openBlock(label);
}

void Translator::emitEndIf() {
    Flow f = std::move(flow(FlowKind::If));
    flows_.pop_back();
    if (f.dead)
        return;
    if (!dead_) {
        f.mergeReached = true;
        branch(f.merge);
    }
    if (f.elseLabel) {
        f.mergeReached = true;
        openBlock(f.elseLabel);
        branch(f.merge);
    }
    closeMerge(f);
}

void Translator::emitLoop() {
    Flow f{.kind = FlowKind::Loop, .dead = dead_};
    if (!f.dead) {
        const Id header = b_.newId(), body = b_.newId();
        f.merge = b_.newId();
        f.continueLabel = b_.newId();
        f.header = header;
        branch(header);
        b_.label(header);
        b_.effect(Op::OpLoopMerge, {f.merge, f.continueLabel, 0});
        b_.effect(Op::OpBranch, {body});
        openBlock(body);
    }
    flows_.push_back(std::move(f));
}

void Translator::emitEndLoop() {
    const Flow f = std::move(flow(FlowKind::Loop));
    flows_.pop_back();
    if (f.dead)
        return;
    if (!dead_)
        branch(f.continueLabel);
    openBlock(f.continueLabel);
    branch(f.header);
    closeMerge(f);
}

void Translator::emitSwitch(const Instruction& i) {
    Flow f{.kind = FlowKind::Switch, .dead = dead_};
    if (!f.dead) {
        f.merge = b_.newId();
        f.selector = loadScalar(i.operands[0], Kind::Uint).id;
        b_.effect(Op::OpSelectionMerge, {f.merge, 0});
        // Its cases are not known yet: OpSwitch is put here at ENDSWITCH.
        f.mark = b_.mark();
        dead_ = true;
    }
    flows_.push_back(std::move(f));
}

void Translator::emitCase(const Instruction& i, bool isDefault) {
    Flow& f = flow(FlowKind::Switch);
    if (f.dead)
        return;
    if (!f.blockIsFresh) {
        f.caseLabel = b_.newId();
        if (!dead_) // falls through
            branch(f.caseLabel);
        openBlock(f.caseLabel);
    }
    f.blockIsFresh = true;
    if (isDefault) {
        require(f.defaultLabel == 0, "second DEFAULT");
        f.defaultLabel = f.caseLabel;
        return;
    }
    require(i.operands[0].type == VGPU10_OPERAND_TYPE_IMMEDIATE32, "value is not an immediate");
    require(f.cases.size() < kMaxCases, "too many cases");
    const uint32_t value = i.operands[0].immediate[0];
    require(std::ranges::none_of(f.cases, [&](const auto& c) { return c.first == value; }), "value appears twice");
    f.cases.emplace_back(value, f.caseLabel);
}

void Translator::emitEndSwitch() {
    Flow f = std::move(flow(FlowKind::Switch));
    flows_.pop_back();
    if (f.dead)
        return;
    if (!dead_) {
        f.mergeReached = true;
        branch(f.merge);
    }
    if (f.defaultLabel == 0) {
        f.defaultLabel = f.merge;
        f.mergeReached = true;
    }
    std::vector<uint32_t> operands{f.selector, f.defaultLabel};
    for (const auto& [value, label] : f.cases) {
        operands.push_back(value);
        operands.push_back(label);
    }
    b_.insertAt(f.mark, Op::OpSwitch, operands);
    closeMerge(f);
}

void Translator::emitJump(bool isContinue) {
    for (auto f = flows_.rbegin(); f != flows_.rend(); ++f) {
        if (f->kind == FlowKind::Loop || (f->kind == FlowKind::Switch && !isContinue)) {
            f->mergeReached |= !isContinue;
            branch(isContinue ? f->continueLabel : f->merge);
            return;
        }
    }
    fail("outside of any loop or switch");
}

void Translator::emitReturn() {
    b_.effect(Op::OpReturn);
    dead_ = true;
}

/** \brief if (condition) jump: the jump has a block of its own, so any target is well structured. */
template <typename Jump>
void Translator::emitConditional(const Instruction& i, Jump jump) {
    const Id then = b_.newId(), merge = b_.newId();
    const Value test = condition(i);
    b_.effect(Op::OpSelectionMerge, {merge, 0});
    b_.effect(Op::OpBranchConditional, {test.id, then, merge});
    openBlock(then);
    jump();
    if (!dead_)
        branch(merge);
    openBlock(merge);
}

bool Translator::emitFlow(const Instruction& i) {
    // Code that nothing reaches is dropped, but its blocks are still counted.
    switch (i.opcode) {
    case VGPU10_OPCODE_IF:
    case VGPU10_OPCODE_LOOP:
    case VGPU10_OPCODE_SWITCH:
        require(flows_.size() < kMaxNesting, "blocks nest too deeply");
        break;
    default:
        break;
    }
    if (!flows_.empty() && i.opcode != VGPU10_OPCODE_CASE && i.opcode != VGPU10_OPCODE_DEFAULT)
        flows_.back().blockIsFresh = false;
    switch (i.opcode) {
    case VGPU10_OPCODE_IF:
        emitIf(i);
        return true;
    case VGPU10_OPCODE_ELSE:
        emitElse();
        return true;
    case VGPU10_OPCODE_ENDIF:
        emitEndIf();
        return true;
    case VGPU10_OPCODE_LOOP:
        emitLoop();
        return true;
    case VGPU10_OPCODE_ENDLOOP:
        emitEndLoop();
        return true;
    case VGPU10_OPCODE_SWITCH:
        emitSwitch(i);
        return true;
    case VGPU10_OPCODE_CASE:
        emitCase(i, false);
        return true;
    case VGPU10_OPCODE_DEFAULT:
        emitCase(i, true);
        return true;
    case VGPU10_OPCODE_ENDSWITCH:
        emitEndSwitch();
        return true;
    default:
        break;
    }
    if (dead_)
        return true;
    switch (i.opcode) {
    case VGPU10_OPCODE_NOP:
        return true;
    case VGPU10_OPCODE_BREAK:
        emitJump(false);
        return true;
    case VGPU10_OPCODE_CONTINUE:
        emitJump(true);
        return true;
    case VGPU10_OPCODE_RET:
        emitReturn();
        return true;
    case VGPU10_OPCODE_BREAKC:
        emitConditional(i, [&] { emitJump(false); });
        return true;
    case VGPU10_OPCODE_CONTINUEC:
        emitConditional(i, [&] { emitJump(true); });
        return true;
    case VGPU10_OPCODE_RETC:
        emitConditional(i, [&] { emitReturn(); });
        return true;
    case VGPU10_OPCODE_DISCARD:
        requireStage(Stage::Pixel);
        // The invocation goes on as a helper, so that the derivatives of its neighbours stay defined.
        b_.capability(spv::Capability::DemoteToHelperInvocation);
        emitConditional(i, [&] { b_.effect(Op::OpDemoteToHelperInvocation); });
        return true;
    default:
        return false;
    }
}

} // namespace svga::vgpu10
