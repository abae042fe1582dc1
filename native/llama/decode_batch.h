#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "llama/llama_functions.h"

namespace starling {

/** Owns the arrays of a llama_batch, and reuses their memory from decode to decode. */
class DecodeBatch {
 public:
  void clear();

  size_t size() const { return tokens_.size(); }

  /** Adds `length` tokens, at the positions from `position` on in each of `sequences`. */
  void add(const int32_t* ids, size_t length, size_t position, std::vector<llama_seq_id> sequences);

  /**
   * Fills up to a multiple of `multiple` tokens with copies of the last one, at the positions after it. Attention is
   * causal, so they do not affect the tokens before them.
   */
  void pad(size_t multiple);

  /** Flags the tokens from `index` on as outputs. */
  void flag_from(size_t index);

  /** A view for llama_decode, valid until the next change. */
  llama_batch view();

 private:
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  /** The sequences of each add(), and for each token its index there. */
  std::vector<std::vector<llama_seq_id>> sequences_;
  std::vector<size_t> added_by_;
  std::vector<int32_t> sequence_counts_;
  std::vector<llama_seq_id*> sequence_pointers_;
  std::vector<int8_t> outputs_;
};

}  // namespace starling
