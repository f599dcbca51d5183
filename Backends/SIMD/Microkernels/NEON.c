// ARM64: 128-bit vectors, 32 registers, fused multiply-add.
#if defined(__aarch64__)
#include "Levels.h"

#define LEVEL_NEON
#define TILE_ROWS 6
#define PANEL_VECTORS 4
#define PANEL_UNITS 2
#define DW_ROWS 2
#define DW_COLUMNS 7
#include "Vector.h"
#include "Templates/Functions.h"
#include "Templates/Elementwise.h"
#include "Templates/Rows.h"
#include "Templates/Attention.h"
#include "Templates/Gemm.h"
#include "Templates/Strassen.h"
#include "Templates/Depthwise.h"
#include "Templates/Winograd.h"
#include "Templates/Pooling.h"

const nt_kernels nt_neon_kernels = {
    .isa = NT_NEON, .tile_rows = TILE_ROWS, .panel_units = PANEL_UNITS,
    .gemm = gemm, .gemv = gemv, .strassen_sums = strassen_sums, .strassen = strassen,
    .depthwise = depthwise,
    .winograd_input = winograd_input, .winograd_output = winograd_output,
    .max_pool = max_pool, .average_pool = average_pool,
    .unary = unary, .binary = binary, .binary_rows = binary_over_rows, .steps = steps,
    .softmax = softmax, .sum = sum, .maximum = maximum, .column_sum = column_sum, .layer_norm = layer_norm,
    .transpose = transpose, .attention_weights = attention_weights,
};
#endif
