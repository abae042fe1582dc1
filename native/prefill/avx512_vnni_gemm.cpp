#include "prefill/kernel_list.h"

namespace starling::prefill {

const GemmKernel avx512_vnni_gemm{
    "avx512-vnni", 32, 1, [](const WeightShape&) { return false; }, nullptr, nullptr, nullptr, nullptr, nullptr};

}  // namespace starling::prefill
