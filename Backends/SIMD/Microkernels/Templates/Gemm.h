// Register tiles of rows × panel columns, and the loops over them.

#include "Tile.h"

// A unit of columns is several vectors where these have fewer lanes: then all of them may be partial, or empty.
#define FULL_VECTOR(v) (whole || (W >= 8 && (halves > 0 || (v) < vectors - 1)))
#define FULL_HALF(h) (whole || (h) < halves - 1)

// The last steps of k are done row by row, each row stored at once: all the stores of a tall tile in one heap would fill
// the processor's queues and keep the next tile's products out. 0: never.
#if defined(LEVEL_AVX512)
enum { TILE_TAIL = 3 };
#else
enum { TILE_TAIL = 0 };
#endif

// acc += `length` numbers of a row × the rows of the panel.
INLINE void multiply_row(const int length, const int vectors, const int halves, const float *a, const float *b,
                         V *acc, H *hacc) {
  UNROLL for (int k = 0; k < length; k++, b += vectors * W + halves * 8) {
    const V x = set1(a[k]);
    UNROLL for (int v = 0; v < vectors; v++) acc[v] = fma_v(x, load(b + v * W), acc[v]);
    UNROLL for (int h = 0; h < halves; h++)
      hacc[h] = __builtin_elementwise_fma(low_half(x), load_half(b + vectors * W + h * 8), hacc[h]);
  }
}

// One tile: `rows` row pointers of A against a K-major panel. Only its last vector may be partial: `valid` columns of
// the panel exist. Each sum starts with its bias and adds k upwards, in any tile.
INLINE void gemm_tile(const int rows, const int vectors, const int halves, const nt_gemm *g,
                      const float *const *a,
                      const float *b, ptrdiff_t row, ptrdiff_t column, ptrdiff_t valid) {
  V acc[TILE_ROWS][PANEL_VECTORS];
  H hacc[TILE_ROWS][PANEL_HALVES];
  const int width = vectors * W + halves * 8;
  const int whole = valid == width;
  const float *bias = g->epilogue.bias ? g->epilogue.bias + g->epilogue.first_column + column : 0;
  UNROLL for (int v = 0; v < vectors; v++) {
    V start = set1(0);
    if (bias) start = FULL_VECTOR(v) ? load(bias + v * W) : load_part(bias + v * W, valid - v * W);
    UNROLL for (int r = 0; r < rows; r++) acc[r][v] = start;
  }
  UNROLL for (int h = 0; h < halves; h++) {
    const ptrdiff_t at = vectors * W + h * 8;
    H start = (H)(0.0f);
    if (bias) start = FULL_HALF(h) ? load_half(bias + at) : load_half_part(bias + at, valid - at);
    UNROLL for (int r = 0; r < rows; r++) hacc[r][h] = start;
  }
  const ptrdiff_t length = g->segment_length;
  const int tail = whole && length >= TILE_TAIL && vectors + halves > 2 ? TILE_TAIL : 0;
  const float *p[TILE_ROWS];
  for (ptrdiff_t s = 0; s < g->segment_count; s++) {
    const ptrdiff_t offset = g->offsets[s];
    UNROLL for (int r = 0; r < rows; r++) p[r] = a[r] + offset;
    b = multiply_add(rows, vectors, halves, p, b, s < g->segment_count - 1 ? length : length - tail, acc, hacc);
  }
  const tile_finish finish = finish_from(g, column);
  if (tail) {
    UNROLL for (int r = 0; r < rows; r++) {
      multiply_row(TILE_TAIL, vectors, halves, p[r] + length - TILE_TAIL, b, acc[r], hacc[r]);
      finish_row(vectors, halves, &finish, acc[r], hacc[r], row + r, width);
    }
  } else if (whole) {
    UNROLL for (int r = 0; r < rows; r++)
      finish_row(vectors, halves, &finish, acc[r], hacc[r], row + r, width);
  } else {
    UNROLL for (int r = 0; r < rows; r++)
      finish_row(vectors, halves, &finish, acc[r], hacc[r], row + r, valid);
  }
}

typedef void tile_function(const nt_gemm *g, const float *const *a, const float *b, ptrdiff_t row,
                           ptrdiff_t column, ptrdiff_t valid);

#define TILE(ROWS, VECTORS, HALVES) \
  static void gemm_tile_##ROWS##x##VECTORS##_##HALVES(const nt_gemm *g, const float *const *a, \
                                                      const float *b, ptrdiff_t row, ptrdiff_t column, \
                                                      ptrdiff_t valid) { \
    gemm_tile(ROWS, VECTORS, HALVES, g, a, b, row, column, valid); \
  }
