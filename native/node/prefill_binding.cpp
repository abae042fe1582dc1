#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "node/addon_parts.h"
#include "node/arguments.h"
#include "node/background.h"
#include "prefill/decode_weights.h"
#include "prefill/kernels.h"

namespace starling {

namespace {

using namespace prefill;

constexpr int64_t MAX_LENGTH = 1 << 20;
constexpr int64_t MAX_BYTES = int64_t{1} << 31;

/** Memory of exactly so many bytes, aligned as kernels expect it. */
class AlignedMemory {
 public:
  explicit AlignedMemory(size_t bytes) : start_(static_cast<uint8_t*>(::operator new(bytes, ALIGNED))) {}
  ~AlignedMemory() { ::operator delete(start_, ALIGNED); }
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;
  uint8_t* get() const { return start_; }

 private:
  static constexpr std::align_val_t ALIGNED{64};
  uint8_t* const start_;
};

template <typename Kernel>
const Kernel* find_kernel(const std::vector<const Kernel*>& kernels, const std::string& name) {
  for (const Kernel* kernel : kernels)
    if (name == kernel->name) return kernel;
  return nullptr;
}

const GemmKernel& gemm_kernel(const std::string& name, Napi::Env env) {
  for (const auto* kernels : {&gemm_kernels(), &emulated_gemm_kernels()})
    if (const GemmKernel* kernel = find_kernel(*kernels, name)) return *kernel;
  throw_range_error(env, "This processor has no kernel " + name + ".");
}

WeightShape read_shape(const Arguments& arguments, Napi::Env env) {
  const int32_t number = arguments.integer("type", 0, 255);
  for (const WeightType type : {WeightType::F16, WeightType::BF16, WeightType::Q4_0, WeightType::Q8_0, WeightType::Q4_K,
                                WeightType::Q5_K, WeightType::Q6_K})
    if (static_cast<int32_t>(type) == number)
      return {type, arguments.whole("columns", 1, MAX_LENGTH), arguments.whole("rows", 1, MAX_LENGTH)};
  throw_range_error(env, "No kernel takes weights of the type " + std::to_string(number) + ".");
}

/** The bytes of a typed array, copied. */
std::vector<uint8_t> bytes_of(Napi::Value value, const std::string& name, size_t least) {
  if (!value.IsTypedArray()) throw_type_error(value.Env(), "a typed array", name, value);
  const auto array = value.As<Napi::TypedArray>();
  if (array.ByteLength() < least)
    throw_range_error(value.Env(), "Expected at least " + std::to_string(least) + " bytes in " + name + ".");
  const auto* start = static_cast<const uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset();
  return {start, start + array.ByteLength()};
}

int64_t divided(int64_t value, int64_t by) { return (value + by - 1) / by; }

Napi::Value float_array(Napi::Env env, const std::vector<float>& values) {
  Napi::Float32Array array = Napi::Float32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(float));
  return array;
}

/** prefillKernels(): PrefillKernels */
Napi::Value prefill_kernels(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const auto names = [&](const auto& kernels) {
    Napi::Array list = Napi::Array::New(env, kernels.size());
    for (uint32_t i = 0; i < kernels.size(); ++i) list.Set(i, std::string(kernels[i]->name));
    return list;
  };
  Napi::Object found = Napi::Object::New(env);
  found.Set("gemm", names(gemm_kernels()));
  found.Set("emulated", names(emulated_gemm_kernels()));
  found.Set("attention", names(attention_kernels()));
  return found;
}

/** prefillWeightBytes(shape: WeightShape): number */
Napi::Value prefill_weight_bytes(const Napi::CallbackInfo& call) {
  const WeightShape shape = read_shape(Arguments(call[0], "shape"), call.Env());
  for (const GemmKernel* kernel : gemm_kernels())
    if (kernel->takes(shape)) return Napi::Number::New(call.Env(), static_cast<double>(kernel->weight_bytes(shape)));
  return Napi::Number::New(call.Env(), 0);
}

struct ProductCall {
  const GemmKernel& kernel;
  WeightShape shape;
  int64_t tokens;
  /** Panels and blocks are divided into so many parts, computed from the last to the first. */
  int64_t parts;
  int32_t repetitions;
  std::vector<uint8_t> weights;
  std::vector<uint8_t> input;
};

struct ProductResult {
  std::vector<float> products;
  double seconds = 0;
};

template <typename Work>
void in_parts(int64_t total, int64_t parts, Work work) {
  for (int64_t part = parts; part-- > 0;) work(total * part / parts, total * (part + 1) / parts);
}

ProductResult multiply(const ProductCall& call) {
  const GemmKernel& kernel = call.kernel;
  const WeightShape& shape = call.shape;
  const AlignedMemory weights(kernel.weight_bytes(shape));
  const AlignedMemory packed(kernel.activation_bytes(shape.type, call.tokens, shape.columns));
  const int64_t panels = divided(shape.rows, kernel.panel_rows);
  const int64_t blocks = divided(call.tokens, kernel.token_block);
  in_parts(panels, call.parts, [&](int64_t first, int64_t last) {
    kernel.pack_weights(shape, call.weights.data(), weights.get(), first, last);
  });
  const Activations input{reinterpret_cast<const float*>(call.input.data()), static_cast<size_t>(shape.columns),
                          call.tokens, shape.columns};
  ProductResult result;
  result.products.resize(static_cast<size_t>(call.tokens * shape.rows), NAN);
  const Products products{result.products.data(), static_cast<size_t>(shape.rows)};
  const auto start = std::chrono::steady_clock::now();
  for (int32_t i = 0; i < call.repetitions; ++i) {
    in_parts(blocks, call.parts, [&](int64_t first, int64_t last) {
      kernel.pack_activations(shape.type, input, packed.get(), first, last);
    });
    in_parts(panels, call.parts, [&](int64_t first, int64_t last) {
      kernel.multiply(shape, weights.get(), packed.get(), call.tokens, products, first, last);
    });
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

/** prefillMultiply(options: PrefillProduct): Promise<{ products: Float32Array; seconds: number }> */
Napi::Value prefill_multiply(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const Arguments arguments(call[0], "options");
  const GemmKernel& kernel = gemm_kernel(arguments.text("kernel"), env);
  const WeightShape shape = read_shape(arguments, env);
  if (shape.columns % block_length(shape.type) != 0 || !kernel.takes(shape))
    throw_range_error(env, std::string("The kernel ") + kernel.name + " does not take such weights.");
  const int64_t tokens = arguments.whole("tokens", 1, MAX_LENGTH);
  if (tokens * std::max(shape.columns, shape.rows) > MAX_BYTES / 4 || shape.rows * shape.columns > MAX_BYTES)
    throw_range_error(env, "These matrices are too large.");
  auto product = std::make_shared<ProductCall>(ProductCall{
      kernel,
      shape,
      tokens,
      arguments.whole("parts", 1, 1024),
      arguments.integer("repetitions", 1, 1000),
      bytes_of(call[1], "weights", static_cast<size_t>(shape.rows) * row_bytes(shape.type, shape.columns)),
      bytes_of(call[2], "input", static_cast<size_t>(tokens * shape.columns) * sizeof(float)),
  });
  return run_in_background(env, [product]() {
    const auto result = std::make_shared<ProductResult>(multiply(*product));
    return [result](napi_env raw) -> napi_value {
      Napi::Object object = Napi::Object::New(raw);
      object.Set("products", float_array(raw, result->products));
      object.Set("seconds", result->seconds);
      return object;
    };
  });
}

struct AttentionCall {
  const AttentionKernel& kernel;
  AttentionProblem problem;
  int64_t parts;
  std::vector<uint8_t> queries;
  std::vector<uint8_t> keys;
  std::vector<uint8_t> values;
  std::vector<uint8_t> mask;
};

/** As llama.cpp lays them out: queries[tokens, heads, length], keys and values[cells, key-value heads, length]. */
AttentionProblem read_problem(const Arguments& arguments, Napi::Env env) {
  AttentionProblem problem{};
  problem.head_length = arguments.whole("headLength", 1, 4096);
  problem.heads = arguments.whole("heads", 1, 4096);
  problem.key_value_heads = arguments.whole("keyValueHeads", 1, 4096);
  problem.tokens = arguments.whole("tokens", 1, MAX_LENGTH);
  problem.cells = arguments.whole("cells", 1, MAX_LENGTH);
  problem.half = arguments.one_of("kvType", {"f32", "f16"}) == "f16";
  problem.scale = 1.0F / std::sqrt(static_cast<float>(problem.head_length));
  if (problem.heads % problem.key_value_heads != 0)
    throw_range_error(env, "The heads are not a multiple of the key-value heads.");
  const auto length = static_cast<size_t>(problem.head_length);
  const size_t element = problem.half ? 2 : sizeof(float);
  problem.query_head_stride = length * sizeof(float);
  problem.query_token_stride = problem.query_head_stride * static_cast<size_t>(problem.heads);
  problem.key_head_stride = problem.value_head_stride = length * element;
  problem.key_cell_stride = problem.value_cell_stride =
      problem.key_head_stride * static_cast<size_t>(problem.key_value_heads);
  problem.mask_token_stride = static_cast<size_t>(problem.cells) * 2;
  return problem;
}

std::vector<float> attend(AttentionCall& call) {
  AttentionProblem& problem = call.problem;
  problem.queries = call.queries.data();
  problem.keys = call.keys.data();
  problem.values = call.values.data();
  problem.mask = call.mask.data();
  std::vector<float> output(static_cast<size_t>(problem.tokens * problem.heads * problem.head_length), NAN);
  problem.output = output.data();
  const AlignedMemory scratch(call.kernel.scratch_bytes(problem));
  in_parts(call.kernel.tasks(problem), call.parts, [&](int64_t first, int64_t last) {
    if (first < last) call.kernel.compute(problem, scratch.get(), first, last);
  });
  return output;
}

/** prefillAttention(options: PrefillAttention, queries, keys, values, mask): Promise<Float32Array> */
Napi::Value prefill_attention(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const Arguments arguments(call[0], "options");
  const std::string name = arguments.text("kernel");
  const AttentionKernel* kernel = find_kernel(attention_kernels(), name);
  if (kernel == nullptr) throw_range_error(env, "This processor has no kernel " + name + ".");
  const AttentionProblem problem = read_problem(arguments, env);
  if (!kernel->takes(problem)) throw_range_error(env, "The kernel " + name + " does not take such heads.");
  const auto tokens = static_cast<size_t>(problem.tokens);
  const auto cells = static_cast<size_t>(problem.cells);
  if (problem.tokens * problem.cells > MAX_BYTES || tokens * problem.query_token_stride > MAX_BYTES ||
      cells * problem.key_cell_stride > MAX_BYTES)
    throw_range_error(env, "This attention is too large.");
  auto attention = std::make_shared<AttentionCall>(AttentionCall{
      *kernel,
      problem,
      arguments.whole("parts", 1, 1024),
      bytes_of(call[1], "queries", tokens * problem.query_token_stride),
      bytes_of(call[2], "keys", cells * problem.key_cell_stride),
      bytes_of(call[3], "values", cells * problem.value_cell_stride),
      bytes_of(call[4], "mask", tokens * problem.mask_token_stride),
  });
  return run_in_background(env, [attention]() {
    const auto output = std::make_shared<std::vector<float>>(attend(*attention));
    return [output](napi_env raw) -> napi_value { return float_array(raw, *output); };
  });
}

}  // namespace

void init_prefill(Napi::Env env, Napi::Object exports) {
  exports.Set("prefillKernels", Napi::Function::New<&prefill_kernels>(env, "prefillKernels"));
  exports.Set("prefillWeightBytes", Napi::Function::New<&prefill_weight_bytes>(env, "prefillWeightBytes"));
  exports.Set("prefillMultiply", Napi::Function::New<&prefill_multiply>(env, "prefillMultiply"));
  exports.Set("prefillAttention", Napi::Function::New<&prefill_attention>(env, "prefillAttention"));
}

}  // namespace starling
