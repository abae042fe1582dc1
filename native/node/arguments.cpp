#include "node/arguments.h"

#include <cmath>

namespace starling {

namespace {

std::string describe(Napi::Value value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return value.As<Napi::Boolean>().Value() ? "true" : "false";
    case napi_number:
      return value.ToString().Utf8Value();
    case napi_string:
      return "a string";
    case napi_function:
      return "a function";
    case napi_object:
      return value.IsArray() ? "an array" : "an object";
    default:
      return "a value of another type";
  }
}

}  // namespace

void throw_type_error(Napi::Env env, const std::string& expected, const std::string& name, Napi::Value received) {
  throw Napi::TypeError::New(env,
                             "Expected " + expected + " for " + name + " but received " + describe(received) + ".");
}

void throw_range_error(Napi::Env env, const std::string& message) { throw Napi::RangeError::New(env, message); }

Napi::Int32Array expect_ids(Napi::Value value, const std::string& name, size_t most) {
  const Napi::Env env = value.Env();
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array)
    throw_type_error(env, "an Int32Array", name, value);
  const auto ids = value.As<Napi::Int32Array>();
  const size_t length = ids.ElementLength();
  if (length < 1 || length > most)
    throw_range_error(env, "Expected 1 to " + std::to_string(most) + " ids in " + name + " but received " +
                               std::to_string(length) + ".");
  return ids;
}

void each_sequence(Napi::Value value, const std::string& name,
                   const std::function<void(Napi::Value element, const std::string& name)>& visit) {
  const Napi::Env env = value.Env();
  if (!value.IsArray()) throw_type_error(env, "an array of Int32Array", name, value);
  const auto array = value.As<Napi::Array>();
  // Read once: a getter of the array could grow it endlessly.
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::HandleScope scope(env);
    visit(array.Get(i), name + "[" + std::to_string(i) + "]");
  }
}

void expect_callback(Napi::Value value, const char* name) {
  if (!value.IsUndefined() && !value.IsFunction()) throw_type_error(value.Env(), "a function", name, value);
}

Arguments::Arguments(Napi::Value value, std::string owner) : env_(value.Env()), owner_(std::move(owner)) {
  if (!value.IsObject()) throw_type_error(env_, "an object", owner_, value);
  object_ = value.As<Napi::Object>();
}

Napi::Value Arguments::get(const char* field) const { return object_.Get(field); }

std::string Arguments::text(const char* field) const {
  const Napi::Value value = get(field);
  if (!value.IsString()) throw_type_error(env_, "a string", owner_ + "." + field, value);
  std::string text = value.As<Napi::String>().Utf8Value();
  // Every string goes to C functions, which would silently stop at a NUL.
  if (text.empty() || text.find('\0') != std::string::npos)
    throw_type_error(env_, "a non-empty string without NUL", owner_ + "." + field, value);
  return text;
}

bool Arguments::flag(const char* field) const {
  const Napi::Value value = get(field);
  if (!value.IsBoolean()) throw_type_error(env_, "a boolean", owner_ + "." + field, value);
  return value.As<Napi::Boolean>().Value();
}

int32_t Arguments::integer(const char* field, int32_t least, int32_t most) const {
  return static_cast<int32_t>(whole(field, least, most));
}

int64_t Arguments::whole(const char* field, int64_t least, int64_t most) const {
  const Napi::Value value = get(field);
  if (!value.IsNumber()) throw_type_error(env_, "a number", owner_ + "." + field, value);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (std::floor(number) != number || !(number >= static_cast<double>(least) && number <= static_cast<double>(most)))
    throw_range_error(env_, "Expected an integer from " + std::to_string(least) + " to " + std::to_string(most) +
                                " for " + owner_ + "." + field + " but received " + describe(value) + ".");
  return static_cast<int64_t>(number);
}

int32_t Arguments::optional_integer(const char* field, int32_t least, int32_t most, int32_t otherwise) const {
  return get(field).IsUndefined() ? otherwise : integer(field, least, most);
}

std::string Arguments::one_of(const char* field, const std::vector<std::string>& choices) const {
  const std::string chosen = text(field);
  std::string all;
  for (const std::string& choice : choices) {
    if (choice == chosen) return chosen;
    all += (all.empty() ? "" : ", ") + choice;
  }
  throw_range_error(env_,
                    "Expected one of " + all + " for " + owner_ + "." + field + " but received \"" + chosen + "\".");
}

std::vector<float> Arguments::floats(const char* field) const {
  const Napi::Value value = get(field);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array)
    throw_type_error(env_, "a Float32Array", owner_ + "." + field, value);
  const auto array = value.As<Napi::Float32Array>();
  std::vector<float> floats(array.Data(), array.Data() + array.ElementLength());
  for (const float number : floats)
    if (!std::isfinite(number)) throw_range_error(env_, "Expected finite numbers in " + owner_ + "." + field + ".");
  return floats;
}

std::vector<float> Arguments::optional_floats(const char* field) const {
  return get(field).IsUndefined() ? std::vector<float>() : floats(field);
}

float Arguments::optional_float(const char* field, float otherwise) const {
  const Napi::Value value = get(field);
  if (value.IsUndefined()) return otherwise;
  if (!value.IsNumber()) throw_type_error(env_, "a number", owner_ + "." + field, value);
  const float number = value.As<Napi::Number>().FloatValue();
  if (!std::isfinite(number)) throw_range_error(env_, "Expected a finite float32 for " + owner_ + "." + field + ".");
  return number;
}

Arguments Arguments::object(const char* field) const { return Arguments(get(field), owner_ + "." + field); }

std::vector<std::string> Arguments::optional_texts(const char* field) const {
  const Napi::Value value = get(field);
  std::vector<std::string> texts;
  if (value.IsUndefined()) return texts;
  if (!value.IsArray()) throw_type_error(env_, "an array", owner_ + "." + field, value);
  const auto array = value.As<Napi::Array>();
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i) {
    const Napi::Value entry = array.Get(i);
    if (!entry.IsString()) throw_type_error(env_, "strings", owner_ + "." + field, entry);
    texts.push_back(entry.As<Napi::String>().Utf8Value());
    if (texts.back().find('\0') != std::string::npos)
      throw_type_error(env_, "strings without NUL", owner_ + "." + field, entry);
  }
  return texts;
}

std::vector<Arguments> Arguments::objects(const char* field) const {
  const Napi::Value value = get(field);
  if (!value.IsArray()) throw_type_error(env_, "an array", owner_ + "." + field, value);
  const auto array = value.As<Napi::Array>();
  std::vector<Arguments> entries;
  const uint32_t length = array.Length();
  for (uint32_t i = 0; i < length; ++i)
    entries.emplace_back(array.Get(i), owner_ + "." + field + "[" + std::to_string(i) + "]");
  return entries;
}

}  // namespace starling
