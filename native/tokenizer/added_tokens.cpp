#include "tokenizer/added_tokens.h"

#include <algorithm>

namespace starling {

void PatternSet::add(Pattern pattern) {
  if (pattern.text.empty()) return;
  empty_ = false;
  by_first_byte_[static_cast<unsigned char>(pattern.text[0])].push_back(std::move(pattern));
}

void PatternSet::sort() {
  for (auto& patterns : by_first_byte_) {
    // Of equal texts, match() finds the last one: make that the one that was added first.
    std::reverse(patterns.begin(), patterns.end());
    std::stable_sort(patterns.begin(), patterns.end(),
                     [](const Pattern& a, const Pattern& b) { return a.text < b.text; });
    std::vector<int32_t> open;
    for (size_t i = 0; i < patterns.size(); i++) {
      const auto begins = [&](int32_t other) {
        const std::string& text = patterns[static_cast<size_t>(other)].text;
        return patterns[i].text.compare(0, text.size(), text) == 0;
      };
      while (!open.empty() && !begins(open.back())) open.pop_back();
      patterns[i].shorter = open.empty() ? -1 : open.back();
      open.push_back(static_cast<int32_t>(i));
    }
  }
}

const Pattern* PatternSet::match(std::string_view text, size_t at, size_t template_end) const {
  const std::vector<Pattern>& patterns = by_first_byte_[static_cast<unsigned char>(text[at])];
  if (patterns.empty()) return nullptr;
  const std::string_view rest = text.substr(at);
  const auto after =
      std::upper_bound(patterns.begin(), patterns.end(), rest,
                       [](std::string_view t, const Pattern& pattern) { return t < std::string_view(pattern.text); });
  for (auto i = static_cast<int32_t>(after - patterns.begin()) - 1; i >= 0;) {
    const Pattern& pattern = patterns[static_cast<size_t>(i)];
    const bool allowed = pattern.everywhere || at + pattern.text.size() <= template_end;
    if (allowed && rest.compare(0, pattern.text.size(), pattern.text) == 0) return &pattern;
    i = pattern.shorter;
  }
  return nullptr;
}

void split_out(const PatternSet& patterns, const TextParts& parts, std::vector<int32_t>& ids,
               const std::function<void(size_t from, size_t to)>& stretch) {
  const std::string_view text(parts.text);
  size_t begin = 0;
  size_t part = 0;
  for (size_t at = 0; at < text.size();) {
    while (parts.ends[part] <= at) part++;
    const Pattern* hit = patterns.match(text, at, part % 2 == 0 ? parts.ends[part] : 0);
    if (hit == nullptr) {
      at++;
      continue;
    }
    if (at > begin) stretch(begin, at);
    ids.push_back(hit->id);
    at += hit->text.size();
    begin = at;
  }
  if (begin < text.size()) stretch(begin, text.size());
}

}  // namespace starling
