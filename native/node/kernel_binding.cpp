#include "llama/kernel_check.h"
#include "llama/prefill_injection.h"
#include "llama/runtime.h"
#include "node/addon_parts.h"
#include "node/arguments.h"
#include "node/background.h"

namespace starling {

namespace {

/** Far above every model. A few rows of this length are a few hundred MiB. */
constexpr int64_t MAX_COLUMNS = 1 << 20;
constexpr int64_t MAX_ROWS = int64_t{1} << 31;
constexpr int64_t MAX_POSITION = int64_t{1} << 53;

WeightSample read_sample(const Arguments& arguments, const LlamaFunctions& functions, Napi::Env env) {
  WeightSample sample;
  sample.type = static_cast<ggml_type>(arguments.integer("type", 0, GGML_TYPE_COUNT - 1));
  sample.columns = arguments.whole("columns", 1, MAX_COLUMNS);
  sample.rows = arguments.whole("rows", 1, MAX_ROWS);
  sample.position = static_cast<uint64_t>(arguments.whole("position", 0, MAX_POSITION));
  const int64_t block = functions.ggml_blck_size(sample.type);
  if (block < 1 || sample.columns % block != 0)
    throw_range_error(env, "A row of " + std::to_string(sample.columns) + " values has no whole blocks of the type " +
                               std::to_string(sample.type) + ".");
  // llama.cpp has no kernels for weights of types for intermediate results: it would call a null pointer.
  const ggml_type_traits* traits = functions.ggml_get_type_traits(sample.type);
  if (sample.type != GGML_TYPE_F32 && (traits == nullptr || traits->to_float == nullptr))
    throw_range_error(env, "Weights of the type " + std::to_string(sample.type) + " cannot be multiplied.");
  return sample;
}

/** Far above every model: a head has at most 512 values, and there are at most 1024. */
constexpr int64_t MAX_HEAD = 1 << 12;

AttentionSample read_attention(const Arguments& arguments, Napi::Env env) {
  AttentionSample sample;
  sample.type = static_cast<ggml_type>(arguments.integer("type", GGML_TYPE_F32, GGML_TYPE_F16));
  sample.head_length = arguments.whole("headLength", 1, MAX_HEAD);
  sample.heads = arguments.whole("heads", 1, MAX_HEAD);
  sample.key_value_heads = arguments.whole("keyValueHeads", 1, MAX_HEAD);
  if (sample.heads % sample.key_value_heads != 0)
    throw_range_error(env, "The heads are not a multiple of the key-value heads.");
  return sample;
}

/** checkKernels(options: KernelCheckOptions): Promise<KernelFinding[]> */
Napi::Value check_kernels_in_background(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const LlamaFunctions& functions = runtime::functions();
  const Arguments arguments(call[0], "options");
  KernelCheckOptions options;
  options.path = arguments.text("path");
  options.threads = arguments.integer("threads", 1, GGML_MAX_N_THREADS);
  options.repacked = arguments.flag("repacked");
  options.prefill = arguments.flag("prefill");
  for (const Arguments& sample : arguments.objects("samples"))
    options.samples.push_back(read_sample(sample, functions, env));
  for (const Arguments& sample : arguments.objects("attention"))
    options.attention.push_back(read_attention(sample, env));
  return run_in_background(env, [options]() {
    const std::vector<KernelFinding> findings = check_kernels(options);
    return [findings](napi_env raw) -> napi_value {
      const Napi::Env inner(raw);
      Napi::Array list = Napi::Array::New(inner, findings.size());
      for (size_t i = 0; i < findings.size(); ++i) {
        Napi::Object entry = Napi::Object::New(inner);
        entry.Set("buffer", findings[i].buffer);
        entry.Set("multiple", findings[i].multiple);
        if (findings[i].gain > 0) entry.Set("gain", findings[i].gain);
        if (!findings[i].problem.empty()) entry.Set("problem", findings[i].problem);
        list.Set(static_cast<uint32_t>(i), entry);
      }
      return list;
    };
  });
}

/** bindPrefill(): string | undefined */
Napi::Value bind_prefill(const Napi::CallbackInfo& call) {
  const std::string problem = prefill_injection::bind(runtime::functions());
  return problem.empty() ? call.Env().Undefined() : Napi::String::New(call.Env(), problem);
}

}  // namespace

void init_kernels(Napi::Env env, Napi::Object exports) {
  exports.Set("bindPrefill", Napi::Function::New<&bind_prefill>(env, "bindPrefill"));
  exports.Set("checkKernels", Napi::Function::New<&check_kernels_in_background>(env, "checkKernels"));
}

}  // namespace starling
