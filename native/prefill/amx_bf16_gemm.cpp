#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel amx_bf16_gemm{"amx-bf16", 32,      1,      [](const WeightShape&) { return false; }, nullptr, nullptr,
                               nullptr,    nullptr, nullptr};

}  // namespace starling::prefill
