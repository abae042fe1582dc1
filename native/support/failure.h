#pragma once

#include <stdexcept>
#include <string>

namespace starling {

/** An error with a message for the user. `code`, such as "ABORTED" or "CLOSED", becomes `error.code` in JS. */
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, std::string code = "")
      : std::runtime_error(message), code_(std::move(code)) {}

  const std::string& code() const { return code_; }

  /** Allocated by prepare(); copying one does not allocate. */
  static Failure aborted();
  static Failure closed();
  static Failure out_of_memory();
  static void prepare();

  /**
   * The exception that is being handled, as a Failure. Only inside a catch block.
   *
   * @param what what failed: precedes the message of an exception that is not a Failure
   */
  static Failure current(const char* what) noexcept;

 private:
  std::string code_;
};

}  // namespace starling
