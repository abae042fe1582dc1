#include "hidden_states.h"

#include <cstring>

namespace starling {

void HiddenStates::expect(size_t width, size_t max_rows) {
  width_ = width;
  max_rows_ = max_rows;
  rows_.clear();
  // All memory is taken here: nothing may throw inside the callback, whose callers are C.
  rows_.reserve(width * max_rows);
  problem_ = nullptr;
}

bool HiddenStates::callback(struct ggml_tensor* tensor, bool ask, void* self) {
  auto* states = static_cast<HiddenStates*>(self);
  const bool stop = states->stop_.requested();
  if (ask) return stop || std::strcmp(tensor->name, "result_norm") == 0;
  if (!stop) states->take(tensor);
  return false;
}

void HiddenStates::take(const struct ggml_tensor* tensor) {
  const auto width = static_cast<size_t>(tensor->ne[0]);
  const auto rows = static_cast<size_t>(tensor->ne[1]);
  if (rows == 0) return;  // a micro-batch without a flagged token
  if (tensor->type != GGML_TYPE_F32 || width != width_ || tensor->ne[2] != 1 || tensor->ne[3] != 1) {
    problem_ = "llama.cpp's result_norm does not have the shape that was expected";
    return;
  }
  if (count() + rows > max_rows_) {
    problem_ = "llama.cpp yielded more hidden states than tokens were flagged";
    return;
  }
  const size_t start = rows_.size();
  rows_.resize(start + rows * width_);
  functions_.ggml_backend_tensor_get(tensor, rows_.data() + start, 0, rows * width_ * sizeof(float));
}

}  // namespace starling
