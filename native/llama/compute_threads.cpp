#include "llama/compute_threads.h"

#include <mutex>
#include <thread>
#include <vector>

namespace starling {

int startable_threads(int threads) {
  std::mutex gate;
  std::vector<std::thread> tried;
  try {
    const std::lock_guard<std::mutex> all_at_once(gate);
    tried.reserve(static_cast<size_t>(threads));
    while (static_cast<int>(tried.size()) + 1 < threads)
      tried.emplace_back([&gate] { const std::lock_guard<std::mutex> wait(gate); });
  } catch (...) {
    // No thread, or no memory for one: use those that started.
  }
  const int count = static_cast<int>(tried.size()) + 1;
  for (std::thread& thread : tried) thread.join();
  return count;
}

ComputeThreads::ComputeThreads(const LlamaFunctions& functions, int threads) : count_(startable_threads(threads)) {
  threads = count_;
  if (threads < 2) return;
  ggml_backend_dev_t cpu = functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (cpu == nullptr) return;
  // llama.cpp chose one of several CPU libraries for this machine; only its registry has these functions.
  ggml_backend_reg_t registry = functions.ggml_backend_dev_backend_reg(cpu);
  auto create = reinterpret_cast<decltype(&::ggml_threadpool_new)>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_new"));
  free_ = reinterpret_cast<decltype(&::ggml_threadpool_free)>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free"));
  if (create == nullptr || free_ == nullptr) return;
  ggml_threadpool_params params;
  functions.ggml_threadpool_params_init(&params, threads);
  // Sleep between decodes. By default each thread would spin for a good part of a second.
  params.poll = 0;
  pool_ = create(&params);
}

ComputeThreads::~ComputeThreads() {
  if (pool_ != nullptr) free_(pool_);
}

}  // namespace starling