// A panel of four vectors leaves registers for fewer rows.
#if defined(LEVEL_AVX512)
#define PANEL_ROWS(width) ((width) > 3 * W ? 6 : TILE_ROWS)
#define TILES(R) TILE(R, 0, 1) TILE(R, 1, 0) TILE(R, 0, 3) TILE(R, 2, 0) TILE(R, 2, 1) TILE(R, 3, 0)
#define TILE_LINE(R, WIDE) \
  {gemm_tile_##R##x0_1, gemm_tile_##R##x1_0, gemm_tile_##R##x0_3, \
   gemm_tile_##R##x2_0, gemm_tile_##R##x2_1, gemm_tile_##R##x3_0, 0, WIDE}
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) TILES(7) TILES(8)
TILE(1, 4, 0) TILE(2, 4, 0) TILE(3, 4, 0) TILE(4, 4, 0) TILE(5, 4, 0) TILE(6, 4, 0)
static tile_function *const tiles[TILE_ROWS][PANEL_UNITS] = {
    TILE_LINE(1, gemm_tile_1x4_0), TILE_LINE(2, gemm_tile_2x4_0), TILE_LINE(3, gemm_tile_3x4_0),
    TILE_LINE(4, gemm_tile_4x4_0), TILE_LINE(5, gemm_tile_5x4_0), TILE_LINE(6, gemm_tile_6x4_0),
    TILE_LINE(7, 0), TILE_LINE(8, 0)};
#else
#define PANEL_ROWS(width) TILE_ROWS
#if defined(LEVEL_NEON)
#define TILES(R) TILE(R, 2, 0) TILE(R, 4, 0)
#define TILE_LINE(R) {gemm_tile_##R##x2_0, gemm_tile_##R##x4_0}
#else
#define TILES(R) TILE(R, 1, 0) TILE(R, 2, 0)
#define TILE_LINE(R) {gemm_tile_##R##x1_0, gemm_tile_##R##x2_0}
#endif
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
static tile_function *const tiles[TILE_ROWS][2] = {TILE_LINE(1), TILE_LINE(2), TILE_LINE(3), TILE_LINE(4),
                                                  TILE_LINE(5), TILE_LINE(6)};
#endif

static void gemm(const nt_gemm *g, ptrdiff_t row, ptrdiff_t row_end, ptrdiff_t panel, ptrdiff_t panel_end) {
  const ptrdiff_t k = g->segment_count * g->segment_length;
  const ptrdiff_t rows = row_end - row;
  if (rows == 0) return;
  const ptrdiff_t x0 = row % g->width, y0 = row / g->width % g->height, image0 = row / g->width / g->height;
  for (ptrdiff_t i = panel; i < panel_end; i++) {
    ptrdiff_t column, width, x = x0, y = y0, r = row;
    nt_panel(PANEL_UNITS, g->n, i, &column, &width);
    const ptrdiff_t most = PANEL_ROWS(width), blocks = (rows + most - 1) / most;
    const ptrdiff_t height = rows / blocks, taller = rows % blocks; // the first `taller` blocks have a row more
    const ptrdiff_t valid = g->n - column < width ? g->n - column : width;
    const float *b = g->b + column * k;
    const float *line = g->a + image0 * g->a_image + y * g->a_y, *image = g->a + image0 * g->a_image;
    const float *pixel = line + x * g->a_x;
    for (ptrdiff_t block = 0; block < blocks; block++) {
      const ptrdiff_t count = height + (block < taller);
      const float *a[TILE_ROWS];
      if (count < g->width - x) {
        UNROLL for (ptrdiff_t j = 0; j < TILE_ROWS; j++) a[j] = pixel + j * g->a_x;
        pixel += count * g->a_x;
        x += count;
      } else {
        for (ptrdiff_t j = 0; j < count; j++) {
          a[j] = pixel;
          pixel += g->a_x;
          if (++x == g->width) {
            x = 0;
            line += g->a_y;
            if (++y == g->height) { y = 0; image += g->a_image; line = image; }
            pixel = line;
          }
        }
      }
      tiles[count - 1][width / 8 - 1](g, a, b, r, column, valid);
      if (g->epilogue.step_count > 0)
        steps(&g->epilogue, g->c + r * g->c_stride + column, g->c_stride, r, count, column, valid);
      r += count;
    }
  }
}

