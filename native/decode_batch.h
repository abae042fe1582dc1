#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "llama_functions.h"

namespace starling {

/** The arrays behind one llama_batch. Its memory is reused from decode to decode. */
class DecodeBatch {
 public:
  void clear();

  /**
   * Adds `length` tokens that continue `sequence` at `position`.
   * @param score_last flags the last of them, so that its hidden state is an output
   */
  void add(const int32_t* ids, size_t length, int32_t position, int32_t sequence, bool score_last);

  /**
   * Fills up to a multiple of `multiple` tokens with copies of the last one, behind it in its sequence: attention is
   * causal, so they change nothing that stands before them.
   */
  void pad(size_t multiple);

  /** A view for llama_decode, valid until the next change. */
  llama_batch view();

 private:
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<llama_seq_id> sequences_;
  std::vector<int32_t> sequence_counts_;
  std::vector<llama_seq_id*> sequence_pointers_;
  std::vector<int8_t> outputs_;
};

}  // namespace starling
