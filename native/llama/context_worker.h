#pragma once

#include <vector>

#include "llama/context.h"
#include "llama/decode_batch.h"
#include "llama/hidden_states.h"
#include "llama/model_options.h"
#include "llama/model_weights.h"
#include "planning/pinned_prefixes.h"
#include "planning/prefix_planner.h"
#include "support/stop_signal.h"

namespace starling {

bool all_finite(const std::vector<float>& rewards);

/**
 * Evaluates sequences with one llama.cpp context. A worker belongs to one thread; several workers use the same weights
 * at the same time.
 *
 * llama.cpp's sequence 0 is the cached one: the last that was evaluated. The members of a batch of several are the
 * sequences from 1 on.
 */
class ContextWorker {
 public:
  /** All arguments must outlive the worker. @param solo threads to use while no other worker is at work */
  ContextWorker(const ModelOptions& options, const ModelWeights& weights, PinnedPrefixes& pinned,
                const ComputeThreads& solo, const StopSignal& stop);

  /** How the sequences of such a model must be planned. */
  static PlanLimits plan_limits(const ModelOptions& options);

  /** Uses all threads of the model, or this worker's own, for the next decodes. */
  void use_all_threads(bool all) { context_.use_all_threads(all); }

  /** The tokens of the sequence in the key-value cache. */
  TokenView cached() const { return {cached_.data(), cached_.size()}; }

  /**
   * Makes the context large enough, never smaller. If it has to grow, the cache is lost, except for pinned prefixes.
   *
   * @throws Failure when there is not enough memory
   */
  void reserve(const Demand& demand);

  /** Whether the context is large enough. */
  bool fits(const Demand& demand) const;

  /** Pins and saves the first tokens of cached(), so that other workers can restore them. */
  bool pin_and_save(PrefixId id, size_t length);

  /** Restores the saved prefix that shares most with these tokens, if that is more than cached() shares. */
  void restore(TokenView tokens);

  /**
   * For each member of a batch, the rewards of its tokens from first_output to the last one: head · result_norm. With
   * features, result_norm of the last token and then its reward. The batch must be planned for cached(), after
   * reserve(). Tokens must be ids of the vocabulary.
   *
   * @throws Failure, with code "ABORTED" once the stop signal is requested; the cache is then empty
   */
  std::vector<std::vector<float>> evaluate(const BatchPlan& plan);

 private:
  /** Whether a batch may have several sequences. */
  bool allows_several() const { return options_.max_sequences > 1; }
  size_t cells_for(const Demand& demand) const;
  size_t outputs_for(const Demand& demand) const;

  std::vector<std::vector<float>> evaluate_one(const BatchPlan::Member& member);
  std::vector<std::vector<float>> evaluate_several(const BatchPlan& plan);
  std::vector<std::vector<float>> evaluate_together(const BatchPlan& plan);
  void repeat_alone(const BatchPlan& plan, std::vector<std::vector<float>>& rewards);
  bool ends_in_padding(const PlannedSequence& sequence) const;
  std::vector<std::vector<float>> evaluate_padding(const BatchPlan::Member& member);
  void decode_from(size_t at, TokenView tokens, size_t first_output);
  std::vector<float> read_rewards(size_t first_row, const PlannedSequence& sequence) const;
  size_t truncate_cache(size_t tokens);
  bool close_gaps();
  void save_before_eviction(size_t kept);
  bool save(PinnedPrefixes::Prefix& prefix);
  void clear_cache();
  void expect_rows(size_t rows) { hidden_.expect(options_.head.width(), rows); }
  void check_rows(size_t rows) const;
  void check_mask() const;
  void decode();

  const LlamaFunctions& functions_;
  const ModelOptions& options_;
  const ModelWeights& weights_;
  PinnedPrefixes& pinned_;
  const StopSignal& stop_;
  HiddenStates hidden_;
  DecodeBatch batch_;
  /** Every decode and every reused prefix is a multiple of this many tokens; 1 with batches of several sequences. */
  const size_t multiple_;
  std::vector<int32_t> cached_;
  /** How many of the cached tokens are in the first cells of the cache, one after the other. */
  size_t in_order_ = 0;
  /** The cache may contain NaN or infinity: overwrite its bytes before the next decode. */
  bool dirty_ = false;
  /** Declared after hidden_, which it uses. */
  Context context_;
};

}  // namespace starling
