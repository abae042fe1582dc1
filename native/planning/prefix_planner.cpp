#include "planning/prefix_planner.h"

#include <algorithm>

namespace starling {

namespace {

/** Neighbours to look at for the oldest of equally good ones. */
constexpr size_t MOST_COMPARED = 64;
/** Sequences whose tokens are counted; more are assumed to have enough. */
constexpr size_t MOST_COUNTED = 256;
/** Tokens that are computed again, although they are cached, for a larger batch. */
constexpr size_t MOST_REPEATED = 16;

}  // namespace

bool PrefixPlanner::Entry::operator<(const Entry& other) const {
  const int order = compare(tokens, other.tokens);
  return order != 0 ? order < 0 : key < other.key;
}

void PrefixPlanner::add(Key key, PlannedSequence sequence) {
  waiting_.emplace(key, sequence);
  try {
    if (limits_.share) in_order_.insert({sequence.tokens, key});
    lengths_.insert(sequence.tokens.length);
  } catch (...) {
    in_order_.erase({sequence.tokens, key});
    waiting_.erase(key);
    throw;
  }
  total_ += sequence.tokens.length;
  if (sequence.many_outputs()) ++with_many_outputs_;
}

void PrefixPlanner::remove(Key key) {
  if (waiting_.count(key) != 0) take(key);
}

PlannedSequence PrefixPlanner::take(Key key) {
  const auto found = waiting_.find(key);
  const PlannedSequence sequence = found->second;
  waiting_.erase(found);
  in_order_.erase({sequence.tokens, key});
  lengths_.erase(lengths_.find(sequence.tokens.length));
  total_ -= sequence.tokens.length;
  if (sequence.many_outputs()) --with_many_outputs_;
  return sequence;
}

Demand PrefixPlanner::demand() const {
  return {lengths_.empty() ? 0 : *lengths_.rbegin(), total_, with_many_outputs_ > 0};
}

size_t PrefixPlanner::tokens_to_compute(TokenView cached, size_t enough) const {
  if (!limits_.share) return total_;
  size_t tokens = 0;
  size_t steps = 0;
  TokenView before;
  for (auto at = in_order_.begin(); at != in_order_.end() && tokens < enough; ++at) {
    if (++steps > MOST_COUNTED) return enough;
    // In lexicographic order each shares the most with the one before it.
    tokens += at->tokens.length - std::max(common_prefix(at->tokens, before), common_prefix(at->tokens, cached));
    before = at->tokens;
  }
  return tokens;
}

bool PrefixPlanner::shared_by(TokenView tokens, size_t count) const {
  // They are neighbours in lexicographic order.
  for (auto at = in_order_.lower_bound({tokens, 0}); count > 0; ++at, --count)
    if (at == in_order_.end() || common_prefix(at->tokens, tokens) < tokens.length) return false;
  return true;
}

const PlannedSequence* PrefixPlanner::find(Key key) const {
  const auto found = waiting_.find(key);
  return found == waiting_.end() ? nullptr : &found->second;
}

PrefixPlanner::Key PrefixPlanner::first(TokenView cached) const {
  const Key oldest = waiting_.begin()->first;
  return passed_over_ < limits_.max_passed_over ? nearest(cached).value_or(oldest) : oldest;
}

std::optional<PrefixPlanner::Key> PrefixPlanner::oldest(const std::function<bool(TokenView)>& wanted) const {
  size_t steps = 0;
  for (const auto& [key, sequence] : waiting_) {
    if (wanted(sequence.tokens)) return key;
    if (++steps == MOST_COMPARED) break;
  }
  return std::nullopt;
}

BatchPlan PrefixPlanner::batch(Key first, TokenView cached, BatchSize most,
                               const std::function<bool(TokenView tokens, size_t there)>& accepts) {
  BatchPlan plan;
  size_t tokens = 0;
  size_t most_kept = 0;
  const Key oldest = waiting_.begin()->first;
  const auto add = [&](Key key, size_t cost) {
    const PlannedSequence sequence = take(key);
    plan.members.push_back({key, sequence, reused_tokens(sequence, cached), 0});
    most_kept = std::max(most_kept, plan.members.back().kept);
    tokens += cost;
  };
  const PlannedSequence& chosen = waiting_.at(first);
  const bool alone = chosen.many_outputs();
  add(first, chosen.tokens.length - reused_tokens(chosen, cached));
  while (!alone && plan.members.size() < most.sequences && tokens < most.tokens && !waiting_.empty()) {
    const TokenView last = plan.members.back().sequence.tokens;
    const Key key = nearest(last).value_or(waiting_.begin()->first);
    const PlannedSequence& candidate = waiting_.at(key);
    const size_t reused = reused_tokens(candidate, cached);
    // If it reuses less than others, it is the next cached sequence with other cells between its own. Short ones are
    // moved then; beside a long one the others reuse no more than it.
    const bool is_long = candidate.tokens.length > limits_.tokens;
    const size_t repeated = is_long && reused < most_kept ? most_kept - reused : 0;
    // Those that reuse different numbers of tokens share no others: see BatchPlan::divide().
    const bool shares = limits_.share && (repeated > 0 || reused == plan.members.back().kept);
    const size_t shared = shares ? common_prefix(candidate.tokens, last) : 0;
    const size_t cost = candidate.tokens.length - std::max(shared, reused) + repeated;
    if (candidate.many_outputs() || repeated > MOST_REPEATED || tokens + cost > most.tokens) break;
    if (!accepts(candidate.tokens, std::max(shared, reused))) break;
    if (repeated > 0) {
      for (BatchPlan::Member& member : plan.members) member.kept = std::min(member.kept, reused);
      most_kept = reused;
    }
    add(key, cost);
  }
  const bool passed_over = waiting_.count(oldest) != 0;
  passed_over_ = passed_over ? passed_over_ + 1 : 0;
  plan.divide(limits_.share);
  return plan;
}

/**
 * The oldest of the waiting sequences that share the most tokens with these. In lexicographic order they are around the
 * position where these would be; the search in each direction is bounded.
 */
std::optional<PrefixPlanner::Key> PrefixPlanner::nearest(TokenView tokens) const {
  if (!limits_.share || tokens.length == 0 || in_order_.empty()) return std::nullopt;
  const auto after = in_order_.lower_bound({tokens, 0});
  const auto common_at = [&](std::set<Entry>::const_iterator at) { return common_prefix(at->tokens, tokens); };
  size_t most = after == in_order_.end() ? 0 : common_at(after);
  if (after != in_order_.begin()) most = std::max(most, common_at(std::prev(after)));
  if (most < limits_.min_shared) return std::nullopt;
  const auto& [oldest, sequence] = *waiting_.begin();
  if (common_prefix(sequence.tokens, tokens) == most) return oldest;
  Key best = ~Key{0};
  size_t steps = 0;
  for (auto at = after; at != in_order_.end() && steps++ < MOST_COMPARED && common_at(at) == most; ++at)
    best = std::min(best, at->key);
  steps = 0;
  for (auto at = after; at != in_order_.begin() && steps++ < MOST_COMPARED && common_at(std::prev(at)) == most; --at)
    best = std::min(best, std::prev(at)->key);
  return best;
}

/** The tokens from the first output on are always computed: their hidden states are wanted. */
size_t PrefixPlanner::reused_tokens(const PlannedSequence& sequence, TokenView cached) const {
  if (!limits_.share) return 0;
  const size_t kept = std::min(common_prefix(sequence.tokens, cached), sequence.first_output);
  return kept - kept % limits_.multiple;
}

}  // namespace starling
