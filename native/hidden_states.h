#pragma once

#include <cstddef>
#include <vector>

#include "llama_functions.h"
#include "stop_signal.h"

namespace starling {

/**
 * Collects the rows of the tensor "result_norm" (the hidden states after the final norm, of the flagged tokens alone)
 * while llama.cpp evaluates, through its public cb_eval. The rest of the graph, the language model's head, is then
 * left out. With a stop requested it ends each part of the graph at once, which is how work on a GPU is interrupted:
 * llama.cpp's abort_callback reaches the CPU backend alone.
 */
class HiddenStates {
 public:
  HiddenStates(const LlamaFunctions& functions, const StopSignal& stop) : functions_(functions), stop_(stop) {}

  /** Forgets all rows and gets ready for up to `max_rows` of `width` floats. */
  void expect(size_t width, size_t max_rows);

  /** Rows so far, in the order in which llama.cpp completed the flagged tokens. */
  size_t count() const { return rows_.size() / width_; }
  const float* row(size_t i) const { return rows_.data() + i * width_; }

  /** What was wrong with a tensor that came, or nullptr. */
  const char* problem() const { return problem_; }

  /** For llama_context_params.cb_eval; `self` is a HiddenStates. */
  static bool callback(struct ggml_tensor* tensor, bool ask, void* self);

 private:
  void take(const struct ggml_tensor* tensor);

  const LlamaFunctions& functions_;
  const StopSignal& stop_;
  size_t width_ = 1;
  size_t max_rows_ = 0;
  std::vector<float> rows_;
  const char* problem_ = nullptr;
};

}  // namespace starling
