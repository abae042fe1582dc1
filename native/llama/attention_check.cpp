#include "llama/attention_check.h"

#include <algorithm>
#include <cmath>

#include "llama/test_products.h"
#include "support/failure.h"

namespace starling {

namespace {

/** llama.cpp reads the cells of its cache in multiples of this many, those that are not used yet included. */
constexpr size_t CELLS = 256;
constexpr size_t MORE_CELLS = 2 * CELLS;
/** Further heads are multiplied as these are. */
constexpr int64_t MOST_KEY_VALUE_HEADS = 2;
constexpr int64_t MOST_HEADS_PER_KEY = 2;
/** Cells that the first test token attends to. */
constexpr size_t FIRST_ATTENDED = 100;

/** A key-value cache full of noise. */
class Cache {
 public:
  Cache(const CpuBackend& cpu, const AttentionSample& sample)
      : functions_(cpu.functions()),
        cpu_(cpu),
        type_(sample.type),
        length_(static_cast<size_t>(sample.head_length)),
        key_heads_(static_cast<size_t>(std::min(sample.key_value_heads, MOST_KEY_VALUE_HEADS))),
        heads_(key_heads_ * static_cast<size_t>(std::min(sample.heads / sample.key_value_heads, MOST_HEADS_PER_KEY))),
        context_(tensor_context(functions_, 2)) {
    const auto width = static_cast<int64_t>(length_ * key_heads_);
    keys_ = functions_.ggml_new_tensor_2d(context_.get(), type_, width, MORE_CELLS);
    // Values are kept transposed: a row holds one dimension of all cells.
    values_ = functions_.ggml_new_tensor_2d(context_.get(), type_, MORE_CELLS, width);
    buffer_ = OwnedBuffer(functions_.ggml_backend_alloc_ctx_tensors(context_.get(), cpu.get()),
                          functions_.ggml_backend_buffer_free);
    if (buffer_ == nullptr) throw Failure("Not enough memory for keys and values.");
    numbers_ = noise(MORE_CELLS * length_ * key_heads_);
    for (ggml_tensor* tensor : {keys_, values_}) {
      std::vector<uint8_t> bytes(functions_.ggml_row_size(type_, static_cast<int64_t>(numbers_.size())));
      functions_.ggml_quantize_chunk(type_, numbers_.data(), bytes.data(), 0, 1, static_cast<int64_t>(numbers_.size()),
                                     nullptr);
      functions_.ggml_backend_tensor_set(tensor, bytes.data(), 0, bytes.size());
    }
  }

  size_t heads() const { return heads_; }
  size_t length() const { return length_; }

  /** `cells` keys of the first head, and its values of each dimension. */
  Matrix keys_of_first_head(size_t cells) const {
    Matrix rows;
    for (size_t cell = 0; cell < cells; ++cell) append(rows, &numbers_[cell * length_ * key_heads_], length_);
    return rows;
  }
  Matrix values_of_first_head(size_t cells) const {
    Matrix rows;
    for (size_t dimension = 0; dimension < length_; ++dimension) append(rows, &numbers_[dimension * MORE_CELLS], cells);
    return rows;
  }

  /** @param queries of one token: float[heads, length] @returns float[count, heads, cells] */
  Matrix multiply_keys(const float* queries, size_t count, size_t cells, float poison) const {
    const Owned<ggml_context> context = tensor_context(functions_, 4, true);
    ggml_tensor* keys =
        view(context.get(), keys_, {length_, cells, key_heads_}, row(length_ * key_heads_), row(length_));
    ggml_tensor* rows = functions_.ggml_new_tensor_2d(
        context.get(), GGML_TYPE_F32, static_cast<int64_t>(length_ * heads_), static_cast<int64_t>(count));
    const size_t head = length_ * sizeof(float);
    ggml_tensor* permuted = view(context.get(), rows, {length_, count, heads_}, heads_ * head, head);
    return multiply(context.get(), keys, permuted, rows, queries, poison);
  }

  /** @param weights of one token: float[heads, cells] @returns float[count, heads, length] */
  Matrix multiply_values(const float* weights, size_t count, size_t cells, float poison) const {
    const Owned<ggml_context> context = tensor_context(functions_, 4, true);
    ggml_tensor* values =
        view(context.get(), values_, {cells, length_, key_heads_}, row(MORE_CELLS), row(MORE_CELLS * length_));
    // llama.cpp's softmax leaves them by head.
    Matrix by_head(count * heads_ * cells);
    for (size_t token = 0; token < count; ++token)
      for (size_t head = 0; head < heads_; ++head)
        std::copy_n(weights + (token * heads_ + head) * cells, cells, &by_head[(head * count + token) * cells]);
    ggml_tensor* rows = functions_.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, static_cast<int64_t>(cells),
                                                      static_cast<int64_t>(count * heads_));
    const size_t row_size = cells * sizeof(float);
    ggml_tensor* shaped = view(context.get(), rows, {cells, count, heads_}, row_size, count * row_size);
    return multiply(context.get(), values, shaped, rows, by_head.data(), poison);
  }

 private:
  struct Shape {
    size_t columns;
    size_t rows;
    size_t heads;
  };

  static void append(Matrix& rows, const float* values, size_t count) {
    rows.insert(rows.end(), values, values + count);
  }

  size_t row(size_t values) const { return functions_.ggml_row_size(type_, static_cast<int64_t>(values)); }

  ggml_tensor* view(ggml_context* context, ggml_tensor* tensor, const Shape& shape, size_t row, size_t head) const {
    return functions_.ggml_view_3d(context, tensor, static_cast<int64_t>(shape.columns),
                                   static_cast<int64_t>(shape.rows), static_cast<int64_t>(shape.heads), row, head, 0);
  }

