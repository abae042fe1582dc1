#include "support/utf8_file_names.h"

#ifdef _WIN32
#include <windows.h>

#include <algorithm>
#include <clocale>

#include "support/wide_text.h"
#endif

namespace starling {

#ifdef _WIN32

namespace {

/** From locale.h of Microsoft's C library. */
constexpr int PER_THREAD = 1;

/** The C library that llama.cpp's libraries use, which need not be that of this one. */
template <typename Function>
Function* find(const char* name) {
  HMODULE library = GetModuleHandleW(L"ucrtbase.dll");
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(GetProcAddress(library, name));
}

int set_per_thread(int how) {
  auto* configure = find<int(int)>("_configthreadlocale");
  return configure == nullptr ? 0 : configure(how);
}

const char* set_locale(const char* name) {
  auto* set = find<char*(int, const char*)>("setlocale");
  return set == nullptr ? nullptr : set(LC_CTYPE, name);
}

template <typename Text>
bool is_ascii(const Text& text) {
  return std::all_of(text.begin(), text.end(), [](auto unit) { return unit > 0 && unit < 0x80; });
}

}  // namespace

Utf8FileNames::Utf8FileNames() : before_(set_per_thread(PER_THREAD)) {
  const char* now = set_locale(nullptr);
  locale_ = now == nullptr ? "C" : now;
  set_locale(".UTF8");
}

Utf8FileNames::~Utf8FileNames() {
  set_locale(locale_.c_str());
  if (before_ != 0) set_per_thread(before_);
}

std::string Utf8FileNames::name_of(const std::string& path) const {
  if (is_ascii(path)) return path;
  // Not every volume keeps short names.
  const std::wstring wide = widen(path);
  std::wstring name(GetShortPathNameW(wide.c_str(), nullptr, 0), L'\0');
  name.resize(GetShortPathNameW(wide.c_str(), name.data(), static_cast<DWORD>(name.size())));
  return !name.empty() && is_ascii(name) ? std::string(name.begin(), name.end()) : path;
}

#else

Utf8FileNames::Utf8FileNames() = default;
Utf8FileNames::~Utf8FileNames() = default;
std::string Utf8FileNames::name_of(const std::string& path) const { return path; }

#endif

}  // namespace starling
