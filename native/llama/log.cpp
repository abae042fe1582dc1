#include "llama/log.h"

#include "support/exit_guard.h"

namespace starling {

namespace {

/** Enough for llama.cpp's longest chain of errors. A damaged file can cause thousands of lines. */
constexpr size_t MAX_LINES = 8;
constexpr size_t MAX_LINE_BYTES = 1000;

thread_local LogCapture* current_capture = nullptr;

std::string join(const std::deque<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    if (!all.empty()) all += "; ";
    all += line;
  }
  return all;
}

/** Removes the name of the C++ function at the start of llama.cpp's lines. */
std::string without_function_name(const std::string& line) {
  const size_t colon = line.find(": ");
  if (colon == std::string::npos || colon == 0) return line;
  for (size_t i = 0; i < colon; ++i) {
    const char c = line[i];
    const bool identifier = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!identifier) return line;
  }
  return line.find('_') < colon ? line.substr(colon + 2) : line;
}

}  // namespace

void log_callback(enum ggml_log_level level, const char* text, void*) {
  exit_guard::block_if_exiting();
  try {
    if (current_capture != nullptr && text != nullptr) current_capture->add(level, text);
  } catch (...) {
    // Out of memory: lose the line. A C callback must not throw.
  }
}

LogCapture::LogCapture() : outer_(current_capture) { current_capture = this; }

LogCapture::~LogCapture() { current_capture = outer_; }

void LogCapture::add(enum ggml_log_level level, const char* text) {
  const bool continued = level == GGML_LOG_LEVEL_CONT;
  if (!continued) level_ = level;
  if (level_ != GGML_LOG_LEVEL_ERROR && level_ != GGML_LOG_LEVEL_WARN) return;
  std::deque<std::string>& lines = level_ == GGML_LOG_LEVEL_ERROR ? errors_ : warnings_;
  std::string line(text);
  if (line.size() > MAX_LINE_BYTES) line.resize(MAX_LINE_BYTES);
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  if (continued && !lines.empty()) {
    if (lines.back().size() < MAX_LINE_BYTES) lines.back() += line;
    return;
  }
  lines.push_back(without_function_name(line));
  if (lines.size() > MAX_LINES) lines.pop_front();
}

std::string LogCapture::reason(const std::string& otherwise) const {
  std::string text = join(errors_);
  if (text.empty()) text = join(warnings_);
  return text.empty() ? otherwise : text;
}

}  // namespace starling
