#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel avx512_gemm{"avx512", 32,      1,      [](const WeightShape&) { return false; }, nullptr, nullptr,
                             nullptr,  nullptr, nullptr};

}  // namespace starling::prefill
