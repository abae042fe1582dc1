/** The addon's entry: one call per environment that loads it. */
#include <napi.h>

#include "addon_parts.h"
#include "environment.h"
#include "tokenizer_binding.h"

namespace starling {

namespace {

/** Must equal CONTRACT_VERSION in src/native/addon.ts. */
constexpr int STARLING_CONTRACT_VERSION = 6;

Napi::Object init(Napi::Env env, Napi::Object exports) {
  Environment::install(env);
  exports.Set("contractVersion", STARLING_CONTRACT_VERSION);
  init_runtime(env, exports);
  init_kernels(env, exports);
  init_models(env, exports);
  init_planner(env, exports);
  init_quantize(env, exports);
  init_tokenizer(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(starling_rm, init)

}  // namespace starling
