#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace starling {

/** Token ids owned by someone else. */
struct TokenView {
  const int32_t* ids = nullptr;
  size_t length = 0;
};

/** Length of the common prefix. */
size_t common_prefix(TokenView a, TokenView b);

/** Lexicographic order: less than, equal to or greater than 0. */
int compare(TokenView a, TokenView b);

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
  /** The member that is the cached sequence afterwards: the last one that was chosen. */
  size_t next_cached = 0;
  /** Each segment comes after those with the tokens before it; those of the next cached sequence come first. */
  std::vector<Segment> segments;

  /**
   * Sorts the members and divides their tokens into segments. The last member becomes the next cached one.
   *
   * @param share whether members may share segments
   */
  void divide(bool share);

  /** The tokens that are cached afterwards. */
  TokenView cached() const { return members[next_cached].sequence.tokens; }

  /** The most tokens that a member reuses. */
  size_t most_kept() const;

  /** Tokens to compute. */
  size_t tokens() const;

  /** Tokens of all members, computed or not. */
  size_t sequence_tokens() const;
};

}  // namespace starling
