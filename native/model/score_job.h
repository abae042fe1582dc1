#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "planning/pinned_prefixes.h"
#include "planning/sequences.h"
#include "support/failure.h"
#include "support/throttle.h"

namespace starling {

/** Sequences to evaluate for one promise. The callbacks run on any thread and must not block. */
struct ScoreJob {
  Sequences sequences;
  /** For a single sequence: the rewards of all tokens from this one on are wanted. */
  std::optional<size_t> rewards_from;
  /** The last hidden state of each sequence is wanted too; it comes before the reward. */
  bool features = false;
  /** For a single sequence: pin it as a prefix under this id; 0 for no prefix. */
  PrefixId pin = 0;

  std::function<void(size_t sequences, size_t tokens)> on_progress;
  /**
   * Either on_done or on_failed is called, once. They neither allocate nor throw. `rewards` has one list per sequence:
   * the reward of its last token, or those that rewards_from and features ask for.
   */
  std::function<void(std::vector<std::vector<float>> rewards)> on_done;
  std::function<void(const Failure&)> on_failed;

  /** What follows belongs to the ModelWorker, under its lock. The sequences have the keys from first_key on. */
  uint64_t first_key = 0;
  std::vector<std::vector<float>> rewards;
  size_t sequences_done = 0;
  size_t tokens_done = 0;
  /** on_done or on_failed was called. */
  bool settled = false;
  Throttle throttle;
};

}  // namespace starling
