#include "llama/device_check.h"
#include "llama/runtime.h"
#include "node/addon_parts.h"
#include "node/arguments.h"
#include "node/background.h"

namespace starling {

namespace {

Napi::Object describe(Napi::Env env, const RuntimeInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("folder", info.folder);
  object.Set("version", info.version);
  Napi::Array devices = Napi::Array::New(env, info.devices.size());
  for (size_t i = 0; i < info.devices.size(); ++i) {
    const Device& device = info.devices[i];
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", device.name);
    entry.Set("description", device.description);
    entry.Set("type", device.type);
    entry.Set("memoryFree", static_cast<double>(device.memory_free));
    entry.Set("memoryTotal", static_cast<double>(device.memory_total));
    devices.Set(static_cast<uint32_t>(i), entry);
  }
  object.Set("devices", devices);
  if (!info.cpu_library.empty()) object.Set("cpuLibrary", info.cpu_library);
  Napi::Array features = Napi::Array::New(env, info.cpu_features.size());
  for (size_t i = 0; i < info.cpu_features.size(); ++i)
    features.Set(static_cast<uint32_t>(i), Napi::String::New(env, info.cpu_features[i]));
  object.Set("cpuFeatures", features);
  if (!info.backend_problem.empty()) object.Set("backendProblem", info.backend_problem);
  return object;
}

/** openRuntime(libraries: RuntimeLibraries): Promise<RuntimeInfo> */
Napi::Value open_runtime(const Napi::CallbackInfo& call) {
  const Arguments arguments(call[0], "libraries");
  RuntimeLibraries libraries;
  libraries.folder = arguments.text("folder");
  libraries.ggml_base = arguments.text("ggmlBase");
  libraries.ggml = arguments.text("ggml");
  libraries.llama = arguments.text("llama");
  libraries.version = arguments.text("version");
  libraries.fallback_backends = arguments.optional_texts("fallbackBackends");
  return run_in_background(call.Env(), [libraries]() {
    const RuntimeInfo info = runtime::open(libraries);
    return [info](napi_env env) -> napi_value { return describe(env, info); };
  });
}

/** currentRuntime(): RuntimeInfo | undefined */
Napi::Value current_runtime(const Napi::CallbackInfo& call) {
  const auto info = runtime::current();
  return info ? describe(call.Env(), *info) : call.Env().Undefined();
}

/** checkDevices(): Promise<DeviceCheck[]> */
Napi::Value check_devices_in_background(const Napi::CallbackInfo& call) {
  return run_in_background(call.Env(), []() {
    const std::vector<DeviceCheck> checks = check_devices();
    return [checks](napi_env raw) -> napi_value {
      const Napi::Env env(raw);
      Napi::Array list = Napi::Array::New(env, checks.size());
      for (size_t i = 0; i < checks.size(); ++i) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("name", checks[i].name);
        if (!checks[i].problem.empty()) entry.Set("problem", checks[i].problem);
        list.Set(static_cast<uint32_t>(i), entry);
      }
      return list;
    };
  });
}

}  // namespace

void init_runtime(Napi::Env env, Napi::Object exports) {
  exports.Set("openRuntime", Napi::Function::New<&open_runtime>(env, "openRuntime"));
  exports.Set("currentRuntime", Napi::Function::New<&current_runtime>(env, "currentRuntime"));
  exports.Set("checkDevices", Napi::Function::New<&check_devices_in_background>(env, "checkDevices"));
}

}  // namespace starling
