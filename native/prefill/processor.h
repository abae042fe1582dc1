#pragma once

namespace starling::prefill {

/** What the processor has and the operating system lets programs use. */
struct Processor {
  /** AVX2 with FMA and F16C. */
  bool avx2 = false;
  /** AVX-VNNI: 8-bit dot products in 256 bits. */
  bool avx_vnni = false;
  /** AVX-512 F, BW, DQ and VL. */
  bool avx512 = false;
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  /** AMX tiles for bfloat16; Linux grants their use to a process that asks for it. */
  bool amx_bf16 = false;
};

const Processor& processor();

}  // namespace starling::prefill
