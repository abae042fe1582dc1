#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "llama/llama_functions.h"

namespace starling {

/** Absolute paths, UTF-8. */
struct RuntimeLibraries {
  std::string folder;
  std::string ggml_base;
  std::string ggml;
  std::string llama;
  std::string version;
  /** GPU backend libraries outside the folder, tried in order until a GPU is found. */
  std::vector<std::string> fallback_backends;
};

struct Device {
  std::string name;
  std::string description;
  std::string type;
  uint64_t memory_free = 0;
  uint64_t memory_total = 0;
};

struct RuntimeInfo {
  std::string folder;
  std::string version;
  std::vector<Device> devices;
  /** Why a GPU backend of the folder has no device; empty when it has one. */
  std::string backend_problem;
  /** Absolute path of the CPU library that llama.cpp chose; empty if the system does not tell. */
  std::string cpu_library;
  /** What that library says it was built with and found, for example "DOTPROD" and "SVE_CNT=16". */
  std::vector<std::string> cpu_features;
};

/** The llama.cpp libraries of this process: at most one set, opened once and never unloaded. Thread-safe. */
namespace runtime {

/** Opens the libraries; for the same folder again, only describes them. @throws Failure */
RuntimeInfo open(const RuntimeLibraries& libraries);

/** The open runtime, or nothing. */
std::optional<RuntimeInfo> current();

/** The bound functions. @throws Failure while no runtime is open */
const LlamaFunctions& functions();

}  // namespace runtime
}  // namespace starling
