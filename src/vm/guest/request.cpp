// SPDX-License-Identifier: MIT
#include "vm/guest/request.h"

#include <charconv>

namespace svga::vm {

namespace {

void put(std::string& text, std::string_view key, std::string_view value) {
    text.append(key).push_back('\0');
    text.append(value).push_back('\0');
}

/// Takes the string up to the next NUL off \p text.
std::optional<std::string> take(std::string_view& text) {
    const auto end = text.find('\0');
    if (end == text.npos)
        return std::nullopt;
    std::string result(text.substr(0, end));
    text.remove_prefix(end + 1);
    return result;
}

std::optional<unsigned> number(const std::string& value) {
    unsigned result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size())
        return std::nullopt;
    return result;
}

} // namespace

std::string encode(const Request& request) {
    std::string text;
    for (const auto& module : request.modules)
        put(text, "module", module);
    for (const auto& argument : request.program)
        put(text, "argument", argument);
    for (const auto& variable : request.environment)
        put(text, "variable", variable);
    put(text, "folder", request.folder);
    put(text, "user", std::to_string(request.user));
    put(text, "group", std::to_string(request.group));
    for (const gid_t group : request.groups)
        put(text, "member", std::to_string(group));
    put(text, "terminal", request.terminal ? "1" : "0");
    return text;
}

std::optional<Request> decodeRequest(std::string_view text) {
    Request request;
    while (!text.empty()) {
        const auto key = take(text);
        const auto value = take(text);
        if (!key || !value)
            return std::nullopt;
        if (*key == "module") {
            request.modules.push_back(*value);
        } else if (*key == "argument") {
            request.program.push_back(*value);
        } else if (*key == "variable") {
            request.environment.push_back(*value);
        } else if (*key == "folder") {
            request.folder = *value;
        } else {
            const auto id = number(*value);
            if (!id)
                return std::nullopt;
            if (*key == "user")
                request.user = *id;
            else if (*key == "group")
                request.group = *id;
            else if (*key == "member")
                request.groups.push_back(*id);
            else if (*key == "terminal")
                request.terminal = *id != 0;
            else
                return std::nullopt;
        }
    }
    if (request.program.empty())
        return std::nullopt;
    return request;
}

} // namespace svga::vm
