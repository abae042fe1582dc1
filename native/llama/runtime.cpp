#include "llama/runtime.h"

#include <filesystem>
#include <memory>
#include <mutex>

#include "llama/log.h"
#include "support/exit_guard.h"
#include "support/failure.h"
#include "support/shared_library.h"
#include "support/utf8_file_names.h"

namespace starling::runtime {

namespace {

struct OpenRuntime {
  RuntimeLibraries libraries;
  SharedLibrary ggml_base;
  SharedLibrary ggml;
  SharedLibrary llama;
  LlamaFunctions functions;
  std::string backend_problem;
};

/** Neither is ever destroyed: threads may still use them while the process ends. */
std::mutex& gate() {
  static auto* mutex = new std::mutex;
  return *mutex;
}
OpenRuntime* opened = nullptr;

/**
 * On POSIX a lookup through libllama also searches the libraries that it is linked with. Asking it first gives us the
 * copy of ggml that libllama uses, even if another package loaded a second one.
 */
void* find_symbol(const OpenRuntime& runtime, const SharedLibrary& library, const char* symbol) {
#ifndef _WIN32
  if (void* address = runtime.llama.find(symbol)) return address;
#else
  (void)runtime;
#endif
  if (void* address = library.find(symbol)) return address;
  throw Failure(library.path() + " does not export " + symbol + ": it is not a llama.cpp " + runtime.libraries.version +
                " library.");
}

void bind(OpenRuntime& runtime) {
  LlamaFunctions& table = runtime.functions;
#define STARLING_BIND(library, name) \
  table.name = reinterpret_cast<decltype(table.name)>(find_symbol(runtime, runtime.library, #name));
#define STARLING_BIND_LLAMA(name) STARLING_BIND(llama, name)
#define STARLING_BIND_GGML(name) STARLING_BIND(ggml, name)
#define STARLING_BIND_GGML_BASE(name) STARLING_BIND(ggml_base, name)
  // First: the other signatures are only right for this version.
  STARLING_BIND_LLAMA(llama_version)
  const char* text = table.llama_version();
  const std::string version = text == nullptr ? "without a version" : text;
  // llama.cpp appends "-dev" unless it was built as a release; the source is the same.
  if (version != runtime.libraries.version && version != runtime.libraries.version + "-dev")
    throw Failure(runtime.llama.path() + " is llama.cpp " + version + ", but this build needs " +
                  runtime.libraries.version + ".");
  STARLING_LLAMA_FUNCTIONS(STARLING_BIND_LLAMA)
  STARLING_GGML_FUNCTIONS(STARLING_BIND_GGML)
  STARLING_GGML_BASE_FUNCTIONS(STARLING_BIND_GGML_BASE)
#undef STARLING_BIND_LLAMA
#undef STARLING_BIND_GGML
#undef STARLING_BIND_GGML_BASE
#undef STARLING_BIND
}

bool is_gpu(enum ggml_backend_dev_type type) {
  return type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU;
}

bool has_gpu(const LlamaFunctions& functions) {
  for (size_t i = 0; i < functions.ggml_backend_dev_count(); ++i)
    if (is_gpu(functions.ggml_backend_dev_type(functions.ggml_backend_dev_get(i)))) return true;
  return false;
}

/** Why the folder's GPU backend was not loaded: llama.cpp's release builds skip it silently. */
std::string gpu_backend_problem(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::u8path(folder), error)) {
    const std::string name = entry.path().filename().u8string();
    for (const char* kind : {"ggml-cuda", "ggml-vulkan", "ggml-metal", "ggml-hip", "ggml-sycl"}) {
      const std::string extension = entry.path().extension().u8string();
      if (name.find(kind) == std::string::npos) continue;
      if (extension != ".so" && extension != ".dll" && extension != ".dylib") continue;
      try {
        SharedLibrary probe(entry.path().u8string());
        return name + " loads, but found no device";
      } catch (const Failure& failure) {
        return failure.what();
      }
    }
  }
  return "";
}

/**
 * Removes BLAS (Accelerate in the packages for macOS). llama.cpp would add it to every context and give it each product
 * of 32 rows or more, so that a score would depend on its batch.
 */
void unload_accelerators(const LlamaFunctions& functions) {
  while (ggml_backend_dev_t device = functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_ACCEL)) {
    const std::string name = functions.ggml_backend_dev_name(device);
    const size_t before = functions.ggml_backend_dev_count();
    functions.ggml_backend_unload(functions.ggml_backend_dev_backend_reg(device));
    if (functions.ggml_backend_dev_count() == before)
      throw Failure("The backend " + name + " of this llama.cpp runtime cannot be removed; scores would depend on it.");
  }
}

void load_backends(OpenRuntime& runtime) {
  const Utf8FileNames names;
  const LlamaFunctions& functions = runtime.functions;
  functions.llama_log_set(&log_callback, nullptr);
  functions.ggml_log_set(&log_callback, nullptr);
  functions.llama_backend_init();
  functions.ggml_backend_load_all_from_path(runtime.libraries.folder.c_str());
  unload_accelerators(functions);
  if (!has_gpu(functions)) {
    runtime.backend_problem = gpu_backend_problem(runtime.libraries.folder);
    for (const std::string& path : runtime.libraries.fallback_backends) {
      functions.ggml_backend_load(names.name_of(path).c_str());
      if (!has_gpu(functions)) continue;
      runtime.backend_problem.clear();
      break;
    }
  }
  if (functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU) == nullptr)
    throw Failure(runtime.libraries.folder + " has no CPU backend (libggml-cpu*) that runs on this machine.");
}

