#include "SIMDMicrokernels.h"
#include "Levels.h"

int nt_isa_detected(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) return NT_AVX512;
  if (avx2) return NT_AVX2;
#elif defined(__aarch64__)
  return NT_NEON;
#endif
  return NT_PORTABLE;
}

const nt_kernels *nt_kernels_for(int isa) {
  if (isa > nt_isa_detected()) return NULL;
  switch (isa) {
#if defined(__x86_64__)
    case NT_AVX512: return &nt_avx512_kernels;
    case NT_AVX2: return &nt_avx2_kernels;
#elif defined(__aarch64__)
    case NT_NEON: return &nt_neon_kernels;
#endif
    case NT_PORTABLE: return &nt_portable_kernels;
    default: return NULL;
  }
}
