#if defined(__x86_64__)
#include <immintrin.h>
#include "Levels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma"))), \
                             apply_to = function)
#define LEVEL_AVX512
#define TILE_ROWS 8
#define PANEL_VECTORS 4
#define PANEL_UNITS 8
#define DW_ROWS 2
#define DW_COLUMNS 7
#include "Templates/Level.h"
#pragma clang attribute pop

const nt_kernels nt_avx512_kernels = KERNEL_TABLE(NT_AVX512);
#endif
