// Text to token ids, to the letter of the reference. Pure C++: no Node-API, no llama.cpp.
//
// One SentencePiece BPE vocabulary, three ways to use it (design and versions: scripts/oracle/TOKENIZATION.md):
//
//   slow       SentencePiece itself: added tokens are split out, user-defined pieces are matched first (longest
//              prefix), the rest is merged by score; an optional dummy prefix; unused pieces are split again.
//   fast-4.41  transformers' fast tokenizer up to 4.41: added tokens are split out, every other stretch of text gets
//              one U+2581 in front and is merged by the rank of its merges; user-defined pieces mean nothing special.
//   fast-4.42  the same from 4.42 on: control and user-defined pieces are split out like added tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer_base.h"

namespace starling {

// SentencePiece's piece types (sentencepiece_model.proto).
enum class PieceType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct SentencePieceVocabulary {
  std::string bytes;              // all pieces, UTF-8, one after another
  std::vector<uint32_t> offsets;  // n + 1 entries; piece i is bytes[offsets[i] .. offsets[i + 1])
  std::vector<float> scores;      // n
  std::vector<uint8_t> types;     // n, PieceType
  std::vector<int32_t> added_tokens;
  std::vector<int32_t> normalized_added_tokens;  // a subset of added_tokens
  bool add_dummy_prefix = false;                 // mode slow
  bool add_prefix_space = true;                  // modes fast
  TokenizerWrapper wrapper;
};

class SentencePieceTokenizer final : public TokenizerBase {
 public:
  // Throws std::invalid_argument, with the piece or id in words, for a vocabulary that contradicts itself.
  explicit SentencePieceTokenizer(SentencePieceVocabulary vocabulary);

  int32_t size() const override { return static_cast<int32_t>(vocabulary_.scores.size()); }

 private:
  std::vector<int32_t> encode_parts(const Parts& parts, TokenizationMode mode) const override;

  // What a fast tokenizer splits out: of the raw text, and then of each stretch as the normaliser changed it.
  struct FastSplit {
    PatternSet raw;
    PatternSet normalized;
  };

  struct Symbol;
  struct Bigram;

  std::string_view piece(int32_t id) const;
  int32_t find(std::string_view text) const;            // any piece that text may become, or -1
  int32_t find_mergeable(std::string_view text) const;  // what SentencePiece merges to, or -1
  PieceType type(int32_t id) const { return static_cast<PieceType>(vocabulary_.types[id]); }

  // Unused pieces that a merge made, and the two halves of each.
  using Splits = std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>>;

  void encode_slow(std::string_view text, std::vector<int32_t>& ids) const;
  void encode_fast(std::string_view text, const PatternSet& split, std::vector<int32_t>& ids) const;
  void encode_normalized(std::string_view text, std::vector<int32_t>& ids) const;
  void merge(std::vector<Symbol>& symbols, std::string_view text, Splits* splits) const;
  bool append_piece(std::string_view text, const Splits& splits, bool after_unknown, std::vector<int32_t>& ids,
                    int depth) const;
  bool append_fallback(std::string_view text, bool after_unknown, std::vector<int32_t>& ids) const;

  SentencePieceVocabulary vocabulary_;
  std::unordered_map<std::string_view, int32_t> ids_;
  std::vector<bool> is_added_;
  int32_t byte_ids_[256];
  int32_t unknown_id_ = 0;
  PatternSet split_slow_;    // added tokens
  PatternSet user_defined_;  // what SentencePiece matches before it merges
  FastSplit split_4_41_;
  FastSplit split_4_42_;
};

}  // namespace starling
