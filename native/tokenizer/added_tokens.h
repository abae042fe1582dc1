// Tokens that are cut out of a text before anything else looks at it. Pure C++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer_base.h"

namespace starling {

// A piece that is split out of the text before merging.
struct Pattern {
  std::string text;
  int32_t id;
  bool everywhere;  // also inside content
  // The longest other pattern that this one begins with, by its place in the list; -1 for none.
  int32_t shorter = -1;
};

// Patterns by first byte, in lexicographic order: of those that a text begins with, the longest is the last one that is
// not greater than the text, or is found from there by `shorter`. So the time for a place does not grow with their
// number.
class PatternSet {
 public:
  void add(Pattern pattern);
  // To be called once all patterns are there.
  void sort();
  // The longest pattern that text has at `at` and that may match there; nullptr for none.
  const Pattern* match(std::string_view text, size_t at, size_t template_end) const;
  bool empty() const { return empty_; }

 private:
  std::vector<std::vector<Pattern>> by_first_byte_ = std::vector<std::vector<Pattern>>(256);
  bool empty_ = true;
};

// Cuts patterns out of the text from the left, the longest at each place: appends their ids, and calls `stretch(from,
// to)` for what stands between them, where that is not empty. In content only patterns match that match everywhere.
void cut_out(const PatternSet& patterns, const Parts& parts, std::vector<int32_t>& ids,
             const std::function<void(size_t from, size_t to)>& stretch);

}  // namespace starling
