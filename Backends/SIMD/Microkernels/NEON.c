// ARM64: 128-bit vectors, 32 registers, fused multiply-add.
#if defined(__aarch64__)
#include "Levels.h"

#define LEVEL_NEON
#define TILE_ROWS 6
#define PANEL_VECTORS 4
#define PANEL_UNITS 2
#define DW_ROWS 2
#define DW_COLUMNS 7
#include "Templates/Level.h"

const nt_kernels nt_neon_kernels = KERNEL_TABLE(NT_NEON);
#endif
