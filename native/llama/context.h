#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "llama/compute_threads.h"
#include "llama/hidden_states.h"
#include "llama/llama_functions.h"
#include "llama/model_options.h"
#include "llama/model_weights.h"
#include "support/stop_signal.h"

namespace starling {

size_t round_up(size_t value, size_t multiple);

/** Owns a llama_context, which can be replaced by a larger one, and the compute threads that it uses. */
class Context {
 public:
  /**
   * Makes no context yet. All arguments must outlive this object.
   *
   * @param hidden gets the context's cb_eval
   * @param solo threads to use while no other worker of the model is at work
   */
  Context(const ModelOptions& options, const ModelWeights& weights, HiddenStates& hidden, const ComputeThreads& solo,
          const StopSignal& stop);

  /**
   * Replaces the context.
   *
   * @param cells of the key-value cache
   * @param outputs most flagged tokens of one decode
   * @throws Failure when there is not enough memory; then there is no context
   */
  void create(size_t cells, size_t outputs);

  /** Whether there is a context of at least this size. */
  bool fits(size_t cells, size_t outputs) const;

  /** Uses all threads of the model, or this worker's own, for the next decodes. */
  void use_all_threads(bool all);

  llama_context* get() const { return context_.get(); }
  llama_memory_t memory() const { return functions_.llama_get_memory(context_.get()); }

  /** Of the last context, also after a create() that failed. */
  size_t cells() const { return cells_; }
  size_t outputs() const { return outputs_; }
  /** Most tokens of one decode. */
  size_t batch_tokens() const { return batch_tokens_; }

 private:
  struct Deleter {
    void operator()(llama_context* context) const;
    const LlamaFunctions* functions;
  };

  llama_context_params parameters(size_t cells, size_t outputs) const;
  void check_memory(size_t cells, const std::string& asked) const;
  void attach_threads();

  const LlamaFunctions& functions_;
  const ModelOptions& options_;
  const ModelWeights& weights_;
  HiddenStates& hidden_;
  const ComputeThreads& solo_threads_;
  const StopSignal& stop_;
  size_t cells_ = 0;
  size_t outputs_ = 0;
  size_t batch_tokens_ = 0;
  bool all_threads_ = true;
  ComputeThreads threads_;
  /** Declared after the threads, so destroyed before them: it uses them. */
  std::unique_ptr<llama_context, Deleter> context_;
};

}  // namespace starling
