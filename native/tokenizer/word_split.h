#pragma once

#include <cstddef>
#include <string_view>

namespace starling {

/** Regular expressions that split text into words, by llama.cpp's names: Llama 3's, Qwen 2's and GPT-2's. */
enum class WordSplit { llama_bpe, qwen2, gpt_2 };

/** Bytes of the word that begins at `at`, at least one character. `text` is valid UTF-8. */
size_t word_length(std::string_view text, size_t at, WordSplit split);

}  // namespace starling
