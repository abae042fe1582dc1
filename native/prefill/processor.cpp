#include "prefill/processor.h"

#include <cstdint>

#if defined(__x86_64__) && !defined(_MSC_VER)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace starling::prefill {

#if defined(__x86_64__) && !defined(_MSC_VER)

namespace {

struct Registers {
  uint32_t eax = 0;
  uint32_t ebx = 0;
  uint32_t ecx = 0;
  uint32_t edx = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers found;
  __get_cpuid_count(leaf, subleaf, &found.eax, &found.ebx, &found.ecx, &found.edx);
  return found;
}

bool bit(uint32_t value, int index) { return ((value >> index) & 1U) != 0; }

/** What the operating system saves when it switches threads (XCR0). */
uint64_t saved_state() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

/** Linux: a process must ask for the tiles' state, for all of its threads. */
bool may_use_tiles() {
#if defined(__linux__)
  constexpr long ARCH_REQ_XCOMP_PERM = 0x1023;
  constexpr long XFEATURE_XTILEDATA = 18;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
  return false;
#endif
}

Processor detect() {
  constexpr uint64_t YMM = 0x6;
  constexpr uint64_t ZMM = 0xE6;
  constexpr uint64_t TILES = 0x60000;
  Processor found;
  const Registers basic = cpuid(1, 0);
  if (!bit(basic.ecx, 27)) return found;
  const uint64_t state = saved_state();
  const Registers extended = cpuid(7, 0);
  const Registers further = cpuid(7, 1);
  const bool has_ymm = (state & YMM) == YMM;
  const bool has_zmm = (state & ZMM) == ZMM;
  found.avx2 = has_ymm && bit(basic.ecx, 12) && bit(basic.ecx, 29) && bit(extended.ebx, 5);
  found.avx_vnni = found.avx2 && bit(further.eax, 4);
  found.avx512 = found.avx2 && has_zmm && bit(extended.ebx, 16) && bit(extended.ebx, 17) && bit(extended.ebx, 30) &&
                 bit(extended.ebx, 31);
  found.avx512_vnni = found.avx512 && bit(extended.ecx, 11);
  found.avx512_bf16 = found.avx512 && bit(further.eax, 5);
  found.amx_bf16 = found.avx512_bf16 && (state & TILES) == TILES && bit(extended.edx, 22) && bit(extended.edx, 24) &&
                   may_use_tiles();
  return found;
}

}  // namespace

const Processor& processor() {
  static const Processor found = detect();
  return found;
}

#else

const Processor& processor() {
  static const Processor none;
  return none;
}

#endif

}  // namespace starling::prefill
