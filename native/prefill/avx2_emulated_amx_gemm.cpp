/** The same code as amx_bf16_gemm.cpp, for tests on processors without AMX. */
#define STARLING_EMULATED_TILES
#include "prefill/amx_bf16_kernel.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel emulated_amx_bf16_gemm = bf16_kernel("amx-bf16-emulated");

}  // namespace starling::prefill
