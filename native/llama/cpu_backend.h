#pragma once

#include <vector>

#include "llama/owned.h"

namespace starling {

/** The CPU backend, with the functions that only its own library has. */
class CpuBackend {
 public:
  /** @throws Failure when the runtime has no CPU backend, or it cannot be initialised */
  explicit CpuBackend(const LlamaFunctions& functions);

  const LlamaFunctions& functions() const { return functions_; }
  ggml_backend_t get() const { return backend_.get(); }
  ggml_backend_buffer_type_t plain() const { return functions_.ggml_backend_dev_buffer_type(device_); }

  void use_threads(int threads) const {
    if (set_threads_ != nullptr) set_threads_(backend_.get(), threads);
  }

  /** The buffer type that llama.cpp would choose: the first one in which the device can multiply such weights. */
  ggml_backend_buffer_type_t buffer_for(ggml_type type, int64_t columns, int64_t rows) const;

  /** Computes one tensor, and what it is computed from, on the threads set last. */
  void compute(ggml_context* context, ggml_tensor* result) const;

 private:
  bool multiplies(ggml_type type, int64_t columns, int64_t rows, ggml_backend_buffer_type_t buffer_type) const;

  const LlamaFunctions& functions_;
  ggml_backend_dev_t device_;
  OwnedBackend backend_;
  ggml_backend_set_n_threads_t set_threads_ = nullptr;
  std::vector<ggml_backend_buffer_type_t> extra_;
};

/** A ggml context for the descriptions of so many tensors, and a graph; their data is elsewhere. */
Owned<ggml_context> tensor_context(const LlamaFunctions& functions, size_t tensors, bool graph = false);

}  // namespace starling
