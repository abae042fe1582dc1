#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "planning/pinned_prefixes.h"
#include "planning/prefix_planner.h"

namespace starling {

/**
 * Decides which context worker evaluates what, and with how many threads. Several workers with few threads have a
 * higher throughput than one with many, because llama.cpp's threads wait for each other at every operation. But a
 * sequence that shares a prefix belongs to the worker that has the prefix in its cache, until that worker saves it;
 * and a single sequence is done sooner with all threads. Affects only timing, never scores. Not thread-safe.
 */
class WorkerScheduler {
 public:
  struct Workers {
    size_t count = 1;
    /** Threads of each worker while several are at work, and while only one is. */
    size_t threads = 1;
    size_t solo_threads = 1;
  };
  struct Assignment {
    PrefixPlanner::Key first;
    /** With all threads; no other worker starts meanwhile. */
    bool solo;
    /** Most tokens of the batch. */
    size_t tokens;
  };

  WorkerScheduler(PlanLimits limits, Workers workers)
      : planner_(limits), limits_(limits), settings_(workers), workers_(workers.count) {}

  PrefixPlanner& planner() { return planner_; }

  /** What a free worker should evaluate; nothing if it should wait for a change. */
  std::optional<Assignment> choose(size_t worker) const;

  /**
   * Removes the batch of an assignment from what waits. Sequences of which another worker has more are left to it.
   *
   * @param most sequences in the batch
   */
  BatchPlan take(size_t worker, TokenView cached, const Assignment& assignment, size_t most);

  /**
   * The length of the prefix in a worker's cache that it should save for others: several waiting sequences begin with
   * it, and another worker is idle. 0 for nothing.
   */
  size_t worth_sharing(size_t worker) const;

  /** All workers can restore this prefix from now on. */
  void add_shared(PrefixId id, TokenView tokens);

  /** Forgets and returns the shared prefixes that no waiting sequence begins with. */
  std::vector<PrefixId> remove_unused_shared();

  /**
   * @param cached the tokens that will be in the worker's cache; copied
   * @param tokens how many of them it computes
   */
  void started(size_t worker, bool solo, TokenView cached, size_t tokens);

  /** Does nothing for a worker that has not started. */
  void finished(size_t worker) noexcept;
  /** The worker takes no more work: no sequence belongs to it. */
  void retire(size_t worker) noexcept { workers_[worker].cached.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct State {
    bool busy = false;
    bool solo = false;
    std::vector<int32_t> cached;
    size_t tokens = 0;
    Clock::time_point since;
    TokenView view() const { return {cached.data(), cached.size()}; }
  };

  struct SharedPrefix {
    PrefixId id;
    std::vector<int32_t> tokens;
    TokenView view() const { return {tokens.data(), tokens.size()}; }
  };

  size_t fair_share(size_t worker) const;
  bool can_use_all_threads() const { return settings_.solo_threads > settings_.threads || settings_.count == 1; }
  bool belongs_to(TokenView tokens, TokenView cached) const;
  bool depends_on_cache(TokenView tokens, TokenView cached) const;
  std::optional<PrefixPlanner::Key> independent_of_others(size_t worker, TokenView also) const;
  bool waiting_is_faster(size_t worker, TokenView tokens) const;

  PrefixPlanner planner_;
  const PlanLimits limits_;
  const Workers settings_;
  std::vector<State> workers_;
  std::vector<SharedPrefix> shared_;
  /** Of one worker while several are at work; 0 while unknown. */
  double tokens_per_second_ = 0;
};

}  // namespace starling