const char* type_name(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU:
      return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU:
      return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU:
      return "igpu";
    case GGML_BACKEND_DEVICE_TYPE_ACCEL:
      return "accel";
    default:
      return "meta";
  }
}

std::string cpu_library(const LlamaFunctions& functions) {
  ggml_backend_reg_t registry =
      functions.ggml_backend_dev_backend_reg(functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
  void* inside = functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_set_n_threads");
  return inside == nullptr ? "" : SharedLibrary::path_of(inside);
}

/** What the CPU library says that it uses, for example "DOTPROD" and "SVE_CNT=16". */
std::vector<std::string> cpu_features(const LlamaFunctions& functions) {
  ggml_backend_reg_t registry =
      functions.ggml_backend_dev_backend_reg(functions.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
  const auto list = reinterpret_cast<ggml_backend_get_features_t>(
      functions.ggml_backend_reg_get_proc_address(registry, "ggml_backend_get_features"));
  std::vector<std::string> features;
  if (list == nullptr) return features;
  for (const ggml_backend_feature* feature = list(registry); feature != nullptr && feature->name != nullptr;
       ++feature) {
    const std::string value = feature->value;
    features.push_back(value == "1" ? feature->name : feature->name + ("=" + value));
  }
  return features;
}

RuntimeInfo describe(const OpenRuntime& runtime) {
  const LlamaFunctions& functions = runtime.functions;
  RuntimeInfo info{runtime.libraries.folder, functions.llama_version(), {},
                   runtime.backend_problem,  cpu_library(functions),    cpu_features(functions)};
  for (size_t i = 0; i < functions.ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = functions.ggml_backend_dev_get(i);
    size_t free = 0;
    size_t total = 0;
    functions.ggml_backend_dev_memory(device, &free, &total);
    info.devices.push_back({functions.ggml_backend_dev_name(device), functions.ggml_backend_dev_description(device),
                            type_name(functions.ggml_backend_dev_type(device)), free, total});
  }
  return info;
}

}  // namespace

RuntimeInfo open(const RuntimeLibraries& libraries) {
  const std::lock_guard<std::mutex> lock(gate());
  if (opened != nullptr) {
    if (opened->libraries.folder == libraries.folder) return describe(*opened);
    throw Failure("This process already uses the llama.cpp runtime in " + opened->libraries.folder +
                  "; a process holds one, so the one in " + libraries.folder + " cannot be opened.");
  }
  auto runtime = std::make_unique<OpenRuntime>();
  runtime->libraries = libraries;
  runtime->ggml_base = SharedLibrary(libraries.ggml_base);
  runtime->ggml = SharedLibrary(libraries.ggml);
  runtime->llama = SharedLibrary(libraries.llama);
  bind(*runtime);
  load_backends(*runtime);
  SharedLibrary::pin_self();
  exit_guard::install();
  opened = runtime.release();
  return describe(*opened);
}

std::optional<RuntimeInfo> current() {
  const std::lock_guard<std::mutex> lock(gate());
  if (opened == nullptr) return std::nullopt;
  return describe(*opened);
}

const LlamaFunctions& functions() {
  const std::lock_guard<std::mutex> lock(gate());
  if (opened == nullptr) throw Failure("No llama.cpp runtime is open: call openRuntime first.");
  return opened->functions;
}

}  // namespace starling::runtime