// One row against one panel, every fourth k to a sum of its own; then the bias.
INLINE void gemv_panel(const int vectors, const int halves, const float *x, const float *b, ptrdiff_t k,
                       ptrdiff_t k_end, const float *bias, float *y, ptrdiff_t valid) {
  V acc[4][PANEL_VECTORS];
  H hacc[4][PANEL_HALVES];
  const int whole = valid == vectors * W + halves * 8;
  UNROLL for (int p = 0; p < 4; p++) {
    UNROLL for (int v = 0; v < vectors; v++) acc[p][v] = set1(0);
    UNROLL for (int h = 0; h < halves; h++) hacc[p][h] = (H)(0.0f);
  }
  const int step = vectors * W + halves * 8;
  for (; k + 4 <= k_end; k += 4, b += 4 * step)
    UNROLL for (int p = 0; p < 4; p++) {
      const V s = set1(x[k + p]);
      UNROLL for (int v = 0; v < vectors; v++) acc[p][v] = fma_v(s, load(b + p * step + v * W), acc[p][v]);
      UNROLL for (int h = 0; h < halves; h++)
        hacc[p][h] = __builtin_elementwise_fma(low_half(s), load_half(b + p * step + vectors * W + h * 8),
                                               hacc[p][h]);
    }
  for (; k < k_end; k++, b += step) {
    const V s = set1(x[k]);
    UNROLL for (int v = 0; v < vectors; v++) acc[0][v] = fma_v(s, load(b + v * W), acc[0][v]);
    UNROLL for (int h = 0; h < halves; h++)
      hacc[0][h] = __builtin_elementwise_fma(low_half(s), load_half(b + vectors * W + h * 8), hacc[0][h]);
  }
  UNROLL for (int v = 0; v < vectors; v++) {
    V t = (acc[0][v] + acc[1][v]) + (acc[2][v] + acc[3][v]);
    if (bias) t += FULL_VECTOR(v) ? load(bias + v * W) : load_part(bias + v * W, valid - v * W);
    if (FULL_VECTOR(v)) store(y + v * W, t); else store_part(y + v * W, t, valid - v * W);
  }
  UNROLL for (int h = 0; h < halves; h++) {
    const ptrdiff_t at = vectors * W + h * 8;
    H t = (hacc[0][h] + hacc[1][h]) + (hacc[2][h] + hacc[3][h]);
    if (bias) t += FULL_HALF(h) ? load_half(bias + at) : load_half_part(bias + at, valid - at);
    if (FULL_HALF(h)) store_half(y + at, t); else store_half_part(y + at, t, valid - at);
  }
}

static void gemv(const float *x, const float *b, ptrdiff_t k_total, ptrdiff_t k, ptrdiff_t k_end,
                 ptrdiff_t n, ptrdiff_t panel, ptrdiff_t panel_end, const float *bias, float *y) {
  for (ptrdiff_t i = panel; i < panel_end; i++) {
    ptrdiff_t column, width;
    nt_panel(PANEL_UNITS, n, i, &column, &width);
    const ptrdiff_t valid = n - column < width ? n - column : width;
    const float *from = b + column * k_total + k * width, *start = bias ? bias + column : 0;
    switch (width / 8) {
#if defined(LEVEL_AVX512)
    case 1: gemv_panel(0, 1, x, from, k, k_end, start, y + column, valid); break;
    case 2: gemv_panel(0, 2, x, from, k, k_end, start, y + column, valid); break;
    case 3: gemv_panel(0, 3, x, from, k, k_end, start, y + column, valid); break;
    case 4: gemv_panel(2, 0, x, from, k, k_end, start, y + column, valid); break;
    case 5: gemv_panel(2, 1, x, from, k, k_end, start, y + column, valid); break;
    case 6: gemv_panel(3, 0, x, from, k, k_end, start, y + column, valid); break;
    default: gemv_panel(4, 0, x, from, k, k_end, start, y + column, valid); break;
#elif defined(LEVEL_NEON)
    case 1: gemv_panel(2, 0, x, from, k, k_end, start, y + column, valid); break;
    default: gemv_panel(4, 0, x, from, k, k_end, start, y + column, valid); break;
#else
    case 1: gemv_panel(1, 0, x, from, k, k_end, start, y + column, valid); break;
    default: gemv_panel(2, 0, x, from, k, k_end, start, y + column, valid); break;
#endif
    }
  }
}
