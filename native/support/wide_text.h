#pragma once

#ifdef _WIN32
#include <windows.h>

#include <string>

namespace starling {

/** UTF-8 to UTF-16, which Windows takes names in. */
inline std::wstring widen(const std::string& text) {
  const int length = MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), nullptr, 0);
  std::wstring wide(static_cast<size_t>(length), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), wide.data(), length);
  return wide;
}

}  // namespace starling
#endif
