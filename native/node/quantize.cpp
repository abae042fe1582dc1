#include <algorithm>
#include <iterator>
#include <memory>

#include "llama/file_quantizer.h"
#include "llama/row_quantizer.h"
#include "llama/runtime.h"
#include "node/addon_parts.h"
#include "node/arguments.h"
#include "node/background.h"

namespace starling {

namespace {

/** Below LLAMA_FTYPE_GUESSED. */
constexpr int32_t MAX_FTYPE = 1023;

/** Types that ggml_quantize_chunk makes without an importance matrix. It ends the process for other types. */
constexpr ggml_type TARGETS[] = {GGML_TYPE_F16,  GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                                 GGML_TYPE_Q5_1, GGML_TYPE_Q8_0, GGML_TYPE_Q2_K, GGML_TYPE_Q3_K,
                                 GGML_TYPE_Q4_K, GGML_TYPE_Q5_K, GGML_TYPE_Q6_K};
constexpr ggml_type SOURCES[] = {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16};
constexpr int32_t MAX_ROW_LENGTH = 1 << 24;

template <size_t N>
ggml_type read_type(const Arguments& arguments, const char* field, const ggml_type (&known)[N], Napi::Env env) {
  const auto type = static_cast<ggml_type>(arguments.integer(field, 0, GGML_TYPE_COUNT - 1));
  if (std::find(std::begin(known), std::end(known), type) != std::end(known)) return type;
  throw_range_error(env, "Expected a type that can be quantised for options." + std::string(field) + " but received " +
                             std::to_string(type) + ".");
}

/** quantizeRows(options: QuantizeRowsOptions, input: Uint8Array): Promise<Uint8Array> */
Napi::Value quantize_matrix_rows(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const LlamaFunctions& functions = runtime::functions();
  const Arguments arguments(call[0], "options");
  RowBlock block;
  block.from = read_type(arguments, "from", SOURCES, env);
  block.to = read_type(arguments, "to", TARGETS, env);
  block.row_length = static_cast<size_t>(arguments.integer("rowLength", 1, MAX_ROW_LENGTH));
  block.threads = arguments.integer("threads", 1, GGML_MAX_N_THREADS);
  if (block.row_length % static_cast<size_t>(functions.ggml_blck_size(block.to)) != 0)
    throw_range_error(env, "A row of " + std::to_string(block.row_length) + " values has no whole blocks of the type " +
                               std::to_string(block.to) + ".");
  const Napi::Value input = call[1];
  if (!input.IsTypedArray() || input.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    throw_type_error(env, "a Uint8Array", "input", input);
  const auto bytes = input.As<Napi::Uint8Array>();
  const size_t row_bytes = functions.ggml_row_size(block.from, static_cast<int64_t>(block.row_length));
  if (bytes.ElementLength() % row_bytes != 0)
    throw_range_error(env, "Expected whole rows of " + std::to_string(row_bytes) + " bytes in input but received " +
                               std::to_string(bytes.ElementLength()) + " bytes.");
  // Copied: this environment may end and free the memory while a thread still reads.
  with_js_errors(env, "The rows could not be copied",
                 [&] { block.input.assign(bytes.Data(), bytes.Data() + bytes.ElementLength()); });
  return run_in_background(env, [block = std::move(block)]() {
    const auto rows = std::make_shared<std::vector<uint8_t>>(quantize_rows(block));
    return [rows](napi_env inner) -> napi_value {
      auto result = Napi::Uint8Array::New(inner, rows->size());
      std::copy(rows->begin(), rows->end(), result.Data());
      return result;
    };
  });
}

/** quantize(options: QuantizeOptions): Promise<void> */
Napi::Value quantize(const Napi::CallbackInfo& call) {
  const Arguments arguments(call[0], "options");
  const FileQuantization options{arguments.text("input"), arguments.text("output"),
                                 arguments.integer("ftype", 0, MAX_FTYPE),
                                 arguments.integer("threads", 0, GGML_MAX_N_THREADS)};
  return run_in_background(call.Env(), [options]() {
    quantize_file(options);
    return [](napi_env env) -> napi_value { return Napi::Env(env).Undefined(); };
  });
}

}  // namespace

void init_quantize(Napi::Env env, Napi::Object exports) {
  exports.Set("quantize", Napi::Function::New<&quantize>(env, "quantize"));
  exports.Set("quantizeRows", Napi::Function::New<&quantize_matrix_rows>(env, "quantizeRows"));
}

}  // namespace starling
