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
  /** GPU backends outside the folder, tried in order while no GPU was found. */
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
  /** Why a GPU backend of the folder could not be loaded; empty when all could. */
  std::string backend_problem;
  /** The library that computes on the CPU, chosen for this machine: an absolute path, empty where the system does not
   * say. */
  std::string cpu_library;
};

/**
 * The llama.cpp libraries of this process. There is at most one set, opened once and never unloaded. All functions may
 * be called from any thread.
 */
namespace runtime {

/** Opens the libraries, or answers again for the same folder. @throws Failure */
RuntimeInfo open(const RuntimeLibraries& libraries);

/** What is open, or nothing. */
std::optional<RuntimeInfo> current();

/** The bound functions. @throws Failure while no runtime is open */
const LlamaFunctions& functions();

}  // namespace runtime
}  // namespace starling
