#include "prefill/amx_bf16_kernel.h"
#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel amx_bf16_gemm = bf16_kernel("amx-bf16");

}  // namespace starling::prefill
