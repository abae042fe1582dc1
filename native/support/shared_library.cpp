#include "support/shared_library.h"

#include "support/failure.h"

#ifdef _WIN32
#include <windows.h>

#include <filesystem>

#include "support/wide_text.h"
#else
#include <dlfcn.h>
#endif

namespace starling {

#ifdef _WIN32

namespace {

std::string last_error_text() {
  const DWORD code = GetLastError();
  if (code == ERROR_MOD_NOT_FOUND) return "the file or one of its dependencies was not found";
  return "Windows error " + std::to_string(code);
}

}  // namespace

SharedLibrary::SharedLibrary(const std::string& path) : path_(path) {
  // The altered search path looks for a library's own dependencies in its folder first.
  handle_ = LoadLibraryExW(widen(path).c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (handle_ == nullptr) throw Failure(path + " could not be opened: " + last_error_text() + ".");
}

void* SharedLibrary::find(const char* symbol) const {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle_), symbol));
}

void SharedLibrary::pin_self() {
  HMODULE module = nullptr;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&SharedLibrary::pin_self), &module);
}

std::string SharedLibrary::path_of(void* address) {
  HMODULE module = nullptr;
  constexpr DWORD FROM_ADDRESS = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
  if (!GetModuleHandleExW(FROM_ADDRESS, static_cast<LPCWSTR>(address), &module)) return "";
  std::wstring path(32'768, L'\0');
  const DWORD length = GetModuleFileNameW(module, path.data(), static_cast<DWORD>(path.size()));
  path.resize(length < path.size() ? length : 0);
  return std::filesystem::path(path).u8string();
}

#else

SharedLibrary::SharedLibrary(const std::string& path) : path_(path) {
  // RTLD_LOCAL: another copy of llama.cpp in the process must not get our symbols, nor we its. A library still finds
  // its dependencies, because they were opened before it.
  handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    const char* reason = dlerror();
    throw Failure(path + " could not be opened: " + (reason != nullptr ? reason : "no reason given") + ".");
  }
}

void* SharedLibrary::find(const char* symbol) const { return dlsym(handle_, symbol); }

void SharedLibrary::pin_self() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&SharedLibrary::pin_self), &info) != 0 && info.dli_fname != nullptr)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

std::string SharedLibrary::path_of(void* address) {
  Dl_info info;
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

#endif

}  // namespace starling
