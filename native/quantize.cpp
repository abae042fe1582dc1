#include "addon_parts.h"
#include "arguments.h"
#include "background.h"
#include "failure.h"
#include "log.h"
#include "runtime.h"

namespace starling {

namespace {

struct QuantizeOptions {
  std::string input;
  std::string output;
  int32_t ftype;
  int32_t threads;
};

constexpr int32_t MAX_FTYPE = 1023;  // below LLAMA_FTYPE_GUESSED

void run_quantizer(const QuantizeOptions& options) {
  const LlamaFunctions& functions = runtime::functions();
  const LogCapture log;
  llama_model_quantize_params params = functions.llama_model_quantize_default_params();
  params.ftype = static_cast<llama_ftype>(options.ftype);
  params.nthread = options.threads;
  uint32_t status = 0;
  try {
    status = functions.llama_model_quantize(options.input.c_str(), options.output.c_str(), &params);
  } catch (const std::exception& error) {
    throw Failure(std::string("llama.cpp failed: ") + error.what());
  }
  if (status != 0) throw Failure(log.reason("llama_model_quantize failed without a reason"));
}

/** quantize(options: QuantizeOptions): Promise<void> */
Napi::Value quantize(const Napi::CallbackInfo& call) {
  const Arguments arguments(call[0], "options");
  const QuantizeOptions options{arguments.text("input"), arguments.text("output"),
                                arguments.integer("ftype", 0, MAX_FTYPE),
                                arguments.integer("threads", 0, GGML_MAX_N_THREADS)};
  return run_in_background(call.Env(), [options]() {
    run_quantizer(options);
    return [](napi_env env) -> napi_value { return Napi::Env(env).Undefined(); };
  });
}

}  // namespace

void init_quantize(Napi::Env env, Napi::Object exports) {
  exports.Set("quantize", Napi::Function::New<&quantize>(env, "quantize"));
}

}  // namespace starling
