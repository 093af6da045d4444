// SPDX-License-Identifier: MIT
#include "glsl.h"

#include "util/error.h"

#include <glslang/Public/ResourceLimits.h>
#include <glslang/Public/ShaderLang.h>
#include <glslang/SPIRV/GlslangToSpv.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

namespace svga::vulkan::test {
namespace {

EShLanguage languageOf(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return EShLangVertex;
    case Stage::TessControl:
        return EShLangTessControl;
    case Stage::TessEvaluation:
        return EShLangTessEvaluation;
    case Stage::Geometry:
        return EShLangGeometry;
    case Stage::Fragment:
        return EShLangFragment;
    case Stage::Compute:
        break;
    }
    return EShLangCompute;
}

const char* nameOf(Stage stage) {
    switch (stage) {
    case Stage::Vertex:
        return "vertex";
    case Stage::TessControl:
        return "tess_ctrl";
    case Stage::TessEvaluation:
        return "tess_eval";
    case Stage::Geometry:
        return "geometry";
    case Stage::Fragment:
        return "fragment";
    case Stage::Compute:
        break;
    }
    return "compute";
}

/** \brief A file of no name that a child process inherits. */
class TemporaryFile {
public:
    TemporaryFile()
        : file_(std::tmpfile()) {
        if (!file_)
            throw Error("no temporary file: {}", std::strerror(errno));
    }
    ~TemporaryFile() { std::fclose(file_); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    int fd() const { return fileno(file_); }
    void write(const void* data, size_t bytes) {
        std::fwrite(data, 1, bytes, file_);
        std::fflush(file_);
        std::rewind(file_);
    }
    std::string read() {
        std::rewind(file_);
        std::string text;
        char part[4096];
        for (size_t n; (n = std::fread(part, 1, sizeof(part), file_)) > 0;)
            text.append(part, n);
        return text;
    }

private:
    std::FILE* file_;
};

} // namespace

uint32_t Compiled::reg(uint32_t file, uint32_t binding, uint32_t element) const {
    for (const Binding& b : bindings)
        if (b.file == file && b.binding == binding && b.element == element)
            return b.reg;
    throw Error("binding {} has no register in file {}", binding, file);
}

std::vector<uint32_t> toSpirv(Stage stage, const std::string& glsl) {
    static const bool initialized = glslang::InitializeProcess();
    (void)initialized;
    const EShLanguage language = languageOf(stage);
    glslang::TShader shader(language);
    const char* text = glsl.c_str();
    shader.setStrings(&text, 1);
    shader.setEnvInput(glslang::EShSourceGlsl, language, glslang::EShClientVulkan, 100);
    shader.setEnvClient(glslang::EShClientVulkan, glslang::EShTargetVulkan_1_1);
    shader.setEnvTarget(glslang::EShTargetSpv, glslang::EShTargetSpv_1_3);
    constexpr auto kMessages = static_cast<EShMessages>(EShMsgSpvRules | EShMsgVulkanRules);
    if (!shader.parse(GetDefaultResources(), 450, false, kMessages))
        throw Error("GLSL: {}\n{}", shader.getInfoLog(), glsl);
    glslang::TProgram program;
    program.addShader(&shader);
    if (!program.link(kMessages))
        throw Error("GLSL: {}", program.getInfoLog());
    std::vector<uint32_t> spirv;
    glslang::GlslangToSpv(*program.getIntermediate(language), spirv);
    return spirv;
}

Compiled compileSpirv(Stage stage, const std::vector<uint32_t>& spirv, const std::vector<std::string>& options) {
    const char* tool = std::getenv("SVGA_SPIRV_TO_VGPU10");
    if (!tool)
        throw Error("SVGA_SPIRV_TO_VGPU10 does not name the compiler's tool");
    TemporaryFile in, out, errors;
    in.write(spirv.data(), spirv.size() * sizeof(uint32_t));
    std::vector<std::string> arguments{tool, nameOf(stage)};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        dup2(in.fd(), STDIN_FILENO);
        dup2(out.fd(), STDOUT_FILENO);
        dup2(errors.fd(), STDERR_FILENO);
        execv(tool, argv.data());
        _exit(127);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        throw Error("the compiler's tool was not run: {}", std::strerror(errno));
    if (WIFSIGNALED(status))
        throw Error("the compiler's tool died of signal {}: {}", WTERMSIG(status), errors.read());
    if (WEXITSTATUS(status) != 0)
        throw Error("{}", errors.read());
    const std::string bytes = out.read();
    std::vector<uint32_t> words(bytes.size() / sizeof(uint32_t));
    std::memcpy(words.data(), bytes.data(), words.size() * sizeof(uint32_t));
    constexpr size_t kHeader = 8, kBindingWords = 8;
    if (words.size() < kHeader || words.size() != kHeader + words[0] + kBindingWords * words[1])
        throw Error("the compiler's tool wrote {} words", words.size());
    Compiled compiled;
    compiled.uavCount = words[2];
    compiled.vertexInputs = words[3];
    compiled.renderTargets = words[4];
    compiled.tokens.assign(words.begin() + kHeader, words.begin() + kHeader + words[0]);
    for (size_t n = 0; n < words[1]; ++n) {
        const uint32_t* w = &words[kHeader + words[0] + kBindingWords * n];
        compiled.bindings.push_back({w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]});
    }
    return compiled;
}

Compiled compileGlsl(Stage stage, const std::string& glsl, const std::vector<std::string>& options) {
    return compileSpirv(stage, toSpirv(stage, glsl), options);
}

} // namespace svga::vulkan::test
