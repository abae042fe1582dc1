#pragma once

#include <string>

namespace starling {

/**
 * A shared library, opened by absolute path (UTF-8) and never unloaded: llama.cpp's threads and static objects may
 * outlive every user of it.
 */
class SharedLibrary {
 public:
  SharedLibrary() = default;

  /** @throws Failure with the file and the system's reason */
  explicit SharedLibrary(const std::string& path);

  /** The address of an exported symbol, or nullptr. */
  void* find(const char* symbol) const;

  const std::string& path() const { return path_; }

  /**
   * Keeps the library with this code loaded until the process ends. Node unloads an addon with the last worker thread
   * that used it, while our own threads and exit handler may still be running.
   */
  static void pin_self();

  /** The file of the library that contains this address, as it was opened; empty if the system does not report it. */
  static std::string path_of(void* address);

 private:
  void* handle_ = nullptr;
  std::string path_;
};

}  // namespace starling
