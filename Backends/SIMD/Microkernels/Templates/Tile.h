#pragma once
// What products of matrices do with a register tile: `rows` × a panel of `vectors` vectors and then, at AVX-512,
// `halves` half vectors. TILE_ROWS and PANEL_VECTORS describe the level.

#define PANEL_HALVES 3

#if defined(LEVEL_NEON)
#include "TileLanes.h"
#else
// acc += rows `p` × `length` rows of the panel, k upwards; where the panel goes on.
INLINE const float *multiply_add(const int rows, const int vectors, const int halves, const float *const *p,
                                 const float *b, ptrdiff_t length, V acc[TILE_ROWS][PANEL_VECTORS],
                                 H hacc[TILE_ROWS][PANEL_HALVES]) {
  ROLLED for (ptrdiff_t k = 0; k < length; k++) {
    V bv[PANEL_VECTORS];
    H bh[PANEL_HALVES];
    UNROLL for (int v = 0; v < vectors; v++) bv[v] = load(b + v * W);
    UNROLL for (int h = 0; h < halves; h++) bh[h] = load_half(b + vectors * W + h * 8);
    UNROLL for (int r = 0; r < rows; r++) {
      V x = set1(p[r][k]);
      UNROLL for (int v = 0; v < vectors; v++) acc[r][v] = fma_v(x, bv[v], acc[r][v]);
      H y = low_half(x);
      UNROLL for (int h = 0; h < halves; h++) hacc[r][h] = __builtin_elementwise_fma(y, bh[h], hacc[r][h]);
    }
    b += vectors * W + halves * 8;
  }
  return b;
}
#endif

// Of the lanes from `at` on, those below `valid`.
INLINE V load_valid(const float *p, ptrdiff_t at, ptrdiff_t valid) {
  return valid >= at + W ? load(p + at) : valid > at ? load_part(p + at, valid - at) : set1(0);
}
INLINE H load_half_valid(const float *p, ptrdiff_t at, ptrdiff_t valid) {
  return valid >= at + 8 ? load_half(p + at) : valid > at ? load_half_part(p + at, valid - at) : (H)(0.0f);
}
INLINE void store_valid(float *p, V v, ptrdiff_t at, ptrdiff_t valid) {
  if (valid >= at + W) store(p + at, v);
  else if (valid > at) store_part(p + at, v, valid - at);
}
INLINE void store_half_valid(float *p, H v, ptrdiff_t at, ptrdiff_t valid) {
  if (valid >= at + 8) store_half(p + at, v);
  else if (valid > at) store_half_part(p + at, v, valid - at);
}

// What finishes the rows of a tile: + residual, clamp. Read once: for all that the compiler knows, a result may be stored
// where this is told.
typedef struct {
  float *c;
  ptrdiff_t c_stride;
  const float *residual;
  ptrdiff_t residual_stride;
  int clamps;
  V lower, upper;
} tile_finish;

INLINE tile_finish finish_from(const nt_gemm *g, ptrdiff_t column) {
  const nt_epilogue *e = &g->epilogue;
  const float *residual =
      e->residual ? e->residual + e->first_row * e->residual_stride + e->first_column + column : 0;
  return (tile_finish){g->c + column, g->c_stride, residual, e->residual_stride,
                       e->lower > -INFINITY || e->upper < INFINITY, set1(e->lower), set1(e->upper)};
}

// A row of a tile, its bias added, is finished and stored. `valid` columns of the panel exist.
INLINE void finish_row(const int vectors, const int halves, const tile_finish *f, const V *acc, const H *hacc,
                       ptrdiff_t row, ptrdiff_t valid) {
  float *c = f->c + row * f->c_stride;
  const float *residual = f->residual ? f->residual + row * f->residual_stride : 0;
  UNROLL for (int v = 0; v < vectors; v++) {
    V x = acc[v];
    if (residual) x += load_valid(residual, v * W, valid);
    if (f->clamps) x = at_most(at_least(x, f->lower), f->upper);
    store_valid(c, x, v * W, valid);
  }
  UNROLL for (int h = 0; h < halves; h++) {
    const ptrdiff_t at = vectors * W + h * 8;
    const H lower = low_half(f->lower), upper = low_half(f->upper);
    H x = hacc[h];
    if (residual) x += load_half_valid(residual, at, valid);
    if (f->clamps) {
      x = lower > x ? lower : x;
      x = upper < x ? upper : x;
    }
    store_half_valid(c, x, at, valid);
  }
}
