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

  /** These exist since prepare(), and a copy of one takes no memory. */
  static Failure aborted();
  static Failure closed();
  static Failure out_of_memory();
  static void prepare();

  /**
   * The exception that is being handled, whatever it is; for use in a catch block.
   * @param what what failed, in front of the reason of an exception that is no Failure
   */
  static Failure current(const char* what) noexcept;

 private:
  std::string code_;
};

}  // namespace starling
