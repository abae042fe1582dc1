#include "llama/decode_batch.h"

#include <algorithm>

namespace starling {

void DecodeBatch::clear() {
  tokens_.clear();
  positions_.clear();
  sequences_.clear();
  added_by_.clear();
  outputs_.clear();
}

void DecodeBatch::add(const int32_t* ids, size_t length, size_t position, std::vector<llama_seq_id> sequences) {
  for (size_t i = 0; i < length; ++i) {
    tokens_.push_back(ids[i]);
    positions_.push_back(static_cast<llama_pos>(position + i));
    added_by_.push_back(sequences_.size());
    outputs_.push_back(0);
  }
  sequences_.push_back(std::move(sequences));
}

void DecodeBatch::pad(size_t multiple) {
  while (!tokens_.empty() && tokens_.size() % multiple != 0) {
    tokens_.push_back(llama_token{tokens_.back()});
    positions_.push_back(positions_.back() + 1);
    added_by_.push_back(size_t{added_by_.back()});
    outputs_.push_back(0);
  }
}

void DecodeBatch::flag_from(size_t index) {
  std::fill(outputs_.begin() + static_cast<ptrdiff_t>(index), outputs_.end(), int8_t{1});
}

llama_batch DecodeBatch::view() {
  sequence_counts_.clear();
  sequence_pointers_.clear();
  for (const size_t index : added_by_) {
    sequence_counts_.push_back(static_cast<int32_t>(sequences_[index].size()));
    sequence_pointers_.push_back(sequences_[index].data());
  }
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
