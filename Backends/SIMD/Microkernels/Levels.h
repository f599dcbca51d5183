#pragma once
#include "SIMDMicrokernels.h"

#if defined(__x86_64__)
extern const nt_kernels nt_avx512_kernels;
extern const nt_kernels nt_avx2_kernels;
#endif
#if defined(__aarch64__)
extern const nt_kernels nt_neon_kernels;
#endif
extern const nt_kernels nt_portable_kernels;
