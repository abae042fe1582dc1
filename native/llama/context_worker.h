#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "llama/compute_threads.h"
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
 * One llama.cpp context, and what evaluates sequences with it. A worker belongs to one thread; several workers evaluate
 * with the same weights at the same time.
 *
 * Sequence 0 of the key-value cache is the cached one: what was evaluated last. In packed mode the members of a batch
 * are the sequences behind it.
 */
class ContextWorker {
 public:
  /** What is given must outlive the worker. @param solo threads for when no other worker works */
  ContextWorker(const ModelOptions& options, const ModelWeights& weights, PinnedPrefixes& pinned,
                const ComputeThreads& solo, const StopSignal& stop);

  /** How work is to be planned for a model's workers. */
  static PlanLimits plan_limits(const ModelOptions& options);

  /** Whether the next decodes run on all threads, or on the worker's own. */
  void use_all_threads(bool all);

  /** The tokens that are in the key-value cache, of one sequence, from its beginning. */
  TokenView cached() const { return {cached_.data(), cached_.size()}; }

  /**
   * Makes the context large enough for what waits; never smaller. The cache is lost, except for pinned prefixes.
   * @throws Failure when there is no memory for it
   */
  void make_room(const Demand& demand);

  /** Whether make_room() has nothing to do. */
  bool has_room(const Demand& demand) const;

  /** Pins and saves the first tokens of cached(), so that other workers can restore them. */
  bool pin_and_save(PrefixId id, size_t length);

  /** Brings back the saved state of a pinned prefix if these tokens have more in common with it than with cached(). */
  void restore(TokenView tokens);

  /**
   * The rewards of each member of a batch: head · result_norm at its tokens from first_output to the last one; where
   * features are asked for, what that is of the last one, with the reward behind it. The batch must be planned for
   * cached(), after make_room(). Tokens must be ids of the vocabulary.
   * @throws Failure; with code "ABORTED" once the stop signal is requested. The next call starts afresh.
   */
  std::vector<std::vector<float>> evaluate(const BatchPlan& plan);

 private:
  struct ContextDeleter {
    void operator()(llama_context* context) const;
    const LlamaFunctions* functions;
  };

  /** llama.cpp's kernels take some rows at a time, and compute a remainder with another rounding. */
  size_t rows_at_a_time() const { return static_cast<size_t>(options_.row_multiple); }
  bool packed() const { return options_.max_sequences > 1; }
  size_t cells_for(const Demand& demand) const;
  size_t outputs_for(const Demand& demand) const;
  void check_memory(size_t cells, const std::string& asked) const;
  void create_context(size_t cells, size_t outputs);
  void apply_threads();

  std::vector<std::vector<float>> evaluate_one(const BatchPlan::Member& member);
  std::vector<std::vector<float>> evaluate_packed(const BatchPlan& plan);
  void evaluate_alone(const BatchPlan& plan, std::vector<std::vector<float>>& rewards);
  bool ends_in_padding(const PlannedSequence& sequence) const;
  std::vector<std::vector<float>> evaluate_padding(const BatchPlan::Member& member);
  void decode_pieces(TokenView tokens, size_t at, size_t first_output);
  std::vector<float> read_rewards(size_t first_row, const PlannedSequence& sequence) const;
  void keep(size_t tokens);
  void save_before_eviction(size_t kept);
  bool save(PinnedPrefixes::Prefix& prefix);
  void forget_cache();
  void expect_rows(size_t rows) { hidden_.expect(options_.head.size(), rows); }
  void check_rows(size_t rows) const;
  void check_mask() const;
  void decode();
  llama_memory_t memory() const { return functions_.llama_get_memory(context_.get()); }

  const LlamaFunctions& functions_;
  const ModelOptions& options_;
  const ModelWeights& weights_;
  PinnedPrefixes& pinned_;
  const ComputeThreads& solo_threads_;
  const StopSignal& stop_;
  HiddenStates hidden_;
  DecodeBatch batch_;
  /** In exact mode every decode and every kept prefix is a multiple of this many tokens. */
  const size_t multiple_;
  /** What the context was made for: key-value cells, flagged rows of one decode, tokens of one decode. */
  size_t cells_ = 0;
  size_t outputs_ = 0;
  size_t decode_tokens_ = 0;
  std::vector<int32_t> cached_;
  /** The cache may hold values that are no numbers: clear its bytes too. */
  bool dirty_ = false;

  bool solo_ = true;

  // Destroyed from the last to the first: the context uses the threads.
  ComputeThreads threads_;
  std::unique_ptr<llama_context, ContextDeleter> context_;
};

}  // namespace starling
