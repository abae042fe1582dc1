#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling {

/** The first three are for SentencePiece vocabularies, byte_bpe is for byte-level BPE. */
enum class TokenizationMode { slow, fast_4_41, fast_4_42, byte_bpe };

/** Ids to put before and after a text, and the padding id. */
struct TokenizerWrapper {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
  /** -1 for none. */
  int32_t pad_token_id = -1;
};

/**
 * A text made of parts. Those with an even index are template text. Those with an odd index are content, in which added
 * tokens and control pieces are plain text.
 */
struct TextParts {
  /** @throws std::length_error for a text too long to count in 32 bits once its spaces are marked */
  explicit TextParts(const std::vector<std::string>& list);

  std::string text;
  /** Where each part ends. */
  std::vector<size_t> ends;
};

struct EncodeOptions {
  TokenizationMode mode = TokenizationMode::fast_4_41;
  /** Keeps the last ones. */
  uint32_t max_tokens = 0;
  /** Put the wrapper's ids around the text. Truncation never removes them. */
  bool wrapped = false;
};

struct EncodedText {
  /** After truncation. */
  std::vector<int32_t> ids;
  /** Before truncation. */
  uint32_t total_tokens = 0;
  /** Index in ids, or -1. */
  int32_t first_pad = -1;
  /** Index in ids, or -1. */
  int32_t last_non_pad = -1;
  /** Leading ids that the text shares with its prompt, at most all but the last one; 0 without a prompt. */
  uint32_t prompt_tokens = 0;
};

/**
 * What all tokenizers do alike: joining parts, BOS and EOS, truncation, padding. Immutable, so any number of threads
 * may use one.
 */
class TokenizerBase {
 public:
  explicit TokenizerBase(TokenizerWrapper wrapper) : wrapper_(std::move(wrapper)) {}
  virtual ~TokenizerBase() = default;
  TokenizerBase(const TokenizerBase&) = delete;
  TokenizerBase& operator=(const TokenizerBase&) = delete;

  /** Entries of the vocabulary. */
  virtual int32_t size() const = 0;

  /** @param prompt the same parts without the last content, to find where that content begins; empty for none */
  EncodedText encode(const std::vector<std::string>& parts, const EncodeOptions& options,
                     const std::vector<std::string>& prompt = {}) const;

 private:
  /** The ids of the text without the wrapper. Parts are joined before anything is merged. */
  virtual std::vector<int32_t> encode_parts(const TextParts& parts, TokenizationMode mode) const = 0;

  TokenizerWrapper wrapper_;
};

}  // namespace starling
