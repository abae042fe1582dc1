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

/** SentencePiece's piece types (sentencepiece_model.proto). */
enum class PieceType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

/** SentencePieceVocabulary of src/native/addon.ts. */
struct SentencePieceVocabulary {
  /** All pieces, UTF-8, concatenated. */
  std::string bytes;
  /** n + 1 entries: piece i is bytes[offsets[i] .. offsets[i + 1]). */
  std::vector<uint32_t> offsets;
  /** n entries. */
  std::vector<float> scores;
  /** n entries, PieceType. */
  std::vector<uint8_t> types;
  std::vector<int32_t> added_tokens;
  /** A subset of added_tokens. */
  std::vector<int32_t> normalized_added_tokens;
  /** Mode slow. */
  bool add_dummy_prefix = false;
  /** Modes fast. */
  bool add_prefix_space = true;
  /** Modes fast: of merges with equal scores, those with the longest left piece first, then the longest right piece. */
  bool longest_first = false;
  TokenizerWrapper wrapper;
};

/**
 * SentencePiece BPE, exactly as the reference. One vocabulary can be used in three ways (design and versions:
 * scripts/oracle/TOKENIZATION.md):
 *
 * - slow: SentencePiece itself. Added tokens are split out; user-defined pieces are matched first, the longest prefix;
 *   the rest is merged by score. Optional dummy prefix. Unused pieces are split again.
 * - fast-4.41: transformers' fast tokenizer up to 4.41. Added tokens are split out; every other stretch of text gets
 * one U+2581 in front and is merged by the rank of its merges. User-defined pieces are ordinary pieces.
 * - fast-4.42: the same from 4.42 on. Control and user-defined pieces are split out like added tokens.
 */
class SentencePieceTokenizer final : public TokenizerBase {
 public:
  /** @throws std::invalid_argument naming the piece or id, for an inconsistent vocabulary */
  explicit SentencePieceTokenizer(SentencePieceVocabulary vocabulary);

  int32_t size() const override { return static_cast<int32_t>(vocabulary_.scores.size()); }

 private:
  struct Symbol;
  struct Bigram;
  /** What a fast tokenizer splits out: of the raw text, then of each stretch as the normaliser left it. */
  struct FastSplit {
    PatternSet raw;
    PatternSet normalized;
  };
  /** Unused pieces that a merge made, with the two halves of each. */
  using Splits = std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>>;

  std::vector<int32_t> encode_parts(const TextParts& parts, TokenizationMode mode) const override;
  std::string_view piece(int32_t id) const;
  PieceType type(int32_t id) const { return static_cast<PieceType>(vocabulary_.types[id]); }
  /** A piece that text may become, or -1. */
  int32_t find(std::string_view text) const;
  /** A piece that SentencePiece merges to, or -1. */
  int32_t find_mergeable(std::string_view text) const;
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
  /** Code points of each piece, for `longest_first`; otherwise empty. */
  std::vector<uint32_t> characters_;
  int32_t byte_ids_[256];
  int32_t unknown_id_ = 0;
  /** Added tokens. */
  PatternSet split_slow_;
  /** What SentencePiece matches before it merges. */
  PatternSet user_defined_;
  FastSplit split_4_41_;
  FastSplit split_4_42_;
};

}  // namespace starling
