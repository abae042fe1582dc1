#pragma once

#include <ggml.h>

#include <deque>
#include <string>

namespace starling {

/** Log callback for llama.cpp and ggml. Prints nothing; the calling thread's LogCapture gets warnings and errors. */
void log_callback(enum ggml_log_level level, const char* text, void* user_data);

/**
 * Captures what llama.cpp logs on this thread during its lifetime, to explain a call that failed. Captures nest: the
 * innermost one gets the lines.
 */
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /** The errors, or if there are none the warnings, in one line; `otherwise` if nothing was logged. */
  std::string reason(const std::string& otherwise) const;

 private:
  friend void log_callback(enum ggml_log_level level, const char* text, void* user_data);
  void add(enum ggml_log_level level, const char* text);

  LogCapture* outer_;
  enum ggml_log_level level_ = GGML_LOG_LEVEL_NONE;
  std::deque<std::string> errors_;
  std::deque<std::string> warnings_;
};

}  // namespace starling
