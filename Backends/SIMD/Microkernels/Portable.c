// What every processor runs: rows, elementwise functions, pooling, and products and convolutions by transforms. The
// plain matrix product and convolution of this level are Swift.
#include "Levels.h"

#define TILE_ROWS 6
#define PANEL_VECTORS 2
#define PANEL_UNITS 1
#include "Vector.h"
#include "Templates/Functions.h"
#include "Templates/Elementwise.h"
#include "Templates/Rows.h"
#include "Templates/Strassen.h"
#include "Templates/Attention.h"
#include "Templates/Winograd.h"
#include "Templates/Pooling.h"

const nt_kernels nt_portable_kernels = {
    .isa = NT_PORTABLE, .tile_rows = TILE_ROWS, .panel_units = PANEL_UNITS,
    .strassen_sums = strassen_sums, .strassen = strassen,
    .winograd_input = winograd_input, .winograd_output = winograd_output,
    .max_pool = max_pool, .average_pool = average_pool,
    .unary = unary, .binary = binary, .binary_rows = binary_over_rows, .steps = steps,
    .softmax = softmax, .sum = sum, .maximum = maximum, .column_sum = column_sum, .layer_norm = layer_norm,
    .transpose = transpose, .attention_weights = attention_weights,
};
