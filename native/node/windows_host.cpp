/**
 * Binds Node-API in whatever program has loaded the addon: node.exe, a copy of it under another name, Electron. An
 * import library would bind to a file called node.exe. For the prebuilt addons of Windows (scripts/prebuilds); a build
 * by MSVC has cmake-js's delay-load hook for this.
 */
#ifdef STARLING_HOST_FUNCTIONS

#include <windows.h>

/** Defines STARLING_EACH_HOST_FUNCTION(X): X(name) for each function of Node-API. */
#include STARLING_HOST_FUNCTIONS

/** A call of a dllimport function jumps through the pointer __imp_NAME, which usually comes from an import library. */
#define STARLING_DEFINE_POINTER(name) extern "C" void* __imp_##name = nullptr;
STARLING_EACH_HOST_FUNCTION(STARLING_DEFINE_POINTER);
#undef STARLING_DEFINE_POINTER

namespace {

struct HostFunction {
  const char* name;
  void** pointer;
};

#define STARLING_LIST_POINTER(name) {#name, &__imp_##name},
constexpr HostFunction host_functions[] = {STARLING_EACH_HOST_FUNCTION(STARLING_LIST_POINTER)};
#undef STARLING_LIST_POINTER

/** The program itself (null), or libraries in which some programs have Node. */
constexpr const char* host_modules[] = {nullptr, "node.dll", "libnode.dll", "nw.dll"};

void* find_in_host(const char* name) {
  for (const char* module : host_modules) {
    const HMODULE handle = GetModuleHandleA(module);
    if (handle == nullptr) continue;
    if (const FARPROC found = GetProcAddress(handle, name)) return reinterpret_cast<void*>(found);
  }
  return nullptr;
}

}  // namespace

/** Returning FALSE fails the addon's loading, as an import that is missing does. */
extern "C" BOOL WINAPI DllMain(HINSTANCE, DWORD reason, LPVOID) {
  if (reason != DLL_PROCESS_ATTACH) return TRUE;
  for (const HostFunction& function : host_functions) {
    *function.pointer = find_in_host(function.name);
    if (*function.pointer == nullptr) return FALSE;
  }
  return TRUE;
}

#endif
