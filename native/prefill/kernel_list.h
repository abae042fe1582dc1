#pragma once

#include "prefill/attention.h"
#include "prefill/gemm.h"

/** Each is defined in the file of its name, which is compiled for the processors that have what it needs. */
namespace starling::prefill {

/** Every type in bfloat16, expanded tile by tile; F16 in two halves, so that nothing of it is lost. */
extern const GemmKernel amx_bf16_gemm;
/** The same with emulated tiles, for tests: the same bits, far too slow to score with. */
extern const GemmKernel emulated_amx_bf16_gemm;
/** Quantised types, with 8-bit activations. */
extern const GemmKernel avx512_vnni_gemm;
/** F16 and BF16, in float32. */
extern const GemmKernel avx512_gemm;
extern const GemmKernel avx_vnni_gemm;
extern const GemmKernel avx2_gemm;

extern const AttentionKernel avx512_attention;
extern const AttentionKernel avx2_attention;

}  // namespace starling::prefill
