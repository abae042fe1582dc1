#pragma once

#include <ggml.h>

#include <deque>
#include <string>

namespace starling {

/** Given to llama.cpp and ggml. Prints nothing; keeps warnings and errors for the LogCapture of the calling thread. */
void log_callback(enum ggml_log_level level, const char* text, void* user_data);

/**
 * While one lives, what llama.cpp says on this thread is kept, so that a failed call can be explained. Captures nest:
 * the innermost one gets the lines.
 */
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  /** The errors, or without any the warnings, in one line; `otherwise` when llama.cpp said nothing. */
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
