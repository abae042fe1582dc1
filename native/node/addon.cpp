/** The addon's entry: one call per environment that loads it. */
#include <napi.h>

#include <cstdlib>

#include "node/addon_parts.h"
#include "node/environment.h"
#include "node/tokenizer_binding.h"
#include "support/exit_guard.h"

namespace starling {

namespace {

/** Must equal CONTRACT_VERSION in src/native/addon.ts. */
constexpr int STARLING_CONTRACT_VERSION = 15;

/**
 * endProcess(exitCode: number): never. exit() would first wait for threads of libuv and llama.cpp, which may be inside
 * a system call or a computation that cannot be stopped.
 */
void end_process(const Napi::CallbackInfo& info) {
  exit_guard::end_process(info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : EXIT_FAILURE);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Environment::install(env);
  exports.Set("contractVersion", STARLING_CONTRACT_VERSION);
  exports.Set("endProcess", Napi::Function::New(env, end_process, "endProcess"));
  init_runtime(env, exports);
  init_kernels(env, exports);
  init_models(env, exports);
  init_prefill(env, exports);
  init_planner(env, exports);
  init_quantize(env, exports);
  init_tokenizer(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(starling_rm, init)

}  // namespace starling
