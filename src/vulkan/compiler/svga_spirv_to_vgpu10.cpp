// SPDX-License-Identifier: MIT
/**
 * \file
 * svga-spirv-to-vgpu10: runs the compiler alone, for tests and for people.
 *
 *     svga-spirv-to-vgpu10 STAGE [--first-uav N] [--not-last] [--per-sample] [--patch-vertices N] [--other SPIR-V]
 *                          [--swizzle N=RGBA]... [--print] <SPIR-V >tokens
 *
 * --other names the other tessellation stage's module. --swizzle tells what the components of the texture in register N
 * are taken from, each one of r, g, b, a, 0 and 1. STAGE is vertex, tess_ctrl, tess_eval, geometry, fragment or
 * compute; the entry point is "main". Written are 32-bit words: the number of words of tokens and their signature, the
 * numbers of bindings, of u# registers, the masks of vertex inputs and render targets, the workgroup's size (3), then
 * the tokens with the signature behind them, then each binding in 8 words (file, kind, dimension, written, register,
 * set, binding, element). Errors are told on stderr.
 */
#include "vulkan/compiler/compiler.h"

#include "vulkan/compiler/hull.h"

#include "vulkan/compiler/nir_headers.h"

#include "compiler/spirv/nir_spirv.h"
#include "compiler/spirv/spirv_info.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace svga::vulkan {
namespace {

struct Arguments {
    gl_shader_stage stage = MESA_SHADER_NONE;
    CompileOptions options;
    std::string other;
    bool print = false;
};

/** \brief Of "N=RGBA". */
TextureSwizzle parseSwizzle(std::string_view text) {
    constexpr std::string_view kNames = "rgba01";
    const size_t equals = text.find('=');
    if (equals == text.npos || text.size() != equals + 5)
        throw Error("a swizzle is N=RGBA, not '{}'", text);
    TextureSwizzle swizzle{static_cast<uint32_t>(std::stoul(std::string(text.substr(0, equals)))), {}};
    for (size_t c = 0; c < 4; ++c) {
        const size_t from = kNames.find(text[equals + 1 + c]);
        if (from == kNames.npos)
            throw Error("'{}' is no component", text[equals + 1 + c]);
        swizzle.components[c] = static_cast<uint8_t>(from);
    }
    return swizzle;
}

Arguments parse(int argc, char** argv) {
    const std::map<std::string_view, gl_shader_stage> stages{
        {"vertex", MESA_SHADER_VERTEX},     {"tess_ctrl", MESA_SHADER_TESS_CTRL}, {"tess_eval", MESA_SHADER_TESS_EVAL},
        {"geometry", MESA_SHADER_GEOMETRY}, {"fragment", MESA_SHADER_FRAGMENT},   {"compute", MESA_SHADER_COMPUTE}};
    Arguments arguments;
    for (int n = 1; n < argc; ++n) {
        const std::string_view argument = argv[n];
        if (argument == "--first-uav" && n + 1 < argc)
            arguments.options.firstUav = static_cast<uint32_t>(std::stoul(argv[++n]));
        else if (argument == "--not-last")
            arguments.options.lastBeforeRasterizer = false;
        else if (argument == "--per-sample")
            arguments.options.perSample = true;
        else if (argument == "--patch-vertices" && n + 1 < argc)
            arguments.options.patchControlPoints = static_cast<uint32_t>(std::stoul(argv[++n]));
        else if (argument == "--other" && n + 1 < argc)
            arguments.other = argv[++n];
        else if (argument == "--swizzle" && n + 1 < argc)
            arguments.options.swizzles.push_back(parseSwizzle(argv[++n]));
        else if (argument == "--print")
            arguments.print = true;
        else if (const auto stage = stages.find(argument); stage != stages.end())
            arguments.stage = stage->second;
        else
            throw Error("unknown argument '{}'", argument);
    }
    if (arguments.stage == MESA_SHADER_NONE)
        throw Error("no stage is named");
    return arguments;
}

/** \brief What the Vulkan runtime does with a stage's module before the driver sees it. */
NirOwner toNir(const std::vector<uint32_t>& spirv, gl_shader_stage stage) {
    spirv_to_nir_options options = spirvOptions();
    nir_shader* nir = spirv_to_nir(spirv.data(), spirv.size(), nullptr, 0, stage, "main", &options, &nirOptions());
    if (!nir)
        throw Error("spirv_to_nir() refused the module");
    NirOwner owner(nir);
    SVGA_NIR_PASS(nir, nir_lower_variable_initializers, nir_var_function_temp);
    SVGA_NIR_PASS(nir, nir_lower_returns);
    SVGA_NIR_PASS(nir, nir_inline_functions);
    SVGA_NIR_PASS(nir, nir_copy_prop);
    SVGA_NIR_PASS(nir, nir_opt_deref);
    nir_remove_non_entrypoints(nir);
    SVGA_NIR_PASS(nir, nir_lower_variable_initializers, static_cast<nir_variable_mode>(~0));
    SVGA_NIR_PASS(nir, nir_split_var_copies);
    SVGA_NIR_PASS(nir, nir_split_per_member_structs);
    SVGA_NIR_PASS(nir, nir_remove_dead_variables,
                  static_cast<nir_variable_mode>(nir_var_shader_in | nir_var_shader_out | nir_var_system_value),
                  nullptr);
    SVGA_NIR_PASS(nir, nir_lower_clip_cull_distance_arrays);
    SVGA_NIR_PASS(nir, nir_propagate_invariant, false);
    return owner;
}

std::vector<uint32_t> read(std::istream& in) {
    const std::string input(std::istreambuf_iterator<char>(in), {});
    std::vector<uint32_t> words(input.size() / sizeof(uint32_t));
    std::memcpy(words.data(), input.data(), words.size() * sizeof(uint32_t));
    return words;
}

void write(const CompiledShader& shader) {
    std::vector<uint32_t> words{static_cast<uint32_t>(shader.tokens.size() + shader.signature.size()),
                                static_cast<uint32_t>(shader.bindings.size()),
                                shader.uavCount,
                                shader.vertexInputs,
                                shader.renderTargets,
                                shader.workgroupSize[0],
                                shader.workgroupSize[1],
                                shader.workgroupSize[2]};
    words.insert(words.end(), shader.tokens.begin(), shader.tokens.end());
    words.insert(words.end(), shader.signature.begin(), shader.signature.end());
    for (const ShaderBinding& b : shader.bindings)
        words.insert(words.end(), {static_cast<uint32_t>(b.file), static_cast<uint32_t>(b.kind), b.dimension, b.written,
                                   b.reg, b.set, b.binding, b.element});
    std::fwrite(words.data(), sizeof(uint32_t), words.size(), stdout);
}

int run(int argc, char** argv) {
    Arguments arguments = parse(argc, argv);
    const NirOwner nir = toNir(read(std::cin), arguments.stage);
    if (!arguments.other.empty()) {
        std::ifstream file(arguments.other, std::ios::binary);
        const bool control = arguments.stage == MESA_SHADER_TESS_CTRL;
        const NirOwner other = toNir(read(file), control ? MESA_SHADER_TESS_EVAL : MESA_SHADER_TESS_CTRL);
        arguments.options.tessellation = control ? tessellationModes(*nir, *other) : tessellationModes(*other, *nir);
        if (!control)
            arguments.options.patchControlPoints = other->info.tess.tcs_vertices_out;
    }
    const auto print = [&] {
        if (arguments.print)
            nir_print_shader(nir.get(), stderr);
    };
    try {
        write(compile(*nir, arguments.options));
        print();
    } catch (...) {
        print();
        throw;
    }
    return 0;
}

} // namespace
} // namespace svga::vulkan

int main(int argc, char** argv) {
    glsl_type_singleton_init_or_ref();
    int status = 1;
    try {
        status = svga::vulkan::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "svga-spirv-to-vgpu10: " << error.what() << '\n';
    }
    glsl_type_singleton_decref();
    return status;
}
