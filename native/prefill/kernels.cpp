#include "prefill/kernels.h"

#include "prefill/kernel_list.h"
#include "prefill/processor.h"

namespace starling::prefill {

const std::vector<const GemmKernel*>& gemm_kernels() {
  static const std::vector<const GemmKernel*> usable = [] {
    std::vector<const GemmKernel*> found;
#if defined(STARLING_X86_KERNELS)
    const Processor& has = processor();
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
#if defined(STARLING_X86_KERNELS)
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
    const Processor& has = processor();
    if (has.avx512) found.push_back(&avx512_attention);
    if (has.avx2) found.push_back(&avx2_attention);
#endif
    return found;
  }();
  return usable;
}

}  // namespace starling::prefill
