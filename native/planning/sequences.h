#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "planning/batch_plan.h"

namespace starling {

/** Token ids of several sequences, in one array. */
class Sequences {
 public:
  void add(const int32_t* ids, size_t length) {
    tokens_.insert(tokens_.end(), ids, ids + length);
    ends_.push_back(tokens_.size());
  }

  size_t count() const { return ends_.size(); }

  /** Valid until the next add(). */
  TokenView operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return {tokens_.data() + begin, ends_[i] - begin};
  }

 private:
  std::vector<int32_t> tokens_;
  std::vector<size_t> ends_;
};

}  // namespace starling
