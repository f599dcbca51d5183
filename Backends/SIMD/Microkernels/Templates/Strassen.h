// One level of Strassen's product in Winograd's form, S. Winograd, "On multiplication of 2 × 2 matrices", 1971: rows in
// pairs, k and columns in halves, and seven products for eight.
//
// The seven run over one register tile one after the other, so that a sum of products is a product that goes on from the
// sum; of three sums a copy is kept in the first-level cache until another result begins with it.

#include "Tile.h"

// The left operands in the order of their products: A11, A12, S2, S3, A22, S1, S4, where of a pair's rows A11 A12 and
// A21 A22, S1 = A21 + A22, S2 = S1 − A11, S3 = A11 − A21, S4 = A12 − S2.
enum { STRASSEN_PRODUCTS = 7, STRASSEN_KEPT = 3 };
enum { TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT, BOTTOM_RIGHT, NOTHING };

// A product starts anew or goes on; a kept sum is added before it; the sum after it is kept, and is, with another kept
// sum, a quadrant of the result.
typedef struct { int8_t anew, before, keep, quadrant, with; } strassen_product;
static const strassen_product strassen_products[STRASSEN_PRODUCTS] = {
    {1, -1, 0, NOTHING, -1},      // U1 = A11 · B11
    {0, -1, -1, TOP_LEFT, -1},    // U1 + A12 · B21
    {1, 0, 1, NOTHING, -1},       // U2 = U1 + S2 · T2
    {0, -1, 2, NOTHING, -1},      // U3 = U2 + S3 · T3
    {0, -1, -1, BOTTOM_LEFT, -1}, // U3 + A22 · (B21 − T2)
    {1, -1, -1, BOTTOM_RIGHT, 2}, // S1 · T1, and U3 added
    {0, 1, -1, TOP_RIGHT, -1},    // S1 · T1 + U2 + S4 · B22
};

// A tile of pairs of rows and of pairs of columns, one in each half.
typedef struct {
  const float *a[STRASSEN_PRODUCTS][TILE_ROWS];
  const float *b;
  ptrdiff_t row[2][TILE_ROWS]; // top and bottom rows of the result; −1: there is none
  ptrdiff_t column[2];
} strassen_place;

INLINE void strassen_tile(const int rows, const int vectors, const int halves, const nt_strassen *s,
                          const strassen_place *at) {
  const nt_gemm *g = &s->product;
  const int width = vectors * W + halves * 8;
  const ptrdiff_t half = (g->segment_length + 1) / 2;
  const float *b = at->b;
  V acc[TILE_ROWS][PANEL_VECTORS], kept[STRASSEN_KEPT][TILE_ROWS][PANEL_VECTORS];
  H hacc[TILE_ROWS][PANEL_HALVES], half_kept[STRASSEN_KEPT][TILE_ROWS][PANEL_HALVES];
  ROLLED for (int i = 0; i < STRASSEN_PRODUCTS; i++) {
    const strassen_product p = strassen_products[i];
    if (p.anew)
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < vectors; v++) acc[r][v] = set1(0);
        UNROLL for (int h = 0; h < halves; h++) hacc[r][h] = (H)(0.0f);
      }
    if (p.before >= 0)
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < vectors; v++) acc[r][v] += kept[p.before][r][v];
        UNROLL for (int h = 0; h < halves; h++) hacc[r][h] += half_kept[p.before][r][h];
      }
    b = multiply_add(rows, vectors, halves, at->a[i], b, half, acc, hacc);
    if (p.keep >= 0)
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int v = 0; v < vectors; v++) kept[p.keep][r][v] = acc[r][v];
        UNROLL for (int h = 0; h < halves; h++) half_kept[p.keep][r][h] = hacc[r][h];
      }
    if (p.quadrant == NOTHING) continue;
    const ptrdiff_t *row = at->row[p.quadrant / 2], column = at->column[p.quadrant % 2];
    const ptrdiff_t valid = g->n - column < width ? g->n - column : width;
    V bias[PANEL_VECTORS];
    H half_bias[PANEL_HALVES];
    const float *from = g->epilogue.bias ? g->epilogue.bias + g->epilogue.first_column + column : 0;
    UNROLL for (int v = 0; v < vectors; v++) bias[v] = from ? load_valid(from, v * W, valid) : set1(0);
    UNROLL for (int h = 0; h < halves; h++)
      half_bias[h] = from ? load_half_valid(from, vectors * W + h * 8, valid) : (H)(0.0f);
    const tile_finish finish = finish_from(g, column);
    UNROLL for (int r = 0; r < rows; r++) {
      V x[PANEL_VECTORS];
      H y[PANEL_HALVES];
      UNROLL for (int v = 0; v < vectors; v++) x[v] = acc[r][v] + bias[v];
      UNROLL for (int h = 0; h < halves; h++) y[h] = hacc[r][h] + half_bias[h];
      if (p.with >= 0) {
        UNROLL for (int v = 0; v < vectors; v++) x[v] += kept[p.with][r][v];
        UNROLL for (int h = 0; h < halves; h++) y[h] += half_kept[p.with][r][h];
      }
      if (row[r] < 0) continue;
      if (valid == width) finish_row(vectors, halves, &finish, x, y, row[r], width);
      else finish_row(vectors, halves, &finish, x, y, row[r], valid);
    }
  }
}

