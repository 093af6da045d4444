// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace svga::device {

/** \brief Hash of \p size bytes at \p data. Not for untrusted collisions: tables keyed by it compare the bytes as well.
 */
inline uint64_t hashBytes(const void* data, std::size_t size) {
    return std::hash<std::string_view>{}(std::string_view(static_cast<const char*>(data), size));
}

/** \brief Hash and equality over the bytes of a type without padding. */
template <typename T>
struct BytesHash {
    static_assert(std::has_unique_object_representations_v<T>, "padding would be compared");
    std::size_t operator()(const T& value) const { return hashBytes(&value, sizeof(T)); }
};

template <typename T>
struct BytesEqual {
    static_assert(std::has_unique_object_representations_v<T>, "padding would be compared");
    bool operator()(const T& a, const T& b) const { return std::memcmp(&a, &b, sizeof(T)) == 0; }
};

} // namespace svga::device
