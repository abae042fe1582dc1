#pragma once

#include <stdexcept>
#include <string>

namespace starling {

/** A failure with a reason in words. `code`, such as "ABORTED" or "CLOSED", or empty, becomes `error.code` in JS. */
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, std::string code = "")
      : std::runtime_error(message), code_(std::move(code)) {}

  const std::string& code() const { return code_; }

  static Failure aborted() { return Failure("The work was cancelled.", "ABORTED"); }
  static Failure closed() { return Failure("The model was closed.", "CLOSED"); }

 private:
  std::string code_;
};

}  // namespace starling
