#pragma once

#include <stddef.h>
#include <stdint.h>

// Micro-kernels for f32. Sizes and strides count floats unless a name says bytes. Every function is
// reentrant, allocates nothing, and gives the same bits for any split of its ranges.

/// Instruction sets, those of one processor in the order of preference.
enum { NT_PORTABLE = 0, NT_AVX2 = 1, NT_AVX512 = 2, NT_NEON = 3 };

/// Best instruction set of this processor.
int nt_isa_detected(void);

// MARK: - Functions of one and two operands

enum {
  NT_RELU, NT_SIGMOID, NT_TANH, NT_EXP, NT_LOG, NT_SQRT, NT_ERF, NT_GELU, NT_GELU_TANH, NT_SILU,
    NT_HARD_SWISH,
  NT_ABS, NT_NEG, NT_RECIPROCAL, NT_FLOOR, NT_CEIL, NT_ROUND, NT_SIGN, NT_SOFTPLUS, NT_SOFTSIGN, NT_MISH,
  NT_LEAKY_RELU,       // p0: slope
  NT_ELU,              // p0: alpha
  NT_SELU,             // p0: alpha, p1: gamma
  NT_CELU,             // p0: alpha
  NT_HARD_SIGMOID,     // p0: alpha, p1: beta
  NT_THRESHOLDED_RELU, // p0: alpha
  NT_CLAMP,            // min(max(x, p0), p1)
  NT_AFFINE,           // p0 · x + p1, each operation rounded
  NT_UNARY_COUNT
};
enum { NT_ADD, NT_SUB, NT_MUL, NT_DIV, NT_MAX, NT_MIN, NT_PRELU, NT_BINARY_COUNT };

/// One step of an epilogue. A binary step reads operand[row · row_stride + column · column_stride];
/// `per_image`: row counts within its image, and image · image_stride is added.
typedef struct nt_step {
  int32_t binary;         // 0: `function` is unary, 1: binary
  int32_t function;
  int32_t swapped;        // the operand stands on the left
  int32_t column_stride;  // 0 or 1
  int32_t per_image;
  float p0, p1;
  const float *operand;
  ptrdiff_t row_stride;
  ptrdiff_t image_stride;
} nt_step;

/// What happens to a result before it is stored: + bias[column], + residual[row][column], clamp, then the
/// steps in order. Pooling takes no bias, and only products of matrices take a residual.
typedef struct nt_epilogue {
  const float *bias;      // or NULL
  const float *residual;  // or NULL
  ptrdiff_t residual_stride;
  float lower, upper;     // −∞, +∞: no clamp
  const nt_step *steps;
  int32_t step_count;
  ptrdiff_t rows_per_image;
  // of the operands above, for row 0 and column 0 of the kernel's own result
  ptrdiff_t first_row, first_column;
} nt_epilogue;

// MARK: - Matrix product

/// C[row][column] = Σₖ A[row][k] · B[k][column]. Row r of A starts at the pixel (r / (width·height), r /
/// width mod height, r mod width) and consists of `segment_count` runs of `segment_length` floats, at
/// offsets[i] from its start.
typedef struct nt_gemm {
  const float *a;
  ptrdiff_t a_x, a_y, a_image; // strides of the pixel
  ptrdiff_t width, height;
  const ptrdiff_t *offsets;
  ptrdiff_t segment_count, segment_length;
  const float *b;              // packed for this instruction set
  ptrdiff_t n;
  float *c;
  ptrdiff_t c_stride;          // between rows
  nt_epilogue epilogue;
} nt_gemm;

/// Depthwise convolution, and pooling, of one NHWC image.
typedef struct nt_window {
  const float *input;          // pixel (0, 0)
  ptrdiff_t in_x, in_y;        // strides of a pixel and of a row of pixels
  ptrdiff_t in_height, in_width;
  ptrdiff_t channels;
  ptrdiff_t kernel_height, kernel_width, stride_y, stride_x, dilation_y, dilation_x, pad_top, pad_left;
  const float *weights;        // blocks of 16 channels, [block][tap][16]; pooling: unused
  float *output;               // pixel (0, 0)
  ptrdiff_t out_x, out_y;
  ptrdiff_t out_width;
  ptrdiff_t count_padding;       // average: divisor counts padded pixels inside [−pad, in + pad)
  ptrdiff_t pad_bottom, pad_right;
  nt_epilogue epilogue;
} nt_window;

