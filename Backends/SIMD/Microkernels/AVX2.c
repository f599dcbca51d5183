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
#pragma clang attribute pop

const nt_kernels nt_avx2_kernels = {
    .isa = NT_AVX2, .tile_rows = TILE_ROWS, .panel_units = PANEL_UNITS,
    .gemm = gemm, .gemv = gemv, .strassen_sums = strassen_sums, .strassen = strassen,
    .depthwise = depthwise,
    .winograd_input = winograd_input, .winograd_output = winograd_output,
    .max_pool = max_pool, .average_pool = average_pool,
    .unary = unary, .binary = binary, .binary_rows = binary_over_rows, .steps = steps,
    .softmax = softmax, .sum = sum, .maximum = maximum, .column_sum = column_sum, .layer_norm = layer_norm,
    .transpose = transpose, .attention_weights = attention_weights,
};
#endif
