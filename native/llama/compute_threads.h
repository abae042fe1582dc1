#pragma once

#include "llama/llama_functions.h"

namespace starling {

/**
 * How many of so many threads can be had, this one counted. llama.cpp ends the process where it cannot start one, so
 * they are tried first.
 */
int startable_threads(int threads);

/**
 * CPU threads that live as long as the model. Without them llama.cpp starts and joins new threads for every decode
 * (measured: 0.3 ms of the 5 ms that 20 tokens take on a model of 2.5 million parameters).
 */
class ComputeThreads {
 public:
  /** Fewer than asked for where the system gives no more. */
  ComputeThreads(const LlamaFunctions& functions, int threads);
  ~ComputeThreads();
  ComputeThreads(const ComputeThreads&) = delete;
  ComputeThreads& operator=(const ComputeThreads&) = delete;

  int count() const { return count_; }

  /** nullptr for one thread, and when the CPU backend offers no pool; llama.cpp then makes its own threads. */
  ggml_threadpool_t pool() const { return pool_; }

 private:
  const int count_;
  ggml_threadpool_t pool_ = nullptr;
  decltype(&::ggml_threadpool_free) free_ = nullptr;
};

}  // namespace starling
