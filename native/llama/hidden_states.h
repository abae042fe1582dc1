#pragma once

#include <cstddef>
#include <vector>

#include "llama/llama_functions.h"
#include "support/stop_signal.h"

namespace starling {

/**
 * Collects the rows of the tensor "result_norm" (the hidden states of the flagged tokens after the final norm) during
 * llama_decode, through cb_eval. It stops the graph there, so the output layer over the vocabulary is not computed. It
 * can also change a row of the attention mask, and computes gelu again where llama.cpp's CPU backend only looks it up.
 * When a stop is requested it ends each part of the graph at once; this is how work on a GPU is interrupted, because
 * llama.cpp's abort_callback only reaches the CPU backend.
 */
class HiddenStates {
 public:
  /** @param on_processor whether the CPU computes all layers */
  HiddenStates(const LlamaFunctions& functions, const StopSignal& stop, bool on_processor)
      : functions_(functions), stop_(stop), on_processor_(on_processor) {}

  /** Drops all rows and allocates for up to `max_rows` of `width` floats. Also clears mask(). */
  void expect(size_t width, size_t max_rows);

  /** Rows so far, in the order of the flagged tokens. */
  size_t count() const { return rows_.size() / width_; }
  const float* row(size_t i) const { return rows_.data() + i * width_; }

  /**
   * For the next decodes: checks that the attention mask of row `row` shows the first `visible` cells of the cache and
   * hides all others, then also hides those from `kept` on. A graph that computes attention in another way is not
   * noticed here; masked_layers() tells.
   */
  void mask(size_t row, size_t visible, size_t kept);

  /** Layers whose attention read such a mask since the call of mask(). */
  size_t masked_layers() const { return masked_layers_; }

  /** What was wrong with a tensor, or nullptr. */
  const char* problem() const { return problem_; }

  /** For llama_context_params.cb_eval; `self` is a HiddenStates. */
  static bool callback(struct ggml_tensor* tensor, bool ask, void* self);

 private:
  void take(const struct ggml_tensor* tensor);
  /** Whether its values are to be computed again. */
  bool is_gated_gelu(const struct ggml_tensor* tensor) const;
  void repeat_gelu(const struct ggml_tensor* product);
  void edit_mask(const struct ggml_tensor* attention);
  bool has_prefix(size_t end) const;

  const LlamaFunctions& functions_;
  const StopSignal& stop_;
  const bool on_processor_;
  size_t width_ = 1;
  size_t max_rows_ = 0;
  std::vector<float> rows_;
  const char* problem_ = nullptr;
  size_t mask_row_ = 0;
  /** 0: do not change masks. */
  size_t mask_visible_ = 0;
  size_t mask_kept_ = 0;
  /** The mask that was changed: all layers on one device share it. */
  const struct ggml_tensor* edited_ = nullptr;
  size_t masked_layers_ = 0;
  std::vector<float> mask_cells_;
};

}  // namespace starling
