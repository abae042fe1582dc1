#pragma once

#include <cstdint>
#include <string>

namespace starling {

/** QuantizeOptions of src/native/addon.ts. */
struct FileQuantization {
  std::string input;
  std::string output;
  /** llama_ftype. */
  int32_t ftype = 0;
  /** 0 for all cores. */
  int32_t threads = 0;
};

/** Quantises a GGUF file with llama.cpp's own quantiser, which cannot be interrupted. @throws Failure */
void quantize_file(const FileQuantization& options);

}  // namespace starling
