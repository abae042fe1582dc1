#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer_base.h"

namespace starling {

/** A piece that is split out of the text before anything is merged. */
struct Pattern {
  std::string text;
  int32_t id;
  /** Matches inside content too, not only in template text. */
  bool everywhere;
  /** Index in the same list of the longest other pattern that this one begins with; -1 for none. */
  int32_t shorter = -1;
};

/**
 * Finds the longest pattern at a position, in a time that does not depend on the number of patterns. They are kept by
 * first byte, in lexicographic order: the longest match is the last pattern that is not greater than the text, or is
 * reached from there through `shorter`.
 */
class PatternSet {
 public:
  void add(Pattern pattern);

  /** Must be called after the last add() and before match(). */
  void sort();

  /**
   * The longest pattern at byte `at` of `text` that may match there; nullptr for none.
   *
   * @param template_end end of the template text that `at` is in; 0 in content
   */
  const Pattern* match(std::string_view text, size_t at, size_t template_end) const;

  bool empty() const { return empty_; }

 private:
  std::vector<std::vector<Pattern>> by_first_byte_ = std::vector<std::vector<Pattern>>(256);
  bool empty_ = true;
};

/**
 * Splits patterns out of the text from left to right, the longest at each position. Appends their ids, and calls
 * `stretch(from, to)` for each non-empty stretch of text between them.
 */
void split_out(const PatternSet& patterns, const TextParts& parts, std::vector<int32_t>& ids,
               const std::function<void(size_t from, size_t to)>& stretch);

}  // namespace starling
