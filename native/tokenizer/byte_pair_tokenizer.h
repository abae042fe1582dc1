// Byte-level BPE, to the letter of tokenizers (Hugging Face). Pure C++: no Node-API, no llama.cpp.
//
// Added tokens are cut out, first those found in the raw text, then those with the flag `normalized`; every other
// stretch is cut into words; a word's bytes are merged by the rank of their merges, best first, the leftmost of equals
// first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer_base.h"
#include "tokenizer/word_split.h"

namespace starling {

struct BytePairVocabulary {
  std::string bytes;              // all tokens in the byte-level alphabet, UTF-8, one after another
  std::vector<uint32_t> offsets;  // n + 1 entries
  std::vector<uint8_t> types;     // n; only tokens of type 1 (normal) come out of merges
  std::string merges;             // "LEFT RIGHT", best first, one after another
  std::vector<uint32_t> merge_offsets;
  std::vector<int32_t> added_tokens;
  std::vector<int32_t> normalized_added_tokens;
  WordSplit split = WordSplit::llama_bpe;
  bool ignore_merges = false;  // a word that is a token is taken whole
  TokenizerWrapper wrapper;
};

class BytePairTokenizer final : public TokenizerBase {
 public:
  // Throws std::invalid_argument, with the token, merge or id in words, for a vocabulary that contradicts itself.
  explicit BytePairTokenizer(BytePairVocabulary vocabulary);

  int32_t size() const override { return size_; }

 private:
  struct Merge {
    uint32_t rank;
    int32_t merged;
  };
  struct Symbol;
  struct Candidate;

  std::vector<int32_t> encode_parts(const Parts& parts, TokenizationMode mode) const override;
  void encode_stretch(std::string_view text, std::vector<int32_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;
  void read_merges(const BytePairVocabulary& vocabulary);
  const Merge* find_merge(int32_t left, int32_t right) const;

  std::string bytes_;
  int32_t size_;
  WordSplit split_;
  bool ignore_merges_;
  int32_t byte_ids_[256];
  std::unordered_map<std::string_view, int32_t> words_;  // tokens that text may become
  std::unordered_map<uint64_t, Merge> merges_;           // by both halves' ids
  PatternSet raw_;
  PatternSet normalized_;
};

}  // namespace starling
