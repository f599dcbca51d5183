// What every processor runs: rows, elementwise functions and pooling. The matrix product and the convolutions
// of this level are Swift.
#include "Levels.h"
#include "Vector.h"
#include "Templates/Functions.h"
#include "Templates/Elementwise.h"
#include "Templates/Rows.h"
#include "Templates/Winograd.h"
#include "Templates/Pooling.h"

#define TILE_ROWS 6
#define PANEL_UNITS 1

const nt_kernels nt_portable_kernels = {
    .isa = NT_PORTABLE, .tile_rows = TILE_ROWS, .panel_units = PANEL_UNITS,
    .winograd_input = winograd_input, .winograd_output = winograd_output,
    .max_pool = max_pool, .average_pool = average_pool,
    .unary = unary, .binary = binary, .steps = steps,
    .softmax = softmax, .sum = sum, .maximum = maximum, .column_sum = column_sum, .layer_norm = layer_norm,
    .transpose = transpose,
};
