#pragma once

#include <string>
#include <vector>

#include "llama/llama_functions.h"
#include "support/stop_signal.h"

namespace starling {

/** Weights of one type and row length, and the kernel of ours that multiplies them. */
struct PrefillChoice {
  ggml_type type = GGML_TYPE_F32;
  int64_t columns = 0;
  /** A name of prefill/kernels.h. */
  std::string kernel;
};

/**
 * Our kernels inside llama.cpp's CPU library. It asks a list of buffer types who wants which weights, and each of them,
 * before every operation, whether it computes it; the library exports that list for its own parts. We add a buffer type
 * for each kernel, which takes only what a PrefillScope on the asking thread allows.
 *
 * The list, and what is in it, is not a public interface of ggml: bind() is for libraries whose very bytes are known.
 */
namespace prefill_injection {

/**
 * Binds once per process; later calls return what the first one did. Must come before the first model or check.
 *
 * @returns why it is not possible, half a sentence; empty when it was done
 */
std::string bind(const LlamaFunctions& functions);

/** The buffer type of a kernel by its name; nullptr for another name, or while nothing is bound. */
ggml_backend_buffer_type_t buffer_type(const std::string& kernel);

/** The names of our kernels that would take such weights, the most capable first. */
std::vector<std::string> kernels_for(ggml_type type, int64_t columns, int64_t rows);

/** The name of the attention kernel that would take such heads; empty for none. */
std::string attention_kernel(int64_t head_length);

}  // namespace prefill_injection

/** What a model lets our kernels compute. */
struct PrefillAllowance {
  std::vector<PrefillChoice> weights;
  bool attention = false;
  /** That pack weights. */
  int32_t threads = 1;
  /** While weights are packed: once it is requested, the rest of them is left out. */
  const StopSignal* stop = nullptr;
};

/** While it lives, what llama.cpp does on this thread uses our kernels as far as `allowance` says. */
class PrefillScope {
 public:
  /** @param allowance must outlive it */
  explicit PrefillScope(const PrefillAllowance& allowance);
  ~PrefillScope();
  PrefillScope(const PrefillScope&) = delete;
  PrefillScope& operator=(const PrefillScope&) = delete;

 private:
  [[maybe_unused]] const PrefillAllowance* const outer_;
};

}  // namespace starling
