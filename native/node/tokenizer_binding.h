// The JS class Tokenizer. Contract: src/native/addon.ts.
#pragma once

#include <napi.h>

namespace starling {

// Adds the constructor `Tokenizer` to exports.
void init_tokenizer(Napi::Env env, Napi::Object exports);

}  // namespace starling
