#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace starling {

/** Token ids owned by someone else. */
struct TokenView {
  const int32_t* ids = nullptr;
  size_t length = 0;
};

/** Length of the common prefix. */
size_t common_prefix(TokenView a, TokenView b);

struct PlanLimits {
  /** Most sequences of one batch; 1 in exact mode. */
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

/** A sequence to evaluate. */
struct PlannedSequence {
  TokenView tokens;
  /** Hidden states are wanted from this token to the last one. */
  size_t first_output = 0;
  /** The last hidden state itself is wanted, not only the reward. */
  bool features = false;
  /** Wants more than the last hidden state: it is a batch of its own. */
  bool many_outputs() const { return first_output + 1 < tokens.length; }
};

/** Tokens [begin, end) of a sequence, computed once for all sequences that share them. */
struct Segment {
  /** Members of the batch that begin with these tokens: indices into BatchPlan::members, ascending, not empty. */
  std::vector<size_t> sharers;
  size_t begin = 0;
  size_t end = 0;
};

/** One batch: what the next decodes compute. */
struct BatchPlan {
  using Key = uint64_t;
  struct Member {
    Key key = 0;
    PlannedSequence sequence;
    /** Tokens that are reused from the cached sequence. */
    size_t kept = 0;
    /** The segment that ends with this sequence. */
    size_t last_segment = 0;
  };
  /** In lexicographic order of their tokens. */
  std::vector<Member> members;
  /** Each segment comes after those with the tokens before it. */
  std::vector<Segment> segments;

  /** Tokens to compute. */
  size_t tokens() const;
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

  /** Whether at least `count` waiting sequences begin with these tokens. */
  bool shared_by(TokenView tokens, size_t count) const;

  /** The waiting sequence of this key; nullptr for other keys. */
  const PlannedSequence* find(Key key) const;

  /**
   * Removes and returns the batch that begins with `first`, which must be waiting.
   *
   * @param most sequences in the batch; 0 for as many as the limits allow
   */
  BatchPlan batch(Key first, TokenView cached, size_t most = 0);

 private:
  struct Entry {
    TokenView tokens;
    Key key;
    bool operator<(const Entry& other) const;
  };

  std::optional<Key> nearest(TokenView tokens) const;
  size_t kept_of(const PlannedSequence& sequence, TokenView cached) const;
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
