#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling {

/**
 * `size` bytes of a file (UTF-8 path) from `position` on. Not a stream: the C++ library's streams bring 300 KB of
 * locales.
 *
 * @throws Failure if the file cannot be opened or ends before
 */
std::vector<uint8_t> read_file(const std::string& path, uint64_t position, size_t size);

}  // namespace starling
