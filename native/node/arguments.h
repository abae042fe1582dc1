#pragma once

#include <napi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/failure.h"

namespace starling {

/**
 * Reads an options object. Each getter throws a JS TypeError or RangeError: "Expected X for NAME but received V", where
 * NAME is `owner.field`.
 */
class Arguments {
 public:
  Arguments(Napi::Value value, std::string owner);

  std::string text(const char* field) const;
  bool flag(const char* field) const;
  int32_t integer(const char* field, int32_t least, int32_t most) const;
  /** An integer of up to 2^53. */
  int64_t whole(const char* field, int64_t least, int64_t most) const;
  /** `otherwise` if the field is undefined. */
  int32_t optional_integer(const char* field, int32_t least, int32_t most, int32_t otherwise) const;
  std::string one_of(const char* field, const std::vector<std::string>& choices) const;
  std::vector<float> floats(const char* field) const;
  /** Empty if the field is undefined. */
  std::vector<float> optional_floats(const char* field) const;
  /** A finite float32; `otherwise` if the field is undefined. */
  float optional_float(const char* field, float otherwise) const;
  std::vector<std::string> optional_texts(const char* field) const;
  Arguments object(const char* field) const;
  /** An array of objects. */
  std::vector<Arguments> objects(const char* field) const;

 private:
  Napi::Value get(const char* field) const;
  Napi::Env env_;
  Napi::Object object_;
  std::string owner_;
};

/** Throws unless `value` is undefined or a function. */
void expect_callback(Napi::Value value, const char* name);

/** `value` as an Int32Array of 1 to `most` ids, or throws. */
Napi::Int32Array expect_ids(Napi::Value value, const std::string& name, size_t most);

/** Calls `visit` with each element of an array and its name, `NAME[i]`. Throws if `value` is not an array. */
void each_sequence(Napi::Value value, const std::string& name,
                   const std::function<void(Napi::Value element, const std::string& name)>& visit);

/** The C++ object that a getter was called on. Throws if `this` is not of the class, which must have a TAG. */
template <typename Class>
Class* receiver(const Napi::CallbackInfo& call) {
  const Napi::Value self = call.This();
  if (!self.IsObject() || !self.As<Napi::Object>().CheckTypeTag(&Class::TAG))
    throw Napi::TypeError::New(call.Env(), "Illegal invocation");
  return Class::Unwrap(self.As<Napi::Object>());
}

/** Runs `work` and turns any C++ exception into a JS error whose message begins with `what`. */
template <typename Work>
auto with_js_errors(Napi::Env env, const char* what, Work work) {
  try {
    return work();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error::New(env, Failure::current(what).what());
  }
}

[[noreturn]] void throw_type_error(Napi::Env env, const std::string& expected, const std::string& name,
                                   Napi::Value received);
[[noreturn]] void throw_range_error(Napi::Env env, const std::string& message);

}  // namespace starling
