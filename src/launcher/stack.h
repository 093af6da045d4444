// SPDX-License-Identifier: MIT
/**
 * \file
 * Where the parts of the stack lie, and the environment that makes a program find them.
 *
 * The launcher knows its own siblings (the preloaded library and the device, built or installed beside it). What comes
 * from elsewhere, two builds of Mesa and a Vulkan driver, is described by a file that the set-up writes:
 *
 *     { "coherent": PART, "stock": PART, "device": PART }
 *     PART = { "needs": [FILE...], "library_path": FOLDERS, "variables": { NAME: VALUE... } }
 *
 * "coherent" and "stock" are for the program, "device" for the device process. A part can be used when all the files it
 * needs are there.
 */
#pragma once

#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

namespace svga::launcher {

/** \brief One part of the stack that is not built here. */
struct StackPart {
    std::vector<std::filesystem::path> needs;
    std::string libraryPath; ///< for LD_LIBRARY_PATH; may be empty
    std::map<std::string, std::string> variables;

    /// \throws svga::Error that names the first missing file; \p what says what the part is
    void requireComplete(const std::string& what) const;
};

/** \brief Which of the described parts are wanted. */
struct StackChoice {
    std::string winsys = "coherent"; ///< "coherent" or "stock"
    std::string vulkanIcd;           ///< absolute; empty: the description's Vulkan driver
    std::string stackFile;           ///< empty: the description beside the launcher
};

/** \brief What a program needs wherever it runs, on the embedded kernel or in a virtual machine. */
struct Stack {
    std::filesystem::path device; ///< the device's executable
    StackPart winsys;             ///< for the program
    StackPart vulkan;             ///< for the device
};

/**
 * \brief Finds the stack that \p choice asks for.
 *
 * \param executable the launcher's own file, beside which the rest is looked for
 * \throws svga::Error that names what is missing
 */
Stack findStack(const StackChoice& choice, const std::filesystem::path& executable);

/**
 * \brief The first of \p candidates that exists, relative to the folder of \p executable.
 *
 * \param what names it where it is missing, and \p remedy says how it is made
 * \throws svga::Error
 */
std::filesystem::path findBeside(const std::filesystem::path& executable, const char* what,
                                 std::initializer_list<const char*> candidates,
                                 const char* remedy = "build it first (./run does)");

using Variables = std::map<std::string, std::string>;

/** \brief "NAME=value" strings as variables, without the SVGA_* ones of a launcher around this one. */
Variables inheritedVariables(const std::vector<std::string>& environment);

/** \brief Has a process find \p part: its variables, and its libraries before all others. */
void addPart(Variables& variables, const StackPart& part);

/** \brief Has a program find \p winsys and the SVGA device below it. */
void addWinsys(Variables& variables, const StackPart& winsys);

/** \brief Puts \p path before what the variable \p name holds; nothing where it is empty. */
void prependPath(Variables& variables, const char* name, const std::string& path);

/** \brief As "NAME=value" strings. */
std::vector<std::string> environmentStrings(const Variables& variables);

} // namespace svga::launcher
