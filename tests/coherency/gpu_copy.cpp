// SPDX-License-Identifier: MIT
#include "gpu_copy.h"

#include <array>
#include <stdexcept>
#include <string>

namespace svga::coherency {

GLuint buildProgram(const char* vertexSource, const char* fragmentSource, const char* streamOutput) {
    const GLuint program = glCreateProgram();
    auto attach = [&](GLenum type, const char* source) {
        if (!source)
            return;
        const GLuint shader = glCreateShader(type);
        glShaderSource(shader, 1, &source, nullptr);
        glCompileShader(shader);
        glAttachShader(program, shader);
        glDeleteShader(shader);
    };
    attach(GL_VERTEX_SHADER, vertexSource);
    attach(GL_FRAGMENT_SHADER, fragmentSource);
    if (streamOutput)
        glTransformFeedbackVaryings(program, 1, &streamOutput, GL_INTERLEAVED_ATTRIBS);
    glLinkProgram(program);
    GLint linked = GL_FALSE;
    glGetProgramiv(program, GL_LINK_STATUS, &linked);
    if (!linked) {
        std::array<char, 4096> log{};
        glGetProgramInfoLog(program, log.size(), nullptr, log.data());
        throw std::runtime_error(std::string("program does not link: ") + log.data());
    }
    return program;
}

GpuCopy::GpuCopy() {
    program_ = buildProgram("#version 330\n"
                            "in uint word;\n"
                            "flat out uint copied;\n"
                            "void main() { copied = word; gl_Position = vec4(0.0, 0.0, 0.0, 1.0); }\n",
                            nullptr, "copied");
    glGenVertexArrays(1, &vertexArray_);
    glGenBuffers(1, &scratch_);
    glGenRenderbuffers(1, &renderbuffer_);
    glBindRenderbuffer(GL_RENDERBUFFER, renderbuffer_);
    glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, 1, 1);
    glGenFramebuffers(1, &framebuffer_);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, renderbuffer_);
}

GpuCopy::~GpuCopy() {
    glDeleteFramebuffers(1, &framebuffer_);
    glDeleteRenderbuffers(1, &renderbuffer_);
    glDeleteVertexArrays(1, &vertexArray_);
    glDeleteBuffers(1, &scratch_);
    glDeleteProgram(program_);
}

void GpuCopy::operator()(GLuint source, std::size_t sourceOffset, GLuint destination, std::size_t destinationOffset,
                         std::size_t size) const {
    glBindBuffer(GL_COPY_READ_BUFFER, scratch_);
    glBufferData(GL_COPY_READ_BUFFER, static_cast<GLsizeiptr>(size), nullptr, GL_STREAM_COPY);
    streamOutput(source, sourceOffset, scratch_, 0, size);
    glBindBuffer(GL_COPY_WRITE_BUFFER, destination);
    glCopyBufferSubData(GL_COPY_READ_BUFFER, GL_COPY_WRITE_BUFFER, 0, static_cast<GLintptr>(destinationOffset),
                        static_cast<GLsizeiptr>(size));
}

void GpuCopy::streamOutput(GLuint source, std::size_t sourceOffset, GLuint destination, std::size_t destinationOffset,
                           std::size_t size) const {
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glUseProgram(program_);
    glBindVertexArray(vertexArray_);
    const auto location = static_cast<GLuint>(glGetAttribLocation(program_, "word"));
    glBindBuffer(GL_ARRAY_BUFFER, source);
    glVertexAttribIPointer(location, 1, GL_UNSIGNED_INT, sizeof(GLuint), reinterpret_cast<const void*>(sourceOffset));
    glEnableVertexAttribArray(location);
    glBindBufferRange(GL_TRANSFORM_FEEDBACK_BUFFER, 0, destination, static_cast<GLintptr>(destinationOffset),
                      static_cast<GLsizeiptr>(size));
    glEnable(GL_RASTERIZER_DISCARD);
    glBeginTransformFeedback(GL_POINTS);
    glDrawArrays(GL_POINTS, 0, static_cast<GLsizei>(size / sizeof(GLuint)));
    glEndTransformFeedback();
    glDisable(GL_RASTERIZER_DISCARD);
    glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, 0);
    glBindVertexArray(0);
}

} // namespace svga::coherency
