#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling {

/** Token ids of several sequences, one after another. */
class Sequences {
 public:
  void add(const int32_t* ids, size_t length) {
    tokens_.insert(tokens_.end(), ids, ids + length);
    ends_.push_back(tokens_.size());
  }

  size_t count() const { return ends_.size(); }
  size_t begin_of(size_t i) const { return i == 0 ? 0 : ends_[i - 1]; }
  size_t length(size_t i) const { return ends_[i] - begin_of(i); }
  const int32_t* ids(size_t i) const { return tokens_.data() + begin_of(i); }

 private:
  std::vector<int32_t> tokens_;
  std::vector<size_t> ends_;
};

/** The sequences of one llama_decode, as indices into a Sequences. */
using Group = std::vector<size_t>;

/**
 * Cuts the sequences, in their order, into groups of at most `max_sequences` and `batch_tokens` tokens. A sequence that
 * is longer than the budget is a group of its own. Inside a group the shorter sequences come first: then llama.cpp
 * completes them in group order even where it feeds them side by side (KV cache not unified), so that the n-th row it
 * yields is the n-th sequence of the group.
 */
std::vector<Group> plan_groups(const Sequences& sequences, size_t max_sequences, size_t batch_tokens);

}  // namespace starling
