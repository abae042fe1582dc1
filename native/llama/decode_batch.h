#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "llama/llama_functions.h"

namespace starling {

/** The arrays behind one llama_batch. Its memory is reused from decode to decode. */
class DecodeBatch {
 public:
  void clear();

  size_t size() const { return tokens_.size(); }

  /** Adds `length` tokens that stand at `position` and behind it in each of `sequences`. */
  void add(const int32_t* ids, size_t length, size_t position, std::vector<llama_seq_id> sequences);

  /**
   * Fills up to a multiple of `multiple` tokens with copies of the last one, behind it in its sequences: attention is
   * causal, so they change nothing that stands before them.
   */
  void pad(size_t multiple);

  /** Flags the tokens from `index` on, so that their hidden states are outputs. */
  void flag_from(size_t index);

  /** A view for llama_decode, valid until the next change. */
  llama_batch view();

 private:
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  /** The sequences of each stretch that was added, and for each token which stretch it is of. */
  std::vector<std::vector<llama_seq_id>> stretches_;
  std::vector<size_t> stretch_of_;
  std::vector<int32_t> sequence_counts_;
  std::vector<llama_seq_id*> sequence_pointers_;
  std::vector<int8_t> outputs_;
};

}  // namespace starling
