#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace starling {

/** Token ids that somebody else owns. */
struct TokenView {
  const int32_t* ids = nullptr;
  size_t length = 0;
};

/** How many tokens both begin with. */
size_t common_prefix(TokenView a, TokenView b);

struct PlanLimits {
  /** Most sequences of one batch; 1 in exact mode. */
  size_t sequences = 1;
  /** Most tokens that are computed in one batch; a sequence that needs more is a batch of its own. */
  size_t tokens = 512;
  /** A shorter common prefix is no reason to leave the order of arrival. */
  size_t min_shared = 8;
  /** What is kept of a prefix is rounded down to a multiple of this. */
  size_t multiple = 1;
  /** A sequence that was passed over this often is next, whatever it shares. */
  size_t max_passed_over = 256;
  /** false: nothing is kept and nothing is shared. */
  bool share = true;
};

/** Something to evaluate. */
struct PlannedSequence {
  TokenView tokens;
  /** The first token whose hidden state is asked for; all up to the last one are. */
  size_t first_output = 0;
  /** The last hidden state itself is asked for, not only the reward that the head makes of it. */
  bool features = false;
  /** More than its last hidden state is asked for: it is a batch of its own. */
  bool alone() const { return first_output + 1 < tokens.length; }
};

/** Tokens `begin` to `end` of a sequence, computed once for all sequences that have them in common. */
struct Segment {
  /** Members of the batch, as indices into BatchPlan::members, that begin with these tokens; ascending, not empty. */
  std::vector<size_t> sharers;
  size_t begin = 0;
  size_t end = 0;
};

/** What one step of the work computes. */
struct BatchPlan {
  using Key = uint64_t;
  struct Member {
    Key key = 0;
    PlannedSequence sequence;
    /** Tokens that are there already, from the cached sequence. */
    size_t kept = 0;
    /** The segment at whose end the sequence ends. */
    size_t last_segment = 0;
  };
  /** In lexicographic order of their tokens. */
  std::vector<Member> members;
  /** A segment comes after those that hold what stands before it. */
  std::vector<Segment> segments;

  /** Tokens that are computed. */
  size_t tokens() const;
};

/** What waiting sequences need. */
struct Demand {
  /** Tokens of the longest one. */
  size_t longest = 0;
  /** Tokens of all, shared or not. */
  size_t total = 0;
  /** Whether more than the last hidden state of one is asked for. */
  bool many_outputs = false;
};

/**
 * Decides what is computed next, so that what several waiting sequences begin with is computed once. Pure: it knows
 * nothing of llama.cpp.
 *
 * The sequences form a tree of prefixes. The next one is always a sequence that has the most in common with the one
 * computed last (the *cached* one, whose keys and values are still there); that walks the tree depth first, so that
 * every branch is computed once, and only what is shared with nobody waiting is given up. Where nothing min_shared is
 * shared, the order of arrival counts. The plan depends on what was added in which order, and on nothing else.
 */
class PrefixPlanner {
 public:
  using Key = BatchPlan::Key;

  explicit PrefixPlanner(PlanLimits limits) : limits_(limits) {}

  /** @param sequence not empty; its tokens must live until it is removed or planned. Keys ascend. */
  void add(Key key, PlannedSequence sequence);  // all or, where there is no memory, nothing

  /** Forgets a sequence that waits; does nothing for others. */
  void remove(Key key);

  bool empty() const { return waiting_.empty(); }

  /** What waits, as far as room must be made for it. */
  Demand demand() const;

  /** The sequence that comes next; something must wait. Does not take it. */
  Key first(TokenView cached) const;

  /** Of the oldest sequences, the first that is wanted. */
  std::optional<Key> oldest(const std::function<bool(TokenView)>& wanted) const;

  /** Whether at least `count` waiting sequences begin with these tokens. */
  bool shared_by(TokenView tokens, size_t count) const;

  /** What was added under a key that waits; nullptr for others. */
  const PlannedSequence* find(Key key) const;

  /** Takes out of what waits the batch that begins with `first`, which must wait. @param most members; 0: the limits'
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
  size_t alone_ = 0;
  size_t passed_over_ = 0;
};

}  // namespace starling
