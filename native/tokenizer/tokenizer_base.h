// What every kind of tokenizer does alike: joining parts, BOS and EOS, truncation, padding. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling {

// The first three are for SentencePiece vocabularies, byte_bpe for byte-level BPE ones.
enum class TokenizationMode { slow, fast_4_41, fast_4_42, byte_bpe };

// What stands around a text, and what stands for padding.
struct TokenizerWrapper {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
  int32_t pad_token_id = -1;  // -1: none
};

// A text of parts, joined. Parts with an even index are template text; in those with an odd index (content) added
// tokens and control pieces are plain text. Throws std::length_error for a text that is too long to count in 32 bits
// once its spaces are marked.
struct Parts {
  explicit Parts(const std::vector<std::string>& list);

  std::string text;
  std::vector<size_t> ends;  // where each part ends
};

struct EncodeOptions {
  TokenizationMode mode = TokenizationMode::fast_4_41;
  uint32_t max_tokens = 0;  // the last ones stay
  bool wrapped = false;     // whether `before` and `after` are put around the text; truncation never removes them
};

struct EncodedText {
  std::vector<int32_t> ids;   // what stays after truncation
  uint32_t total_tokens = 0;  // before truncation
  int32_t first_pad = -1;     // index in ids, or -1
  int32_t last_non_pad = -1;  // index in ids, or -1
  // How many of the ids (before its last one) the text has in common with the beginning of its prompt; 0 without one.
  uint32_t prompt_tokens = 0;
};

// Immutable once made, so that any number of threads may use it.
class TokenizerBase {
 public:
  explicit TokenizerBase(TokenizerWrapper wrapper) : wrapper_(std::move(wrapper)) {}
  virtual ~TokenizerBase() = default;

  TokenizerBase(const TokenizerBase&) = delete;
  TokenizerBase& operator=(const TokenizerBase&) = delete;

  virtual int32_t size() const = 0;

  // A prompt is the same text with its last content left out, to tell where that content begins.
  EncodedText encode(const std::vector<std::string>& parts, const EncodeOptions& options,
                     const std::vector<std::string>& prompt = {}) const;

 private:
  // The ids of the whole text, with nothing around it. The parts are joined before anything is merged.
  virtual std::vector<int32_t> encode_parts(const Parts& parts, TokenizationMode mode) const = 0;

  TokenizerWrapper wrapper_;
};

}  // namespace starling
