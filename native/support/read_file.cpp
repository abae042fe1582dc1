#include "support/read_file.h"

#include <cstdio>
#include <memory>

#include "support/failure.h"
#ifdef _WIN32
#include "support/wide_text.h"
#endif

namespace starling {

namespace {

struct Close {
  void operator()(FILE* file) const { std::fclose(file); }
};

FILE* open(const std::string& path) {
#ifdef _WIN32
  return _wfopen(widen(path).c_str(), L"rb");
#else
  return std::fopen(path.c_str(), "rb");
#endif
}

bool seek(FILE* file, uint64_t position) {
#ifdef _WIN32
  return _fseeki64(file, static_cast<int64_t>(position), SEEK_SET) == 0;
#else
  return fseeko(file, static_cast<off_t>(position), SEEK_SET) == 0;
#endif
}

}  // namespace

std::vector<uint8_t> read_file(const std::string& path, uint64_t position, size_t size) {
  std::vector<uint8_t> bytes(size);
  const std::unique_ptr<FILE, Close> file(open(path));
  if (file == nullptr || !seek(file.get(), position) || std::fread(bytes.data(), 1, size, file.get()) != size)
    throw Failure(path + " could not be read.");
  return bytes;
}

}  // namespace starling
