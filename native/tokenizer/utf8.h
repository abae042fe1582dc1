#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling {

struct Character {
  uint32_t code = 0;
  /** Bytes; 0 at the end of the text. */
  size_t length = 0;
};

/** The character that begins at `at`; of broken text something, within its bounds. */
Character read_character(std::string_view text, size_t at);

void append_character(std::string& text, uint32_t code);

}  // namespace starling
