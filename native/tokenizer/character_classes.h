#pragma once

#include <cstdint>

namespace starling {

/** Character classes as Oniguruma, the regular expressions of Hugging Face's tokenizers, defines them. */

/** \p{L} */
bool is_letter(uint32_t code);
/** \p{N} */
bool is_number(uint32_t code);
/** \s */
bool is_space(uint32_t code);

}  // namespace starling
