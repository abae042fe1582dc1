// Classes of characters as the regular expressions of tokenizers (Hugging Face, by Oniguruma) see them. Pure C++.
#pragma once

#include <cstdint>

namespace starling {

bool is_letter(uint32_t code);  // \p{L}
bool is_number(uint32_t code);  // \p{N}
bool is_space(uint32_t code);   // \s

}  // namespace starling
