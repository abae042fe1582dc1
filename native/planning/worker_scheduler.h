#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "planning/pinned_prefixes.h"
#include "planning/prefix_planner.h"

namespace starling {

/**
 * Which worker evaluates what, and with how many threads. Several workers of few threads evaluate more than one worker
 * of many, because threads of one worker wait for each other at every operation; but what shares a prefix belongs to
 * the worker that has it, until it lends the prefix to the others, and a lone sequence is finished sooner by all
 * threads together. Decides about time alone: scores do not depend on it. Not thread-safe.
 */
class WorkerScheduler {
 public:
  struct Workers {
    size_t count = 1;
    /** Threads of a worker among others, and of one that works alone. */
    size_t threads = 1;
    size_t solo_threads = 1;
  };
  struct Assignment {
    PrefixPlanner::Key first;
    /** With all threads; nobody else starts meanwhile. */
    bool solo;
  };

  WorkerScheduler(PlanLimits limits, Workers workers)
      : planner_(limits), limits_(limits), settings_(workers), workers_(workers.count) {}

  PrefixPlanner& planner() { return planner_; }

  /** What a worker that is free should do; nothing when it should wait for a change. */
  std::optional<Assignment> choose(size_t worker) const;

  /**
   * How much of what a worker has just evaluated it should share: the prefix that several waiting sequences have in
   * common with it, while another worker has nothing to do. 0 for nothing.
   */
  size_t worth_sharing(size_t worker) const;

  /** A prefix can be had by all workers, from now on and until it is taken back. */
  void add_shared(PrefixId id, TokenView tokens);

  /** Takes back the prefixes that nothing waiting begins with any more. */
  std::vector<PrefixId> drop_unused();

  /** @param subject the tokens of what is evaluated, which are then cached; copied */
  void started(size_t worker, bool solo, TokenView subject, size_t tokens);
  /** Does nothing for a worker that has not started. */
  void finished(size_t worker) noexcept;
  /** A worker that takes no more work: nothing belongs to it. */
  void retire(size_t worker) noexcept { workers_[worker].subject.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct State {
    bool busy = false;
    bool solo = false;
    std::vector<int32_t> subject;
    size_t tokens = 0;
    Clock::time_point since;
    TokenView view() const { return {subject.data(), subject.size()}; }
  };

  struct SharedPrefix {
    PrefixId id;
    std::vector<int32_t> tokens;
    TokenView view() const { return {tokens.data(), tokens.size()}; }
  };

  bool can_go_solo() const { return settings_.solo_threads > settings_.threads || settings_.count == 1; }
  bool belongs(TokenView tokens, TokenView subject) const;
  bool only_there(TokenView tokens, TokenView subject) const;
  std::optional<PrefixPlanner::Key> independent_of_others(size_t worker, TokenView also) const;
  bool better_to_wait(size_t worker, TokenView tokens) const;

  PrefixPlanner planner_;
  const PlanLimits limits_;
  const Workers settings_;
  std::vector<State> workers_;
  std::vector<SharedPrefix> shared_;
  /** Of one worker among others; 0 while unknown. */
  double tokens_per_second_ = 0;
};

}  // namespace starling
