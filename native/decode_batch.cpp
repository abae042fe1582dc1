#include "decode_batch.h"

namespace starling {

void DecodeBatch::clear() {
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  outputs_.clear();
}

void DecodeBatch::add(const int32_t* ids, size_t length, int32_t position, int32_t sequence, bool score_last) {
  for (size_t i = 0; i < length; ++i) {
    tokens_.push_back(ids[i]);
    positions_.push_back(position + static_cast<int32_t>(i));
    sequences_.push_back(sequence);
    outputs_.push_back(0);
  }
  if (score_last && length > 0) outputs_.back() = 1;
}

void DecodeBatch::pad(size_t multiple) {
  while (!tokens_.empty() && tokens_.size() % multiple != 0) {
    const llama_token token = tokens_.back();
    add(&token, 1, positions_.back() + 1, sequences_.back(), false);
  }
}

llama_batch DecodeBatch::view() {
  sequence_counts_.assign(tokens_.size(), 1);
  sequence_pointers_.resize(tokens_.size());
  for (size_t i = 0; i < tokens_.size(); ++i) sequence_pointers_[i] = &sequences_[i];
  llama_batch batch{};
  batch.n_tokens = static_cast<int32_t>(tokens_.size());
  batch.token = tokens_.data();
  batch.pos = positions_.data();
  batch.n_seq_id = sequence_counts_.data();
  batch.seq_id = sequence_pointers_.data();
  batch.logits = outputs_.data();
  return batch;
}

}  // namespace starling
