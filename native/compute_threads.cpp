#include "compute_threads.h"

namespace starling {

ComputeThreads::ComputeThreads(const LlamaFunctions& functions, int threads) : count_(threads) {
  if (threads < 2) return;
  ggml_backend_dev_t cpu = functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (cpu == nullptr) return;
  // The CPU backend is one of several variants, chosen for this machine: only its registry knows where they are.
  ggml_backend_reg_t registry = functions.ggml_backend_dev_backend_reg(cpu);
  auto create = reinterpret_cast<decltype(&::ggml_threadpool_new)>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_new"));
  free_ = reinterpret_cast<decltype(&::ggml_threadpool_free)>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_threadpool_free"));
  if (create == nullptr || free_ == nullptr) return;
  ggml_threadpool_params params;
  functions.ggml_threadpool_params_init(&params, threads);
  // Sleep between decodes: by default each thread would spin for a good part of a second, at the cost of everyone else.
  params.poll = 0;
  pool_ = create(&params);
}

ComputeThreads::~ComputeThreads() {
  if (pool_ != nullptr) free_(pool_);
}

}  // namespace starling
