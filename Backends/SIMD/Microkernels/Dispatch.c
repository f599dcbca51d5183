#include "SIMDMicrokernels.h"
#include "Levels.h"

int nt_isa_detected(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) return NT_AVX512;
  if (avx2) return NT_AVX2;
#endif
  return NT_PORTABLE;
}

const nt_kernels *nt_kernels_for(int isa) {
  if (isa < NT_PORTABLE || isa > nt_isa_detected()) return NULL;
#if defined(__x86_64__)
  if (isa == NT_AVX512) return &nt_avx512_kernels;
  if (isa == NT_AVX2) return &nt_avx2_kernels;
#endif
  return &nt_portable_kernels;
}
