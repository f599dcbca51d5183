// All kernels of a level with C products, and their table. The including file says what the level has.

#include "../Vector.h"
#include "Functions.h"
#include "Elementwise.h"
#include "Rows.h"
#include "Attention.h"
#include "Gemm.h"
#include "Strassen.h"
#include "Depthwise.h"
#include "Winograd.h"
#include "Pooling.h"

#define KERNEL_TABLE(ISA) \
  { \
      .isa = ISA, .tile_rows = TILE_ROWS, .panel_units = PANEL_UNITS, \
      .gemm = gemm, .gemv = gemv, .strassen_sums = strassen_sums, .strassen = strassen, \
      .depthwise = depthwise, \
      .winograd_input = winograd_input, .winograd_output = winograd_output, \
      .max_pool = max_pool, .average_pool = average_pool, \
      .unary = unary, .binary = binary, .binary_rows = binary_over_rows, .steps = steps, \
      .softmax = softmax, .sum = sum, .maximum = maximum, .column_sum = column_sum, .layer_norm = layer_norm, \
      .transpose = transpose, .attention_weights = attention_weights, \
  }