// MARK: - Strassen's product

/// A product by one level of Strassen's method: rows (2 i, 2 i + 1) of an image are pair i, and the last row of an odd
/// number of rows is a pair of its own. One segment at offset 0; `b` is packed by nt_strassen_pack.
typedef struct nt_strassen {
  nt_gemm product;
  float *sums;                 // of the pairs from `first_pair` on, in whole vectors
  ptrdiff_t sums_stride;       // between pairs
  ptrdiff_t first_pair;
} nt_strassen;

// MARK: - Winograd's convolution

/// Results of F(m×m, 3×3) per side: 2 … this.
enum { NT_WINOGRAD_LARGEST = 6 };

/// A tile of an NHWC image: of (m + 2)² pixels to be read, or of m² to be written.
typedef struct nt_winograd_tile {
  const float *input;           // of its first pixel, which may lie outside the image
  float *output;
  ptrdiff_t x_stride, y_stride; // of a pixel and of a row of pixels
  // The rows and columns of the tile that exist, from `top` to below `bottom`; those of results start at 0.
  ptrdiff_t top, bottom, left, right;
  // Results: the row of the kernel's own result that its first pixel is, and pixels per row of the image.
  ptrdiff_t row, width;
} nt_winograd_tile;

// MARK: - Attention

/// Scores of some queries, which become weights exp(s − greatest) that are not yet normalized.
typedef struct nt_attention_rows {
  float *scores;
  ptrdiff_t stride;                // between rows
  ptrdiff_t first, last;           // columns that are written: those that a row leaves out become 0
  ptrdiff_t begin, end;            // columns that row 0 does not leave out, before they are cut to [first, last)
  ptrdiff_t begin_step, end_step;  // added from row to row
  const float *addends;            // of column 0 of row 0, or NULL
  const uint8_t *flags;            // the same; 0 leaves a column out
  ptrdiff_t mask_stride;           // between rows of either
  float scale, cap;                // 0: no cap
  float *factors;                  // for each row 1 / Σ of its weights, or 0
} nt_attention_rows;

typedef struct nt_kernels {
  int32_t isa;
  int32_t tile_rows, panel_units; // tallest tile; widest panel in units of 8 columns

  /// Rows [row, row_end) × panels [panel, panel_end).
  void (*gemm)(const nt_gemm *, ptrdiff_t row, ptrdiff_t row_end, ptrdiff_t panel, ptrdiff_t panel_end);
  /// One row (M = 1), partial or whole K: y[column] = (bias) + Σ over k in [k, k_end); no other epilogue.
  void (*gemv)(const float *x, const float *b, ptrdiff_t k_total, ptrdiff_t k, ptrdiff_t k_end, ptrdiff_t n,
               ptrdiff_t panel, ptrdiff_t panel_end, const float *bias, float *y);
  /// Sums of the left operand for pairs [pair, pair_end).
  void (*strassen_sums)(const nt_strassen *, ptrdiff_t pair, ptrdiff_t pair_end);
  /// Pairs [pair, pair_end) × panels [panel, panel_end) of nt_strassen_columns(n) columns; their sums must be there.
  void (*strassen)(const nt_strassen *, ptrdiff_t pair, ptrdiff_t pair_end, ptrdiff_t panel, ptrdiff_t panel_end);
  void (*depthwise)(const nt_window *, ptrdiff_t out_row, ptrdiff_t out_row_end);
  /// Left operands of (m + 2)² products, `step` floats apart; whole vectors are written.
  void (*winograd_input)(int32_t m, const nt_winograd_tile *, ptrdiff_t channels, float *v, ptrdiff_t step);
  /// Results of (m + 2)² products, `step` floats apart; whole vectors are read.
  void (*winograd_output)(int32_t m, const nt_winograd_tile *, ptrdiff_t columns, const float *products,
                          ptrdiff_t step, const nt_epilogue *);
  void (*max_pool)(const nt_window *, ptrdiff_t out_row, ptrdiff_t out_row_end);
  void (*average_pool)(const nt_window *, ptrdiff_t out_row, ptrdiff_t out_row_end);

  void (*unary)(int32_t function, float p0, float p1, const float *x, float *y, ptrdiff_t n);
  /// Operands whose step is 0 are scalars.
  void (*binary)(int32_t function, const float *a, int32_t a_step, const float *b, int32_t b_step, float *y,
                 ptrdiff_t n);
  /// The same over rows; those of an operand are a_row or b_row floats apart.
  void (*binary_rows)(int32_t function, const float *a, ptrdiff_t a_row, int32_t a_step, const float *b,
                      ptrdiff_t b_row, int32_t b_step, float *y, ptrdiff_t y_row, ptrdiff_t rows, ptrdiff_t n);
  void (*steps)(const nt_epilogue *, float *c, ptrdiff_t c_stride, ptrdiff_t row, ptrdiff_t rows,
                ptrdiff_t column, ptrdiff_t columns);

  void (*softmax)(const float *x, float *y, ptrdiff_t rows, ptrdiff_t n, int32_t logarithm);
  /// Sum of n values in a fixed order.
  float (*sum)(const float *x, ptrdiff_t n);
  float (*maximum)(const float *x, ptrdiff_t n);
  /// y[column] = scale · Σ over rows of x[row · stride + column].
  void (*column_sum)(const float *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns, float scale,
                     float *y);
  /// Rows of mean 0 and variance 1, scaled and shifted by vectors of n (step 1, bias may be NULL) or by one
  /// number each (step 0).
  void (*layer_norm)(const float *x, float *y, ptrdiff_t rows, ptrdiff_t n, const float *scale,
                     const float *bias, int32_t step,
                     float epsilon);
  /// y[column · y_stride + row] = x[row · x_stride + column].
  void (*transpose)(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                    ptrdiff_t columns);
  void (*attention_weights)(const nt_attention_rows *, ptrdiff_t rows);
} nt_kernels;

