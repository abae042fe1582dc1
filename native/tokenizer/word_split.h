// Cutting text into words for a byte-level BPE, as the regular expressions of known tokenizers do. Pure C++.
#pragma once

#include <cstddef>
#include <string_view>

namespace starling {

// Named as llama.cpp names them: Llama 3's expression, and GPT-2's.
enum class WordSplit { llama_bpe, gpt_2 };

// Bytes of the word that begins at `at`; at least one character. `text` is valid UTF-8.
size_t word_length(std::string_view text, size_t at, WordSplit split);

}  // namespace starling
