#pragma once

#include <napi.h>

namespace starling {

/** Each function adds some members of NativeAddon (src/native/addon.ts) to the exports. */
void init_runtime(Napi::Env env, Napi::Object exports);
void init_kernels(Napi::Env env, Napi::Object exports);
void init_models(Napi::Env env, Napi::Object exports);
void init_prefill(Napi::Env env, Napi::Object exports);
void init_planner(Napi::Env env, Napi::Object exports);
void init_quantize(Napi::Env env, Napi::Object exports);

}  // namespace starling
