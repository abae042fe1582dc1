#pragma once

#include <string>

namespace starling {

/**
 * One shared library, opened by absolute path (UTF-8) and never unloaded: compute threads and static objects inside
 * llama.cpp may outlive every user of it.
 */
class SharedLibrary {
 public:
  SharedLibrary() = default;

  /** @throws Failure naming the file and the system's reason */
  explicit SharedLibrary(const std::string& path);

  /** The address of an exported symbol, or nullptr. */
  void* find(const char* symbol) const;

  const std::string& path() const { return path_; }

  /**
   * Keeps the library that holds this code loaded until the process ends. Node unloads an addon together with the last
   * worker thread that used it, while our own threads and exit handler may still run its code.
   */
  static void pin_self();

  /** The file of the library that holds this address, as it was opened; empty where the system does not say. */
  static std::string path_of(void* address);

 private:
  void* handle_ = nullptr;
  std::string path_;
};

}  // namespace starling
