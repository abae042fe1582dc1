#include "llama/hidden_states.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "llama/gated_gelu.h"

namespace starling {

namespace {

/** Most cells of a cache whose mask can be changed. Allocated beforehand; padded rows have 2048 tokens. */
constexpr size_t MAX_MASK_CELLS = 16'384;

}  // namespace

void HiddenStates::expect(size_t width, size_t max_rows) {
  width_ = width;
  max_rows_ = max_rows;
  rows_.clear();
  // Allocate here: the callback is called from C and must not throw.
  rows_.reserve(width * max_rows);
  problem_ = nullptr;
  mask_visible_ = 0;
  masked_layers_ = 0;
}

void HiddenStates::mask(size_t row, size_t visible, size_t kept) {
  mask_row_ = row;
  mask_visible_ = visible;
  mask_kept_ = kept;
  edited_ = nullptr;
  masked_layers_ = 0;
  mask_cells_.reserve(MAX_MASK_CELLS);
}

bool HiddenStates::callback(struct ggml_tensor* tensor, bool ask, void* self) {
  auto* states = static_cast<HiddenStates*>(self);
  const bool stop = states->stop_.requested();
  try {
    if (ask && states->mask_visible_ > 0 && tensor->op == GGML_OP_SOFT_MAX) states->edit_mask(tensor);
    const bool is_gelu = states->is_gated_gelu(tensor);
    if (ask) return stop || is_gelu || std::strcmp(tensor->name, "result_norm") == 0;
    if (!stop && is_gelu) {
      states->repeat_gelu(tensor);
      return true;
    }
    if (!stop) states->take(tensor);
  } catch (...) {
    states->problem_ = "A tensor of llama.cpp could not be read";
  }
  return false;
}

bool HiddenStates::is_gated_gelu(const struct ggml_tensor* tensor) const {
  if (!on_processor_ || tensor->op != GGML_OP_GLU) return false;
  int32_t kind = 0;
  std::memcpy(&kind, tensor->op_params, sizeof kind);
  return kind == GGML_GLU_OP_GEGLU;
}

void HiddenStates::repeat_gelu(const struct ggml_tensor* product) {
  const struct ggml_tensor* gate = product->src[0];
  const struct ggml_tensor* up = product->src[1];
  const auto is_plain = [product](const struct ggml_tensor* tensor) {
    return tensor != nullptr && tensor->type == GGML_TYPE_F32 && tensor->data != nullptr &&
           std::equal(tensor->ne, tensor->ne + GGML_MAX_DIMS, product->ne) && tensor->nb[0] == sizeof(float);
  };
  if (!is_plain(gate) || !is_plain(up) || !is_plain(product) || product->ne[2] != 1 || product->ne[3] != 1) {
    problem_ = "llama.cpp's feed-forward product does not have the expected shape";
    return;
  }
  for (int64_t row = 0; row < product->ne[1]; ++row) {
    const auto at = [row](const struct ggml_tensor* tensor) {
      return reinterpret_cast<float*>(static_cast<char*>(tensor->data) + static_cast<size_t>(row) * tensor->nb[1]);
    };
    gated_gelu(at(gate), at(up), at(product), static_cast<size_t>(product->ne[0]));
  }
}

void HiddenStates::edit_mask(const struct ggml_tensor* attention) {
  const struct ggml_tensor* mask = attention->src[1];
  if (mask == edited_ && mask != nullptr) {
    ++masked_layers_;
    return;
  }
  const bool known = mask != nullptr && mask->type == GGML_TYPE_F32 && mask->ne[2] == 1 && mask->ne[3] == 1 &&
                     mask->ne[1] > static_cast<int64_t>(mask_row_) &&
                     mask->ne[0] >= static_cast<int64_t>(mask_visible_) &&
                     mask->ne[0] <= static_cast<int64_t>(MAX_MASK_CELLS);
  if (!known) {
    problem_ = "llama.cpp's attention mask does not have the expected shape";
    return;
  }
  const size_t row = mask_row_ * mask->nb[1];
  mask_cells_.resize(static_cast<size_t>(mask->ne[0]));
  const size_t bytes = mask_cells_.size() * sizeof(float);
  functions_.ggml_backend_tensor_get(mask, mask_cells_.data(), row, bytes);
  // A copy, on another device, of a mask that was already changed is right too.
  if (!has_prefix(mask_visible_) && !(edited_ != nullptr && has_prefix(mask_kept_))) {
    problem_ = "llama.cpp's cache does not have the tokens in the expected cells";
    return;
  }
  if (mask_kept_ < mask_visible_) {
    std::fill(mask_cells_.begin() + static_cast<ptrdiff_t>(mask_kept_), mask_cells_.end(),
              -std::numeric_limits<float>::infinity());
    functions_.ggml_backend_tensor_set(const_cast<struct ggml_tensor*>(mask), mask_cells_.data(), row, bytes);
    functions_.ggml_backend_tensor_get(mask, mask_cells_.data(), row, bytes);
    if (!has_prefix(mask_kept_)) {
      problem_ = "llama.cpp's attention mask could not be changed";
      return;
    }
  }
  edited_ = mask;
  ++masked_layers_;
}

/** Whether mask_cells_ shows the cells before `end` and hides all others. */
bool HiddenStates::has_prefix(size_t end) const {
  const auto hidden_from = mask_cells_.begin() + static_cast<ptrdiff_t>(end);
  return std::all_of(mask_cells_.begin(), hidden_from, [](float cell) { return cell == 0; }) &&
         std::all_of(hidden_from, mask_cells_.end(), [](float cell) { return cell < 0 && std::isinf(cell); });
}

void HiddenStates::take(const struct ggml_tensor* tensor) {
  const auto width = static_cast<size_t>(tensor->ne[0]);
  const auto rows = static_cast<size_t>(tensor->ne[1]);
  if (rows == 0) return;  // a micro-batch without a flagged token
  if (tensor->type != GGML_TYPE_F32 || width != width_ || tensor->ne[2] != 1 || tensor->ne[3] != 1) {
    problem_ = "llama.cpp's result_norm does not have the expected shape";
    return;
  }
  if (count() + rows > max_rows_) {
    problem_ = "llama.cpp computed more hidden states than tokens were flagged";
    return;
  }
  const size_t start = rows_.size();
  rows_.resize(start + rows * width_);
  functions_.ggml_backend_tensor_get(tensor, rows_.data() + start, 0, rows * width_ * sizeof(float));
}

}  // namespace starling
