// SPDX-License-Identifier: MIT
#include "vulkan/compiler/registers.h"

#include "util/error.h"

#include <VGPU10ShaderTokens.h>

#include <algorithm>
#include <queue>

namespace svga::vulkan {
namespace {

struct Span {
    uint32_t begin = ~0u, end = 0; ///< instruction numbers, both inclusive; begin > end: never live
    uint32_t def = 0;

    void extend(uint32_t at) {
        begin = std::min(begin, at);
        end = std::max(end, at);
    }
};

class Spans {
public:
    explicit Spans(nir_function_impl& impl)
        : impl_(impl) {}

    std::vector<Span> collect() {
        nir_index_instrs(&impl_);
        nir_metadata_require(&impl_, static_cast<nir_metadata>(nir_metadata_live_defs | nir_metadata_block_index));
        spans_.resize(impl_.ssa_alloc);
        for (uint32_t n = 0; n < spans_.size(); ++n)
            spans_[n].def = n;
        walk(&impl_.body, nullptr);
        return std::move(spans_);
    }

private:
    struct Loop {
        uint32_t begin, end;
    };

    static bool isRegister(const nir_def* def) {
        const nir_instr* parent = def->parent_instr;
        return parent->type == nir_instr_type_intrinsic &&
               nir_instr_as_intrinsic(parent)->intrinsic == nir_intrinsic_decl_reg;
    }

    static uint32_t first(const nir_block* block) { return block->start_ip; }
    static uint32_t last(const nir_block* block) { return block->end_ip; }

    void walk(exec_list* list, const Loop* outermost) {
        foreach_list_typed(nir_cf_node, node, node, list) {
            switch (node->type) {
            case nir_cf_node_block:
                visit(nir_cf_node_as_block(node), outermost);
                break;
            case nir_cf_node_if: {
                nir_if* branch = nir_cf_node_as_if(node);
                const uint32_t at = last(nir_cf_node_as_block(nir_cf_node_prev(node)));
                use(branch->condition.ssa, at, outermost);
                walk(&branch->then_list, outermost);
                walk(&branch->else_list, outermost);
                break;
            }
            case nir_cf_node_loop: {
                nir_loop* loop = nir_cf_node_as_loop(node);
                const Loop here{first(nir_loop_first_block(loop)), last(nir_loop_last_block(loop))};
                walk(&loop->body, outermost ? outermost : &here);
                break;
            }
            default:
                break;
            }
        }
    }

    void use(const nir_def* def, uint32_t at, const Loop* outermost) {
        Span& span = spans_[def->index];
        span.extend(at);
        useFolded(def->parent_instr, at, outermost);
        // What a register holds may go round the loop.
        if (isRegister(def) && outermost) {
            span.extend(outermost->begin);
            span.extend(outermost->end);
        }
    }

    /** \brief What folds into the user of its result reads its own sources there. */
    void useFolded(const nir_instr* parent, uint32_t at, const Loop* outermost) {
        if (parent->type == nir_instr_type_alu) {
            const nir_alu_instr* alu = nir_instr_as_alu(parent);
            if (alu->op == nir_op_fneg || alu->op == nir_op_fabs)
                use(alu->src[0].src.ssa, at, outermost);
        } else if (parent->type == nir_instr_type_intrinsic) {
            const nir_intrinsic_instr* load = nir_instr_as_intrinsic(parent);
            if (load->intrinsic != nir_intrinsic_load_reg && load->intrinsic != nir_intrinsic_load_reg_indirect)
                return;
            use(load->src[0].ssa, at, outermost);
            if (load->intrinsic == nir_intrinsic_load_reg_indirect)
                use(load->src[1].ssa, at, outermost);
        }
    }

    /** \brief What is stored to a register is written there where it is made, or where its saturation is. */
    void defineFolded(nir_def* def, uint32_t at, const Loop* outermost) {
        const nir_legacy_alu_dest folded = nir_legacy_chase_alu_dest(def);
        if (folded.dest.is_ssa) {
            spans_[folded.dest.ssa->index].extend(at);
            if (folded.dest.ssa != def)
                defineFolded(folded.dest.ssa, at, outermost);
            return;
        }
        use(folded.dest.reg.handle, at, outermost);
        if (folded.dest.reg.indirect)
            use(folded.dest.reg.indirect, at, outermost);
    }

    void visit(nir_block* block, const Loop* outermost) {
        unsigned n;
        BITSET_FOREACH_SET(n, block->live_in, impl_.ssa_alloc)
        spans_[n].extend(first(block));
        BITSET_FOREACH_SET(n, block->live_out, impl_.ssa_alloc)
        spans_[n].extend(last(block));
        nir_foreach_instr(instr, block) {
            const uint32_t at = instr->index;
            struct State {
                Spans* spans;
                uint32_t at;
                const Loop* outermost;
            } state{this, at, outermost};
            nir_foreach_src(
                instr,
                [](nir_src* src, void* data) {
                    auto& s = *static_cast<State*>(data);
                    s.spans->use(src->ssa, s.at, s.outermost);
                    return true;
                },
                &state);
            if (nir_def* def = nir_instr_def(instr); def && !isRegister(def)) {
                spans_[def->index].extend(at);
                defineFolded(def, at, outermost);
            }
        }
    }

    nir_function_impl& impl_;
    std::vector<Span> spans_;
};

} // namespace

bool isImmediate(const nir_def& def) {
    return def.parent_instr->type == nir_instr_type_load_const || def.parent_instr->type == nir_instr_type_undef;
}

RegisterMap allocateRegisters(nir_function_impl& impl) {
    RegisterMap map;
    std::vector<Span> spans = Spans(impl).collect();
    map.temps.assign(spans.size(), RegisterMap::kNone);
    std::vector<bool> wanted(spans.size(), false);
    nir_foreach_block(block, &impl) {
        nir_foreach_instr(instr, block) {
            const nir_def* def = nir_instr_def(instr);
            if (!def || isImmediate(*def) || instr->type == nir_instr_type_deref)
                continue;
            if (instr->type == nir_instr_type_intrinsic) {
                nir_intrinsic_instr* intrinsic = nir_instr_as_intrinsic(instr);
                if (intrinsic->intrinsic == nir_intrinsic_decl_reg && nir_intrinsic_num_array_elems(intrinsic) > 0) {
                    map.arrays[def] = static_cast<uint32_t>(map.arrayShapes.size());
                    map.arrayShapes.push_back(
                        {nir_intrinsic_num_array_elems(intrinsic), nir_intrinsic_num_components(intrinsic)});
                    continue;
                }
            }
            wanted[def->index] = true;
        }
    }
    std::erase_if(spans, [&](const Span& s) { return !wanted[s.def] || s.begin > s.end; });
    std::ranges::sort(spans, {}, &Span::begin);

    using Busy = std::pair<uint32_t, uint32_t>; // end of the span, temporary
    std::priority_queue<Busy, std::vector<Busy>, std::greater<>> busy;
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> free;
    for (const Span& span : spans) {
        while (!busy.empty() && busy.top().first < span.begin) {
            free.push(busy.top().second);
            busy.pop();
        }
        uint32_t chosen = map.count;
        if (free.empty()) {
            ++map.count;
        } else {
            chosen = free.top();
            free.pop();
        }
        map.temps[span.def] = chosen;
        busy.emplace(span.end, chosen);
    }
    if (map.count > VGPU10_MAX_TEMPS)
        throw Error("the shader needs {} temporaries, of {}", map.count, VGPU10_MAX_TEMPS);
    return map;
}

} // namespace svga::vulkan
