#pragma once

#include "llama/llama_functions.h"

namespace starling {

/**
 * How many of these threads can be started, counting the calling one. llama.cpp ends the process when it cannot start a
 * thread, so they are tried first.
 */
int startable_threads(int threads);

/**
 * A thread pool that lives as long as the model. Without one llama.cpp starts and joins threads for every decode
 * (measured: 0.3 ms of the 5 ms for 20 tokens on a model of 2.5 million parameters).
 */
class ComputeThreads {
 public:
  /** Fewer threads if the system does not start more. */
  ComputeThreads(const LlamaFunctions& functions, int threads);
  ~ComputeThreads();
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;

  int count() const { return count_; }

  /** nullptr for one thread, or if the CPU backend has no pools; then llama.cpp starts its own threads. */
  ggml_threadpool_t pool() const { return pool_; }

 private:
  const int count_;
  ggml_threadpool_t pool_ = nullptr;
  decltype(&::ggml_threadpool_free) free_ = nullptr;
};

}  // namespace starling
