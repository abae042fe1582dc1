#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "planning/pinned_prefixes.h"
#include "planning/sequences.h"
#include "support/failure.h"
#include "support/throttle.h"

namespace starling {

/** What one call asks of a model. The callbacks run on any thread, and must not wait. */
struct ScoreJob {
  Sequences sequences;
  /** For a lone sequence: the rewards of all its tokens from this one on are wanted. */
  std::optional<size_t> rewards_from;
  /** The last hidden state of each sequence is wanted too: it stands before the reward. */
  bool features = false;
  /** For a lone sequence: it is a prefix to pin under this id; 0 for none. */
  PrefixId pin = 0;

  std::function<void(size_t sequences, size_t tokens)> on_progress;
  // One of these is called once; neither takes memory nor throws.
  /** The rewards of each sequence; one, at its last token, unless rewards_from is given. */
  std::function<void(std::vector<std::vector<float>> rewards)> on_done;
  std::function<void(const Failure&)> on_failed;

  /** The rest belongs to the worker, under its lock. Its sequences are planned under ascending keys from first_key on.
   */
  uint64_t first_key = 0;
  std::vector<std::vector<float>> rewards;
  size_t sequences_done = 0;
  size_t tokens_done = 0;
  /** on_done or on_failed was called. */
  bool settled = false;
  Throttle throttle;
};

}  // namespace starling
