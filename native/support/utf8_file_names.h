#pragma once

#include <string>

namespace starling {

/**
 * Lets functions of llama.cpp that take narrow file names open any file. On Windows such names are in the system's code
 * page, which lacks the letters of most languages. While an instance lives, this thread's C library takes them as
 * UTF-8, where it is Microsoft's shared one (Windows 10 of 2018 and later). Other systems take the bytes of a name as
 * they are.
 */
class Utf8FileNames {
 public:
  Utf8FileNames();
  ~Utf8FileNames();
  Utf8FileNames(const Utf8FileNames&) = delete;
  Utf8FileNames& operator=(const Utf8FileNames&) = delete;

  /** The name to pass for an existing file: its short name in ASCII if it needs and has one, else as it is. */
  std::string name_of(const std::string& path) const;

 private:
  int before_ = 0;
  std::string locale_;
};

}  // namespace starling
