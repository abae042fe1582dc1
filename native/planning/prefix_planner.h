#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "planning/batch_plan.h"

namespace starling {

struct PlanLimits {
  /** Most sequences of one batch. */
  size_t sequences = 1;
  /** Most tokens that one batch computes; a sequence that needs more is a batch of its own. */
  size_t tokens = 512;
  /** A common prefix shorter than this does not change the order of arrival. */
  size_t min_shared = 8;
  /** The number of cached tokens that a sequence reuses is rounded down to a multiple of this. */
  size_t multiple = 1;
  /** A sequence that was passed over this often is next, whatever it shares. */
  size_t max_passed_over = 256;
  /** false: every sequence is computed in full. */
  bool share = true;
};

struct BatchSize {
  size_t sequences;
  /** That are computed; a single sequence may have more. */
  size_t tokens;
};

/** What the waiting sequences need of a context. */
struct Demand {
  /** Tokens of the longest one. */
  size_t longest = 0;
  /** Tokens of all, counting shared ones each time. */
  size_t total = 0;
  /** Whether one of them wants more than its last hidden state. */
  bool many_outputs = false;
};

/**
 * Decides which sequence is evaluated next, so that every shared prefix is computed once. Knows nothing of llama.cpp.
 *
 * The waiting sequences form a tree of prefixes. The next one is always a sequence that has the most tokens in common
 * with the *cached* one, the last that was evaluated, whose keys and values are still in the cache. This walks the tree
 * depth first. If less than min_shared tokens would be shared, the order of arrival decides. A plan depends only on the
 * order in which sequences were added.
 */
class PrefixPlanner {
 public:
  using Key = BatchPlan::Key;

  explicit PrefixPlanner(PlanLimits limits) : limits_(limits) {}

  /**
   * Adds all or, if memory runs out, nothing.
   *
   * @param key larger than all before
   * @param sequence not empty; its tokens must live until it is removed or planned
   */
  void add(Key key, PlannedSequence sequence);

  /** Removes a waiting sequence; does nothing for other keys. */
  void remove(Key key);

  bool empty() const { return waiting_.empty(); }

  Demand demand() const;

  /** The next sequence. Must not be called when empty. */
  Key first(TokenView cached) const;

  /** The first of the oldest sequences that is `wanted`; looks at a bounded number of them. */
  std::optional<Key> oldest(const std::function<bool(TokenView)>& wanted) const;

  /**
   * How many tokens the waiting sequences have beyond the cached ones, counting shared ones once.
   *
   * @param enough look no further once there are so many
   */
  size_t tokens_to_compute(TokenView cached, size_t enough) const;

  /** Whether at least `count` waiting sequences begin with these tokens. */
  bool shared_by(TokenView tokens, size_t count) const;

  /** The waiting sequence of this key; nullptr for other keys. */
  const PlannedSequence* find(Key key) const;

  /**
   * Removes and returns the batch that begins with `first`, which must be waiting.
   *
   * @param most what it may have, less than the limits or the same
   * @param accepts whether a further sequence may join it, of which so many tokens are there already
   */
  BatchPlan batch(Key first, TokenView cached, BatchSize most,
                  const std::function<bool(TokenView tokens, size_t there)>& accepts);

 private:
  struct Entry {
    TokenView tokens;
    Key key;
    bool operator<(const Entry& other) const;
  };

  std::optional<Key> nearest(TokenView tokens) const;
  size_t reused_tokens(const PlannedSequence& sequence, TokenView cached) const;
  PlannedSequence take(Key key);

  PlanLimits limits_;
  std::map<Key, PlannedSequence> waiting_;
  std::set<Entry> in_order_;
  std::multiset<size_t> lengths_;
  size_t total_ = 0;
  size_t with_many_outputs_ = 0;
  size_t passed_over_ = 0;
};

}  // namespace starling
