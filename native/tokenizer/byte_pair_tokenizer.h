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

/** BytePairVocabulary of src/native/addon.ts. */
struct BytePairVocabulary {
  /** All tokens in the byte-level alphabet, UTF-8, concatenated. */
  std::string bytes;
  /** n + 1 entries: token i is bytes[offsets[i] .. offsets[i + 1]). */
  std::vector<uint32_t> offsets;
  /** n entries; only tokens of type 1 (normal) result from merges. */
  std::vector<uint8_t> types;
  /** "LEFT RIGHT", best first, concatenated; and where each starts. */
  std::string merges;
  std::vector<uint32_t> merge_offsets;
  std::vector<int32_t> added_tokens;
  /** A subset of added_tokens. */
  std::vector<int32_t> normalized_added_tokens;
  WordSplit split = WordSplit::llama_bpe;
  /** A word that is a token is taken whole. */
  bool ignore_merges = false;
  /** Text between added tokens is composed first (NFC). Then no added token may be a normalized one. */
  bool composes = false;
  TokenizerWrapper wrapper;
};

/**
 * Byte-level BPE, exactly as Hugging Face's tokenizers. Added tokens are split out: first those of the raw text, then
 * those with the flag `normalized`. The stretches between them are composed if the tokenizer does so, and split into
 * words. The bytes of a word are merged by the rank of their merges, best first, the leftmost of equals first.
 */
class BytePairTokenizer final : public TokenizerBase {
 public:
  /** @throws std::invalid_argument naming the token, merge or id, for an inconsistent vocabulary */
  explicit BytePairTokenizer(BytePairVocabulary vocabulary);

  int32_t size() const override { return size_; }

 private:
  struct Merge {
    uint32_t rank;
    int32_t merged;
  };
  struct Symbol;
  struct Candidate;

  std::vector<int32_t> encode_parts(const TextParts& parts, TokenizationMode mode) const override;
  void encode_stretch(std::string_view text, std::vector<int32_t>& ids) const;
  void encode_word(std::string_view word, std::vector<int32_t>& ids) const;
  void read_merges(const BytePairVocabulary& vocabulary);
  const Merge* find_merge(int32_t left, int32_t right) const;

  std::string bytes_;
  int32_t size_;
  WordSplit split_;
  bool ignore_merges_;
  bool composes_;
  int32_t byte_ids_[256];
  /** Tokens that text may become, by their spelling. */
  std::unordered_map<std::string_view, int32_t> words_;
  /** By the ids of both halves. */
  std::unordered_map<uint64_t, Merge> merges_;
  PatternSet raw_;
  PatternSet normalized_;
};

}  // namespace starling
