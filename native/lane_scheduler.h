#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "held_prefixes.h"
#include "prefix_planner.h"

namespace starling {

/**
 * Which lane evaluates what, and with how many threads. Several lanes of few threads evaluate more than one lane of many,
 * because threads of one lane wait for each other at every operation; but what shares a prefix belongs to the lane that has
 * it, until it lends the prefix to the others, and a lone sequence is finished sooner by all threads together. Decides
 * about time alone: scores do not depend on it. Not thread-safe.
 */
class LaneScheduler {
 public:
  struct Lanes {
    size_t count = 1;
    /** Threads of a lane among others, and of one that works alone. */
    size_t threads = 1;
    size_t wide_threads = 1;
  };
  struct Assignment {
    PrefixPlanner::Key first;
    /** With all threads; nobody else starts meanwhile. */
    bool wide;
  };

  LaneScheduler(PlanLimits limits, Lanes lanes)
      : planner_(limits), limits_(limits), settings_(lanes), lanes_(lanes.count) {}

  PrefixPlanner& planner() { return planner_; }

  /** What a lane that is free should do; nothing when it should wait for a change. */
  std::optional<Assignment> choose(size_t lane) const;

  /**
   * How much of what a lane has just evaluated it should lend: the prefix that several waiting sequences have in common
   * with it, while another lane has nothing to do. 0 for nothing.
   */
  size_t worth_lending(size_t lane) const;

  /** A prefix can be had by all lanes, from now on and until it is taken back. */
  void lent(PrefixId id, TokenView tokens);

  /** Takes back the prefixes that nothing waiting begins with any more. */
  std::vector<PrefixId> take_back();

  /** @param subject the tokens of what is evaluated, which are then resident; copied */
  void started(size_t lane, bool wide, TokenView subject, size_t tokens);
  /** Does nothing for a lane that has not started. */
  void finished(size_t lane) noexcept;
  /** A lane that takes no more work: nothing belongs to it. */
  void retire(size_t lane) noexcept { lanes_[lane].subject.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct State {
    bool busy = false;
    bool wide = false;
    std::vector<int32_t> subject;
    size_t tokens = 0;
    Clock::time_point since;
    TokenView view() const { return {subject.data(), subject.size()}; }
  };

  struct Lent {
    PrefixId id;
    std::vector<int32_t> tokens;
    TokenView view() const { return {tokens.data(), tokens.size()}; }
  };

  bool can_widen() const { return settings_.wide_threads > settings_.threads || settings_.count == 1; }
  bool belongs(TokenView tokens, TokenView subject) const;
  bool only_there(TokenView tokens, TokenView subject) const;
  std::optional<PrefixPlanner::Key> independent_of_others(size_t lane, TokenView also) const;
  bool better_to_wait(size_t lane, TokenView tokens) const;

  PrefixPlanner planner_;
  const PlanLimits limits_;
  const Lanes settings_;
  std::vector<State> lanes_;
  std::vector<Lent> lent_;
  /** Of one lane among others; 0 while unknown. */
  double tokens_per_second_ = 0;
};

}  // namespace starling
