#pragma once

#include <napi.h>

#include <functional>

namespace starling {

/** Runs on its own thread and returns the function that makes the promise's value on the JS thread. */
using BackgroundWork = std::function<std::function<napi_value(napi_env)>()>;

/**
 * Runs work that cannot be interrupted, on a detached thread: an environment that ends does not wait for it. An
 * exception rejects the promise.
 */
Napi::Promise run_in_background(Napi::Env env, BackgroundWork work);

}  // namespace starling
