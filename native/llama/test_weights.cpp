#include "llama/test_weights.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "support/failure.h"
#include "support/read_file.h"

namespace starling {

namespace {

constexpr int64_t LONG_ROW = 4096;
constexpr int64_t PERIOD = 64;
constexpr int64_t PERIOD_OF_LONG_ROWS = 32;

}  // namespace

int64_t rows_to_take(const WeightSample& sample) {
  const int64_t period = sample.columns > LONG_ROW ? PERIOD_OF_LONG_ROWS : PERIOD;
  return std::min(sample.rows, period + sample.rows % period);
}

std::vector<uint8_t> read_rows(const LlamaFunctions& functions, const std::string& path, const WeightSample& sample,
                               int64_t rows) {
  const size_t size = functions.ggml_row_size(sample.type, sample.columns) * static_cast<size_t>(rows);
  return read_file(path, sample.position, size);
}

Matrix dequantise(const LlamaFunctions& functions, const WeightSample& sample, int64_t rows,
                  const std::vector<uint8_t>& bytes) {
  Matrix values(static_cast<size_t>(rows * sample.columns));
  if (sample.type == GGML_TYPE_F32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  const ggml_type_traits* traits = functions.ggml_get_type_traits(sample.type);
  if (traits == nullptr || traits->to_float == nullptr)
    throw Failure("Its weights are of a type that cannot be multiplied.");
  traits->to_float(bytes.data(), values.data(), static_cast<int64_t>(values.size()));
  return values;
}

TestWeights::TestWeights(const CpuBackend& cpu, const WeightSample& sample, int64_t rows,
                         ggml_backend_buffer_type_t buffer_type, const std::vector<uint8_t>& bytes)
    : functions_(cpu.functions()), cpu_(cpu), context_(tensor_context(functions_, 1)) {
  tensor_ = functions_.ggml_new_tensor_2d(context_.get(), sample.type, sample.columns, rows);
  buffer_ = OwnedBuffer(functions_.ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), buffer_type),
                        functions_.ggml_backend_buffer_free);
  if (buffer_ == nullptr) throw Failure("Not enough memory for " + std::to_string(bytes.size()) + " bytes of weights.");
  functions_.ggml_backend_tensor_set(tensor_, bytes.data(), 0, bytes.size());
}

Matrix TestWeights::multiply(const Matrix& input, size_t first, size_t count, float poison) const {
  const Owned<ggml_context> context = tensor_context(functions_, 2, true);
  const auto columns = static_cast<size_t>(tensor_->ne[0]);
  ggml_tensor* rows =
      functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, tensor_->ne[0], static_cast<int64_t>(count));
  ggml_tensor* product = functions_.ggml_mul_mat(context.get(), tensor_, rows);
  return compute_product(cpu_, context.get(), rows, input.data() + first * columns, product, poison);
}

double TestWeights::time(const Matrix& input, size_t count) const {
  const Owned<ggml_context> context = tensor_context(functions_, 2, true);
  ggml_tensor* rows =
      functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, tensor_->ne[0], static_cast<int64_t>(count));
  ggml_tensor* product = functions_.ggml_mul_mat(context.get(), tensor_, rows);
  const OwnedBuffer buffer(functions_.ggml_backend_alloc_ctx_tensors(context.get(), cpu_.get()),
                           functions_.ggml_backend_buffer_free);
  if (buffer == nullptr) throw Failure("Not enough memory for a product.");
  const size_t bytes = count * static_cast<size_t>(tensor_->ne[0]) * sizeof(float);
  functions_.ggml_backend_tensor_set(rows, input.data(), 0, bytes);
  const auto start = std::chrono::steady_clock::now();
  cpu_.compute(context.get(), product);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace starling
