#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel avx2_gemm{"avx2",  32,      1,      [](const WeightShape&) { return false; }, nullptr, nullptr,
                           nullptr, nullptr, nullptr};

}  // namespace starling::prefill
