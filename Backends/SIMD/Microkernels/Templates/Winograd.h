// The transforms of Winograd's convolution F(m×m, 3×3), a vector of channels at a time: an input tile of t × t
// pixels, t = m + 2, becomes t² products' left operands, and t² products become m × m results.
//
// The polynomials that the tables stand for are derived as in A. Lavin, S. Gray, "Fast algorithms for
// convolutional neural networks", CVPR 2016, at the points of `winograd_points`. Points come as 0, pairs ±p, at
// most one without a partner, and ∞: of a pair the even and the odd half are computed once and then added and
// subtracted.

#include "../WinogradPoints.h"

enum { WINOGRAD_SIDE = NT_WINOGRAD_LARGEST + 2 };

// Rows of Bᵀ; the two rows of a pair ±p hold the halves whose sum and difference are the transforms.
static const float winograd_input_rows[NT_WINOGRAD_LARGEST - 1][WINOGRAD_SIDE][WINOGRAD_SIDE] = {
    // F(2×2, 3×3): 0, ±1, ∞
    {{-1, 0, 1, 0},
     {0, 0, 1, 0},
     {0, 1, 0, 0},
     {0, -1, 0, 1}},
    // F(3×3, 3×3): 0, ±1, 2, ∞
    {{2, -1, -2, 1, 0},
     {0, 0, -2, 1, 0},
     {0, -2, 1, 0, 0},
     {0, -1, 0, 1, 0},
     {0, 2, -1, -2, 1}},
    // F(4×4, 3×3): 0, ±2/3, ±3/2, ∞
    {{1, 0, -97.0 / 36, 0, 1, 0},
     {0, 0, -9.0 / 4, 0, 1, 0},
     {0, -3.0 / 2, 0, 2.0 / 3, 0, 0},
     {0, 0, -4.0 / 9, 0, 1, 0},
     {0, -2.0 / 3, 0, 3.0 / 2, 0, 0},
     {0, 1, 0, -97.0 / 36, 0, 1}},
    // F(5×5, 3×3): 0, ±1, ±2, 1/2, ∞
    {{-2, 4, 5.0 / 2, -5, -1.0 / 2, 1, 0},
     {0, 0, 2, -4, -1.0 / 2, 1, 0},
     {0, 2, -4, -1.0 / 2, 1, 0, 0},
     {0, 0, 1.0 / 2, -1, -1.0 / 2, 1, 0},
     {0, 1, -2, -1, 2, 0, 0},
     {0, 4, 0, -5, 0, 1, 0},
     {0, -2, 4, 5.0 / 2, -5, -1.0 / 2, 1}},
    // F(6×6, 3×3): 0, ±1, ±2, ±1/2, ∞
    {{-1, 0, 21.0 / 4, 0, -21.0 / 4, 0, 1, 0},
     {0, 0, 1, 0, -17.0 / 4, 0, 1, 0},
     {0, 1, 0, -17.0 / 4, 0, 1, 0, 0},
     {0, 0, 1.0 / 4, 0, -5.0 / 4, 0, 1, 0},
     {0, 1.0 / 2, 0, -5.0 / 2, 0, 2, 0, 0},
     {0, 0, 4, 0, -5, 0, 1, 0},
     {0, 2, 0, -5.0 / 2, 0, 1.0 / 2, 0, 0},
     {0, -1, 0, 21.0 / 4, 0, -21.0 / 4, 0, 1}},
};

// Σ over j of row[j] · x[j]; zeros cost nothing, since all is known where this is inlined.
INLINE V winograd_row(const int side, const float *row, const V *x) {
  V sum = set1(0);
  int isFirst = 1;
  UNROLL for (int j = 0; j < side; j++) {
    if (row[j] == 0) continue;
    if (isFirst) sum = row[j] == 1 ? x[j] : x[j] * set1(row[j]);
    else sum = row[j] == 1 ? sum + x[j] : row[j] == -1 ? sum - x[j] : fma_v(set1(row[j]), x[j], sum);
    isFirst = 0;
  }
  return sum;
}

