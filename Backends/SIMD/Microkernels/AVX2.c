#if defined(__x86_64__)
#include <immintrin.h>
#include "Levels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LEVEL_AVX2
#define TILE_ROWS 6
#define PANEL_VECTORS 2
#define PANEL_UNITS 2
#define DW_ROWS 1
#define DW_COLUMNS 7
#include "Templates/Level.h"
#pragma clang attribute pop

const nt_kernels nt_avx2_kernels = KERNEL_TABLE(NT_AVX2);
#endif
