#include "planning/batch_plan.h"

#include <algorithm>

namespace starling {

namespace {

/** Divides the tokens of a batch into segments. */
class Segments {
 public:
  explicit Segments(BatchPlan& plan) : plan_(plan) {}

  /** Members [from, to) are sorted and have their first `begin` tokens in common. */
  void add(size_t from, size_t to, size_t begin) {
    const TokenView first = tokens(from);
    // They are sorted: what the first and the last share, all share.
    const size_t end = to - from == 1 ? first.length : common_prefix(first, tokens(to - 1));
    if (end > begin) {
      Segment segment;
      for (size_t i = from; i < to; ++i) segment.sharers.push_back(i);
      segment.begin = begin;
      segment.end = end;
      plan_.segments.push_back(std::move(segment));
    }
    // A sequence that is a prefix of others comes before them.
    for (; from < to && tokens(from).length == end; ++from)
      plan_.members[from].last_segment = plan_.segments.size() - 1;
    const auto go_on_alike = [&](size_t a, size_t b) { return tokens(a).ids[end] == tokens(b).ids[end]; };
    for (const auto& [first_of_group, last] : groups(from, to, go_on_alike)) add(first_of_group, last, end);
  }

  /** Divides members [from, to) into groups of those that are alike; that of the next cached one comes first. */
  template <class Alike>
  std::vector<std::pair<size_t, size_t>> groups(size_t from, size_t to, const Alike& alike) const {
    std::vector<std::pair<size_t, size_t>> found;
    for (size_t next = from; from < to; from = next) {
      while (next < to && alike(from, next)) ++next;
      found.emplace_back(from, next);
      if (from <= plan_.next_cached && plan_.next_cached < next) std::swap(found.front(), found.back());
    }
    return found;
  }

 private:
  TokenView tokens(size_t member) const { return plan_.members[member].sequence.tokens; }
  BatchPlan& plan_;
};

}  // namespace

size_t common_prefix(TokenView a, TokenView b) {
  const size_t most = std::min(a.length, b.length);
  return static_cast<size_t>(std::mismatch(a.ids, a.ids + most, b.ids).first - a.ids);
}

int compare(TokenView a, TokenView b) {
  const size_t common = common_prefix(a, b);
  if (common < a.length && common < b.length) return a.ids[common] < b.ids[common] ? -1 : 1;
  return a.length == b.length ? 0 : a.length < b.length ? -1 : 1;
}

void BatchPlan::divide(bool share) {
  const Key last = members.back().key;
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    const int order = compare(a.sequence.tokens, b.sequence.tokens);
    return order != 0 ? order < 0 : a.key < b.key;
  });
  while (members[next_cached].key != last) ++next_cached;
  // Members that reuse different numbers of cached tokens share nothing beyond them.
  Segments parts(*this);
  const auto keep_alike = [&](size_t a, size_t b) { return a == b || (share && members[a].kept == members[b].kept); };
  for (const auto& [from, to] : parts.groups(0, members.size(), keep_alike)) parts.add(from, to, members[from].kept);
}

size_t BatchPlan::most_kept() const {
  size_t most = 0;
  for (const Member& member : members) most = std::max(most, member.kept);
  return most;
}

size_t BatchPlan::tokens() const {
  size_t sum = 0;
  for (const Segment& segment : segments) sum += segment.end - segment.begin;
  return sum;
}

size_t BatchPlan::sequence_tokens() const {
  size_t sum = 0;
  for (const Member& member : members) sum += member.sequence.tokens.length;
  return sum;
}

}  // namespace starling
