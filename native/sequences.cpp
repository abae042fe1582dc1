#include "sequences.h"

#include <algorithm>

namespace starling {

std::vector<Group> plan_groups(const Sequences& sequences, size_t max_sequences, size_t batch_tokens) {
  std::vector<Group> groups;
  size_t tokens = 0;
  for (size_t i = 0; i < sequences.count(); ++i) {
    const size_t length = sequences.length(i);
    const bool fits = !groups.empty() && groups.back().size() < max_sequences && tokens + length <= batch_tokens;
    if (!fits) {
      groups.emplace_back();
      tokens = 0;
    }
    groups.back().push_back(i);
    tokens += length;
  }
  for (Group& group : groups)
    std::stable_sort(group.begin(), group.end(),
                     [&](size_t a, size_t b) { return sequences.length(a) < sequences.length(b); });
  return groups;
}

}  // namespace starling