  /** @returns the product by token, then by head */
  Matrix multiply(ggml_context* context, ggml_tensor* cached, ggml_tensor* shaped, ggml_tensor* rows,
                  const float* input, float poison) const {
    ggml_tensor* product = functions_.ggml_mul_mat(context, cached, shaped);
    const Matrix by_head = compute_product(cpu_, context, rows, input, product, poison);
    const auto columns = static_cast<size_t>(product->ne[0]);
    const auto count = static_cast<size_t>(product->ne[1]);
    Matrix result(by_head.size());
    for (size_t token = 0; token < count; ++token)
      for (size_t head = 0; head < heads_; ++head)
        std::copy_n(&by_head[(head * count + token) * columns], columns, &result[(token * heads_ + head) * columns]);
    return result;
  }

  const LlamaFunctions& functions_;
  const CpuBackend& cpu_;
  const ggml_type type_;
  const size_t length_;
  const size_t key_heads_;
  const size_t heads_;
  Owned<ggml_context> context_;
  OwnedBuffer buffer_;
  ggml_tensor* keys_ = nullptr;
  ggml_tensor* values_ = nullptr;
  Matrix numbers_;
};

/** Attention of tokens to the cells before them: positive, with a sum of about 1, and zeros for the cells behind. */
Matrix attention_weights(size_t tokens, size_t heads, size_t cells) {
  Matrix weights(tokens * heads * cells);
  const Matrix numbers = noise(CELLS);
  for (size_t token = 0; token < tokens; ++token) {
    const size_t attended = FIRST_ATTENDED + token;
    for (size_t head = 0; head < heads; ++head)
      for (size_t cell = 0; cell < attended; ++cell)
        weights[(token * heads + head) * cells + cell] =
            std::fabs(numbers[(cell + 7 * head + token) % CELLS]) / static_cast<float>(attended);
  }
  return weights;
}

/** Of rows of `columns` values, the first `wanted`. */
Matrix first_columns(const Matrix& matrix, size_t columns, size_t wanted) {
  Matrix result;
  for (size_t at = 0; at < matrix.size(); at += columns) result.insert(result.end(), &matrix[at], &matrix[at] + wanted);
  return result;
}

struct Product {
  Multiply multiply;
  /** The first head's test rows, and what they are multiplied with. */
  Matrix input;
  Matrix weights;
  size_t heads;
  size_t columns;
};

KernelFinding check_product(const CpuBackend& cpu, const Product& product, ggml_type type, int32_t threads) {
  KernelFinding finding;
  const size_t outputs = product.weights.size() / product.columns;
  cpu.use_threads(threads);
  const Matrix first = product.multiply(0, FIRST_TEST_ROWS, POISONS[0]);
  const Matrix second = product.multiply(0, FIRST_TEST_ROWS, POISONS[1]);
  const Reference reference(product.input, product.weights, product.columns, tolerance_of(type));
  finding.problem = reference.problem_of(first_columns(first, product.heads * outputs, outputs));
  if (finding.problem.empty() && !same_bits(first, second)) finding.problem = "differ when they are computed again";
  if (finding.problem.empty()) finding.multiple = exact_multiple(cpu, threads, second, product.multiply);
  return finding;
}

}  // namespace

KernelFinding check_attention(const CpuBackend& cpu, const AttentionSample& sample, int32_t threads) {
  const Cache cache(cpu, sample);
  const size_t heads = cache.heads();
  const size_t length = cache.length();
  const Matrix queries = test_input(MOST_TEST_ROWS, heads * length);
  const Matrix few = attention_weights(MOST_TEST_ROWS, heads, CELLS);
  const Matrix many = attention_weights(MOST_TEST_ROWS, heads, MORE_CELLS);
  const auto multiply_keys = [&](size_t from, size_t count, float poison) {
    return cache.multiply_keys(&queries[from * heads * length], count, CELLS, poison);
  };
  const auto multiply_values = [&](size_t from, size_t count, float poison) {
    return cache.multiply_values(&few[from * heads * CELLS], count, CELLS, poison);
  };
  const Product products[] = {
      {multiply_keys, first_columns(queries, heads * length, length), cache.keys_of_first_head(CELLS), heads, length},
      {multiply_values, first_columns(few, heads * CELLS, CELLS), cache.values_of_first_head(CELLS), heads, CELLS}};
  KernelFinding finding;
  finding.buffer = cpu.functions().ggml_backend_buft_name(cpu.plain());
  for (const Product& product : products) {
    const KernelFinding found = check_product(cpu, product, sample.type, threads);
    finding.problem = found.problem;
    if (!found.problem.empty() || found.multiple == 0) return finding;
    finding.multiple = std::max(finding.multiple, found.multiple);
  }

  // A token of a short text is computed over fewer cells than the same token of a long one.
  const Matrix scores = multiply_keys(0, FIRST_TEST_ROWS, POISONS[0]);
  const Matrix more_scores = cache.multiply_keys(queries.data(), FIRST_TEST_ROWS, MORE_CELLS, POISONS[0]);
  const bool same_scores = same_bits(scores, first_columns(more_scores, MORE_CELLS, CELLS));
  const Matrix mixed = multiply_values(0, FIRST_TEST_ROWS, POISONS[0]);
  const Matrix more_mixed = cache.multiply_values(many.data(), FIRST_TEST_ROWS, MORE_CELLS, POISONS[0]);
  if (!same_scores || !same_bits(mixed, more_mixed)) finding.multiple = 0;
  return finding;
}

}  // namespace starling
