#pragma once

#include <napi.h>

namespace starling {

/** Adds the constructor `Tokenizer` of src/native/addon.ts to the exports. */
void init_tokenizer(Napi::Env env, Napi::Object exports);

}  // namespace starling