typedef void strassen_function(const nt_strassen *s, const strassen_place *at);

#define STRASSEN_TILE(ROWS, VECTORS, HALVES) \
  static void strassen_tile_##ROWS##x##VECTORS##_##HALVES(const nt_strassen *s, const strassen_place *at) { \
    strassen_tile(ROWS, VECTORS, HALVES, s, at); \
  }
#if defined(LEVEL_AVX512)
#define STRASSEN_TILES(R) \
  STRASSEN_TILE(R, 0, 1) STRASSEN_TILE(R, 1, 0) STRASSEN_TILE(R, 0, 3) \
  STRASSEN_TILE(R, 2, 0) STRASSEN_TILE(R, 2, 1) STRASSEN_TILE(R, 3, 0)
#define STRASSEN_LINE(R) \
  {strassen_tile_##R##x0_1, strassen_tile_##R##x1_0, strassen_tile_##R##x0_3, \
   strassen_tile_##R##x2_0, strassen_tile_##R##x2_1, strassen_tile_##R##x3_0}
STRASSEN_TILES(1) STRASSEN_TILES(2) STRASSEN_TILES(3) STRASSEN_TILES(4)
STRASSEN_TILES(5) STRASSEN_TILES(6) STRASSEN_TILES(7) STRASSEN_TILES(8)
static strassen_function *const strassen_tiles[TILE_ROWS][PANEL_UNITS] = {
    STRASSEN_LINE(1), STRASSEN_LINE(2), STRASSEN_LINE(3), STRASSEN_LINE(4),
    STRASSEN_LINE(5), STRASSEN_LINE(6), STRASSEN_LINE(7), STRASSEN_LINE(8)};
#else
#if defined(LEVEL_AVX2)
#define STRASSEN_TILES(R) STRASSEN_TILE(R, 1, 0) STRASSEN_TILE(R, 2, 0)
#define STRASSEN_LINE(R) {strassen_tile_##R##x1_0, strassen_tile_##R##x2_0}
#elif defined(LEVEL_NEON)
#define STRASSEN_TILES(R) STRASSEN_TILE(R, 2, 0) STRASSEN_TILE(R, 4, 0)
#define STRASSEN_LINE(R) {strassen_tile_##R##x2_0, strassen_tile_##R##x4_0}
#else
#define STRASSEN_TILES(R) STRASSEN_TILE(R, 2, 0)
#define STRASSEN_LINE(R) {strassen_tile_##R##x2_0}
#endif
STRASSEN_TILES(1) STRASSEN_TILES(2) STRASSEN_TILES(3) STRASSEN_TILES(4) STRASSEN_TILES(5) STRASSEN_TILES(6)
static strassen_function *const strassen_tiles[TILE_ROWS][PANEL_UNITS] = {
    STRASSEN_LINE(1), STRASSEN_LINE(2), STRASSEN_LINE(3), STRASSEN_LINE(4), STRASSEN_LINE(5), STRASSEN_LINE(6)};
#endif

// Rows pair up within an image, so that an image's results depend on no other.
INLINE ptrdiff_t strassen_row(const nt_gemm *g, ptrdiff_t pair) {
  const ptrdiff_t pixels = g->width * g->height, pairs = (pixels + 1) / 2;
  return pair / pairs * pixels + pair % pairs * 2;
}
INLINE int strassen_has_bottom(const nt_gemm *g, ptrdiff_t row) {
  const ptrdiff_t pixels = g->width * g->height;
  return row % pixels + 1 < pixels;
}
INLINE const float *strassen_address(const nt_gemm *g, ptrdiff_t row) {
  const ptrdiff_t line = row / g->width;
  return g->a + row % g->width * g->a_x + line % g->height * g->a_y + line / g->height * g->a_image;
}
// Floats of one sum of a pair, whole vectors at any level.
INLINE ptrdiff_t strassen_step(ptrdiff_t k) { return ((k + 1) / 2 + 15) / 16 * 16; }

INLINE V strassen_load(const float *p, ptrdiff_t count) {
  return count >= W ? load(p) : count > 0 ? load_part(p, count) : set1(0);
}

// S1 … S4 of pairs; where k is odd, also A12 and A22 with the zero that they lack.
static void strassen_sums(const nt_strassen *s, ptrdiff_t pair, ptrdiff_t pair_end) {
  const nt_gemm *g = &s->product;
  const ptrdiff_t k = g->segment_length, half = (k + 1) / 2, step = strassen_step(k);
  for (; pair < pair_end; pair++) {
    const ptrdiff_t row = strassen_row(g, pair);
    const float *top = strassen_address(g, row);
    const float *bottom = strassen_has_bottom(g, row) ? strassen_address(g, row + 1) : 0;
    float *to = s->sums + (pair - s->first_pair) * s->sums_stride;
    for (ptrdiff_t i = 0; i < half; i += W, to += W) {
      const ptrdiff_t left = half - i, right = k - half - i;
      const V a11 = strassen_load(top + i, left), a12 = strassen_load(top + half + i, right);
      const V a21 = bottom ? strassen_load(bottom + i, left) : set1(0);
      const V a22 = bottom ? strassen_load(bottom + half + i, right) : set1(0);
      const V s1 = a21 + a22, s2 = s1 - a11;
      store(to, s1);
      store(to + step, s2);
      store(to + 2 * step, a11 - a21);
      store(to + 3 * step, a12 - s2);
      if (k % 2) {
        store(to + 4 * step, a12);
        store(to + 5 * step, a22);
      }
    }
  }
}

// Pairs × panels of the left half of the columns, and the same panels of the right half.
static void strassen(const nt_strassen *s, ptrdiff_t pair, ptrdiff_t pair_end, ptrdiff_t panel,
                     ptrdiff_t panel_end) {
  const nt_gemm *g = &s->product;
  const ptrdiff_t k = g->segment_length, half = (k + 1) / 2, step = strassen_step(k);
  const ptrdiff_t columns = nt_strassen_columns(g->n);
  const ptrdiff_t pairs = pair_end - pair, blocks = (pairs + TILE_ROWS - 1) / TILE_ROWS;
  if (blocks == 0) return;
  const ptrdiff_t height = pairs / blocks, taller = pairs % blocks;
  for (ptrdiff_t i = panel; i < panel_end; i++) {
    strassen_place at;
    ptrdiff_t width;
    nt_strassen_panel(PANEL_UNITS, g->n, i, &at.column[0], &width);
    at.column[1] = at.column[0] + columns;
    at.b = g->b + at.column[0] * STRASSEN_PRODUCTS * half;
    ptrdiff_t p = pair;
    for (ptrdiff_t block = 0; block < blocks; block++) {
      const ptrdiff_t count = height + (block < taller);
      ptrdiff_t last = 0;
      for (ptrdiff_t j = 0; j < count; j++) {
        const ptrdiff_t row = strassen_row(g, p + j);
        const int has_bottom = strassen_has_bottom(g, row);
        const float *top = strassen_address(g, row);
        // The results of a bottom that does not exist are dropped.
        const float *bottom = has_bottom ? strassen_address(g, row + 1) : top;
        const float *sums = s->sums + (p + j - s->first_pair) * s->sums_stride;
        at.a[0][j] = top;
        at.a[1][j] = k % 2 ? sums + 4 * step : top + half;
        at.a[2][j] = sums + step;
        at.a[3][j] = sums + 2 * step;
        at.a[4][j] = k % 2 ? sums + 5 * step : bottom + half;
        at.a[5][j] = sums;
        at.a[6][j] = sums + 3 * step;
        at.row[0][j] = row;
        at.row[1][j] = has_bottom ? row + 1 : -1;
        last = row + has_bottom;
      }
      strassen_tiles[count - 1][width / 8 - 1](s, &at);
      if (g->epilogue.step_count > 0)
        for (int h = 0; h < 2; h++) {
          const ptrdiff_t left = g->n - at.column[h], first = at.row[0][0];
          if (left <= 0) continue;
          steps(&g->epilogue, g->c + first * g->c_stride + at.column[h], g->c_stride, first, last + 1 - first,
                at.column[h], left < width ? left : width);
        }
      p += count;
    }
  }
}