// y = Bᵀ x
INLINE void winograd_forward(const int m, const V *x, V *y) {
  const int side = m + 2, pairs = m / 2;
  const float (*rows)[WINOGRAD_SIDE] = winograd_input_rows[m - 2];
  y[0] = winograd_row(side, rows[0], x);
  UNROLL for (int i = 0; i < pairs; i++) {
    const V even = winograd_row(side, rows[2 * i + 1], x), odd = winograd_row(side, rows[2 * i + 2], x);
    y[2 * i + 1] = even + odd;
    y[2 * i + 2] = even - odd;
  }
  if (m % 2) y[side - 2] = winograd_row(side, rows[side - 2], x);
  y[side - 1] = winograd_row(side, rows[side - 1], x);
}

// y = Aᵀ x: result i is the sum of each point's product times the point to the power of i.
INLINE void winograd_backward(const int m, const V *x, V *y) {
  const int side = m + 2, pairs = m / 2;
  V even[NT_WINOGRAD_LARGEST / 2], odd[NT_WINOGRAD_LARGEST / 2];
  double power[NT_WINOGRAD_LARGEST];
  UNROLL for (int i = 0; i < pairs; i++) {
    even[i] = x[2 * i + 1] + x[2 * i + 2];
    odd[i] = x[2 * i + 1] - x[2 * i + 2];
  }
  UNROLL for (int p = 0; p < m - 1; p++) power[p] = 1;
  UNROLL for (int r = 0; r < m; r++) {
    V sum = r == 0 ? x[0] + even[0] : (r % 2 ? odd[0] : even[0]) * set1((float)power[0]);
    UNROLL for (int i = 1; i < pairs; i++)
      sum = r == 0 ? sum + even[i] : fma_v(set1((float)power[i]), r % 2 ? odd[i] : even[i], sum);
    if (m % 2) sum = r == 0 ? sum + x[side - 2] : fma_v(set1((float)power[pairs]), x[side - 2], sum);
    if (r == m - 1) sum += x[side - 1];
    y[r] = sum;
    UNROLL for (int p = 0; p < pairs; p++) power[p] *= winograd_points[m - 2][2 * p + 1];
    if (m % 2) power[pairs] *= winograd_points[m - 2][side - 2];
  }
}

// One vector of channels of one tile, of which `lanes` exist.
INLINE void winograd_input_vector(const int m, const int whole, const nt_winograd_tile *t, const float *x,
                                  ptrdiff_t lanes, float *v, ptrdiff_t step) {
  const int side = m + 2;
  V half[WINOGRAD_SIDE][WINOGRAD_SIDE];
  ROLLED for (int j = 0; j < side; j++) {
    V column[WINOGRAD_SIDE], transformed[WINOGRAD_SIDE];
    UNROLL for (int i = 0; i < side; i++) {
      const float *from = x + i * t->y_stride + j * t->x_stride;
      if (whole) column[i] = load(from);
      else if (i < t->top || i >= t->bottom || j < t->left || j >= t->right) column[i] = set1(0);
      else column[i] = lanes < W ? load_part(from, lanes) : load(from);
    }
    winograd_forward(m, column, transformed);
    UNROLL for (int i = 0; i < side; i++) half[i][j] = transformed[i];
  }
  ROLLED for (int i = 0; i < side; i++) {
    V transformed[WINOGRAD_SIDE];
    winograd_forward(m, half[i], transformed);
    UNROLL for (int j = 0; j < side; j++) store(v + (i * side + j) * step, transformed[j]);
  }
}

INLINE void winograd_input_tile(const int m, const nt_winograd_tile *t, ptrdiff_t channels, float *v,
                                ptrdiff_t step) {
  const int whole = t->top == 0 && t->left == 0 && t->bottom == m + 2 && t->right == m + 2;
  ptrdiff_t c = 0;
  if (whole) for (; c + W <= channels; c += W) winograd_input_vector(m, 1, t, t->input + c, W, v + c, step);
  for (; c < channels; c += W) {
    const ptrdiff_t lanes = channels - c < W ? channels - c : W;
    winograd_input_vector(m, 0, t, t->input + c, lanes, v + c, step);
  }
}

