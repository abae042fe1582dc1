#include "prefill/kernels.h"

#include <cstdlib>
#include <string>

#include "prefill/kernel_list.h"
#include "prefill/processor.h"

namespace starling::prefill {

namespace {

/** As if the processor had no more than a kernel of this name needs: for tests and benchmarks. */
constexpr const char* LIMIT_VARIABLE = "STARLING_RM_KERNELS";

#if defined(STARLING_X86_KERNELS)
Processor usable_processor() {
  Processor has = processor();
  const char* text = std::getenv(LIMIT_VARIABLE);
  const std::string limit = text == nullptr ? "" : text;
  if (limit.empty() || limit == "amx-bf16") return has;
  has.amx_bf16 = false;
  if (limit == "avx512-vnni") return has;
  has.avx512_vnni = has.avx512 = false;
  if (limit == "avx-vnni") return has;
  has.avx_vnni = false;
  if (limit == "avx2") return has;
  // Any other name: no kernel of ours.
  return {};
}
#endif

}  // namespace

const std::vector<const GemmKernel*>& gemm_kernels() {
  static const std::vector<const GemmKernel*> usable = [] {
    std::vector<const GemmKernel*> found;
#if defined(STARLING_X86_KERNELS)
    const Processor has = usable_processor();
    if (has.amx_bf16) found.push_back(&amx_bf16_gemm);
    if (has.avx512_vnni) found.push_back(&avx512_vnni_gemm);
    if (has.avx512) found.push_back(&avx512_gemm);
    if (has.avx_vnni) found.push_back(&avx_vnni_gemm);
    if (has.avx2) found.push_back(&avx2_gemm);
#endif
    return found;
  }();
  return usable;
}

const std::vector<const GemmKernel*>& emulated_gemm_kernels() {
  static const std::vector<const GemmKernel*> usable = [] {
    std::vector<const GemmKernel*> found;
#if defined(STARLING_EMULATED_KERNELS)
    if (processor().avx2) found.push_back(&emulated_amx_bf16_gemm);
#endif
    return found;
  }();
  return usable;
}

const std::vector<const AttentionKernel*>& attention_kernels() {
  static const std::vector<const AttentionKernel*> usable = [] {
    std::vector<const AttentionKernel*> found;
#if defined(STARLING_X86_KERNELS)
    const Processor has = usable_processor();
    if (has.avx512) found.push_back(&avx512_attention);
    if (has.avx2) found.push_back(&avx2_attention);
#endif
    return found;
  }();
  return usable;
}

bool kernels_are_forced() {
  const char* text = std::getenv(LIMIT_VARIABLE);
  return text != nullptr && *text != '\0';
}

}  // namespace starling::prefill
