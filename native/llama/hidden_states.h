#pragma once

#include <cstddef>
#include <vector>

#include "llama/llama_functions.h"
#include "support/stop_signal.h"

namespace starling {

/**
 * Collects the rows of the tensor "result_norm" (the hidden states after the final norm, of the flagged tokens alone)
 * while llama.cpp evaluates, through its public cb_eval. The rest of the graph, the language model's head, is then
 * left out. It can also change a row of the attention mask on the way. With a stop requested it ends each part of the
 * graph at once, which is how work on a GPU is interrupted: llama.cpp's abort_callback reaches the CPU backend alone.
 */
class HiddenStates {
 public:
  HiddenStates(const LlamaFunctions& functions, const StopSignal& stop) : functions_(functions), stop_(stop) {}

  /** Forgets all rows and gets ready for up to `max_rows` of `width` floats. */
  void expect(size_t width, size_t max_rows);

  /** Rows so far, in the order in which llama.cpp completed the flagged tokens. */
  size_t count() const { return rows_.size() / width_; }
  const float* row(size_t i) const { return rows_.data() + i * width_; }

  /**
   * For the decodes to come: checks in the attention mask that the token in row `row` sees the first `visible` cells of
   * the cache and no other, and hides those from `kept` on from it. Cleared by expect(). Whether a decode did so, only
   * masked_layers() says: a graph whose attention is computed in another way passes by unseen.
   */
  void mask(size_t row, size_t visible, size_t kept);

  /** Layers whose attention read a mask that is as mask() asked for, since then. */
  size_t masked_layers() const { return masked_layers_; }

  /** What was wrong with a tensor that came, or nullptr. */
  const char* problem() const { return problem_; }

  /** For llama_context_params.cb_eval; `self` is a HiddenStates. */
  static bool callback(struct ggml_tensor* tensor, bool ask, void* self);

 private:
  void take(const struct ggml_tensor* tensor);
  void edit_mask(const struct ggml_tensor* attention);
  bool has_prefix(size_t end) const;

  const LlamaFunctions& functions_;
  const StopSignal& stop_;
  size_t width_ = 1;
  size_t max_rows_ = 0;
  std::vector<float> rows_;
  const char* problem_ = nullptr;
  size_t mask_row_ = 0;
  size_t mask_visible_ = 0;  // 0: masks are left alone
  size_t mask_kept_ = 0;
  const struct ggml_tensor* edited_ = nullptr;  // all layers on one device share one mask
  size_t masked_layers_ = 0;
  std::vector<float> mask_cells_;
};

}  // namespace starling