/// Kernels of an instruction set, NULL where this build or processor has none.
const nt_kernels *nt_kernels_for(int isa);

// MARK: - Packed weights

/// Panels of N columns: how many, and where panel i starts and how many columns it is wide (a multiple of 8,
/// padding included).
ptrdiff_t nt_panel_count(int32_t panel_units, ptrdiff_t n);
void nt_panel(int32_t panel_units, ptrdiff_t n, ptrdiff_t index, ptrdiff_t *column, ptrdiff_t *width);
/// Floats of a packed K × N matrix.
ptrdiff_t nt_packed_count(ptrdiff_t k, ptrdiff_t n);
/// Packs floats of any alignment: rows [k0, k0 + count) of B[k][column] = b[(k − k0) · k_stride + column ·
/// n_stride] into a packed matrix of k_total rows.
void nt_pack(int32_t panel_units, const void *b, ptrdiff_t k_stride, ptrdiff_t n_stride, ptrdiff_t k_total,
             ptrdiff_t k0, ptrdiff_t count, ptrdiff_t n, float *packed);

/// Columns of the left half of n, a multiple of 8; the right half may be narrower.
ptrdiff_t nt_strassen_columns(ptrdiff_t n);
/// Panels of the left half of n, none wider than 6 units.
ptrdiff_t nt_strassen_panel_count(int32_t panel_units, ptrdiff_t n);
void nt_strassen_panel(int32_t panel_units, ptrdiff_t n, ptrdiff_t index, ptrdiff_t *column, ptrdiff_t *width);
/// Floats of the packed combinations of a K × N matrix, and of the sums of a pair of rows.
ptrdiff_t nt_strassen_packed_count(ptrdiff_t k, ptrdiff_t n);
ptrdiff_t nt_strassen_sums_count(ptrdiff_t k);
/// Packs scale · B for Strassen's product, floats of any alignment as nt_pack takes them.
void nt_strassen_pack(int32_t panel_units, const void *b, ptrdiff_t k_stride, ptrdiff_t n_stride, ptrdiff_t k,
                      ptrdiff_t n, float scale, float *packed);

/// Transforms weights [n, k, 3, 3] of any alignment for F(m×m, 3×3): (m + 2)² packed k × n matrices, one after
/// the other.
void nt_winograd_pack(int32_t m, int32_t panel_units, const void *weights, ptrdiff_t k, ptrdiff_t n,
                      float *packed);
