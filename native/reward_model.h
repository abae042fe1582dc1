#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "compute_threads.h"
#include "decode_batch.h"
#include "hidden_states.h"
#include "model_options.h"
#include "sequences.h"
#include "stop_signal.h"

namespace starling {

/**
 * A llama.cpp model with its context and the reward head. Everything, construction and destruction included, happens
 * on one thread.
 */
class RewardModel {
 public:
  /** llama.cpp's repacked kernels take rows four at a time, and compute a remainder with another rounding. */
  static constexpr size_t DECODE_MULTIPLE = 4;

  /** Called as sequences finish, with how many are done and how many tokens they had. */
  using ScoreProgress = std::function<void(size_t sequences, size_t tokens)>;

  /** @throws Failure; with code "ABORTED" once `stop` is requested */
  RewardModel(const ModelOptions& options, const StopSignal& stop, const std::function<void(float)>& on_progress);

  const ModelInfo& info() const { return info_; }

  /**
   * head · result_norm at the last token of each sequence, in input order. Every sequence must have
   * 1..info().context_tokens ids in [0, info().vocabulary_size). In exact mode a sequence that begins like the one
   * before it, of this call or the last, is computed from where they part.
   * @throws Failure; with code "ABORTED" once the stop signal is requested. The next call starts afresh.
   */
  std::vector<float> score(const Sequences& sequences, const ScoreProgress& on_progress);

 private:
  struct ModelDeleter {
    void operator()(llama_model* model) const;
    const LlamaFunctions* functions;
  };
  struct ContextDeleter {
    void operator()(llama_context* context) const;
    const LlamaFunctions* functions;
  };

  void load_weights(const std::function<void(float)>& on_progress);
  void create_context();
  void read_info();
  uint64_t key_value_bytes() const;

  void evaluate(const Sequences& sequences, const Group& group);
  void evaluate_one(const int32_t* ids, size_t length);
  void evaluate_packed(const Sequences& sequences, const Group& group);
  void decode_from(size_t at, const int32_t* ids, size_t length, size_t multiple);
  size_t keep_prefix(const int32_t* ids, size_t length);
  void clear_memory();
  void decode();
  float read_score(size_t row, size_t sequence) const;

  const LlamaFunctions& functions_;
  const StopSignal& stop_;
  const ModelOptions options_;
  ModelInfo info_;
  HiddenStates hidden_;
  DecodeBatch batch_;
  /** Tokens that one llama_decode takes. */
  size_t decode_tokens_ = 0;
  size_t group_sequences_ = 1;
  /** Exact mode: the tokens that the cache holds, of sequence 0, from its beginning. */
  std::vector<int32_t> cached_;
  /** The cache may hold values that are no numbers: clear its bytes too. */
  bool dirty_ = false;

  // Destroyed from the last to the first: the context uses the threads and the model.
  ComputeThreads threads_;
  std::vector<ggml_backend_dev_t> devices_;
  std::unique_ptr<llama_model, ModelDeleter> model_;
  std::unique_ptr<llama_context, ContextDeleter> context_;
};

}  // namespace starling