INLINE void winograd_output_vector(const int m, const nt_winograd_tile *t, ptrdiff_t column, ptrdiff_t lanes,
                                   const float *products, ptrdiff_t step, const nt_epilogue *e) {
  const int side = m + 2;
  V half[NT_WINOGRAD_LARGEST][WINOGRAD_SIDE];
  ROLLED for (int j = 0; j < side; j++) {
    V x[WINOGRAD_SIDE], transformed[NT_WINOGRAD_LARGEST];
    UNROLL for (int i = 0; i < side; i++) x[i] = load(products + (i * side + j) * step);
    winograd_backward(m, x, transformed);
    UNROLL for (int i = 0; i < m; i++) half[i][j] = transformed[i];
  }
  const V lower = set1(e->lower), upper = set1(e->upper);
  V bias = set1(0);
  if (e->bias) {
    const float *from = e->bias + e->first_column + column;
    bias = lanes < W ? load_part(from, lanes) : load(from);
  }
  // Read once: for all that the compiler knows, a result may be stored where these are told.
  const ptrdiff_t bottom = t->bottom, right = t->right, x_stride = t->x_stride, y_stride = t->y_stride;
  const ptrdiff_t residual_stride = e->residual_stride, residual_step = t->width * residual_stride;
  const float *residual =
      e->residual ? e->residual + (e->first_row + t->row) * residual_stride + e->first_column + column : 0;
  float *to = t->output + column;
  for (ptrdiff_t i = 0; i < bottom; i++, to += y_stride) {
    V result[NT_WINOGRAD_LARGEST];
    winograd_backward(m, half[i], result);
    UNROLL for (int j = 0; j < m; j++) {
      if (j >= right) break;
      V y = result[j] + bias;
      if (residual) {
        const float *from = residual + i * residual_step + j * residual_stride;
        y += lanes < W ? load_part(from, lanes) : load(from);
      }
      y = at_most(at_least(y, lower), upper);
      if (lanes < W) store_part(to + j * x_stride, y, lanes);
      else store(to + j * x_stride, y);
    }
  }
}

INLINE void winograd_output_tile(const int m, const nt_winograd_tile *t, ptrdiff_t columns,
                                 const float *products, ptrdiff_t step, const nt_epilogue *e) {
  for (ptrdiff_t c = 0; c < columns; c += W) {
    const ptrdiff_t lanes = columns - c < W ? columns - c : W;
    winograd_output_vector(m, t, c, lanes, products + c, step, e);
  }
  if (e->step_count == 0) return;
  for (ptrdiff_t i = 0; i < t->bottom; i++)
    steps(e, t->output + i * t->y_stride, t->x_stride, t->row + i * t->width, t->right, 0, columns);
}

static void winograd_input(int32_t m, const nt_winograd_tile *t, ptrdiff_t channels, float *v, ptrdiff_t step) {
  switch (m) {
    case 2: winograd_input_tile(2, t, channels, v, step); break;
    case 3: winograd_input_tile(3, t, channels, v, step); break;
    case 4: winograd_input_tile(4, t, channels, v, step); break;
    case 5: winograd_input_tile(5, t, channels, v, step); break;
    default: winograd_input_tile(6, t, channels, v, step);
  }
}

static void winograd_output(int32_t m, const nt_winograd_tile *t, ptrdiff_t columns, const float *products,
                            ptrdiff_t step, const nt_epilogue *e) {
  switch (m) {
    case 2: winograd_output_tile(2, t, columns, products, step, e); break;
    case 3: winograd_output_tile(3, t, columns, products, step, e); break;
    case 4: winograd_output_tile(4, t, columns, products, step, e); break;
    case 5: winograd_output_tile(5, t, columns, products, step, e); break;
    default: winograd_output_tile(6, t, columns, products, step, e);
  }
}
