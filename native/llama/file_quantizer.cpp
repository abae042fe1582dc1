#include "llama/file_quantizer.h"

#include "llama/log.h"
#include "llama/runtime.h"
#include "support/failure.h"
#include "support/utf8_file_names.h"

namespace starling {

void quantize_file(const FileQuantization& options) {
  const LlamaFunctions& functions = runtime::functions();
  const LogCapture log;
  const Utf8FileNames names;
  llama_model_quantize_params params = functions.llama_model_quantize_default_params();
  params.ftype = static_cast<llama_ftype>(options.ftype);
  params.nthread = options.threads;
  uint32_t status = 0;
  try {
    status = functions.llama_model_quantize(options.input.c_str(), names.name_of(options.output).c_str(), &params);
  } catch (const std::exception& error) {
    throw Failure(std::string("llama.cpp failed: ") + error.what());
  }
  if (status != 0) throw Failure(log.reason("llama_model_quantize failed without a reason"));
}

}  // namespace starling
