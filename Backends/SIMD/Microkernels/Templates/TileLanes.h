#pragma once
// acc += rows `p` × `length` rows of the panel, k upwards, at a level that multiplies by one lane of a register: four k
// of a row are loaded at once, and no broadcast takes the place of a multiplication.

#define MULTIPLY_ADD_LANE(J)                                                                        \
  UNROLL for (int v = 0; v < vectors; v++) {                                                         \
    const V bv = load(b + v * W);                                                                    \
    UNROLL for (int r = 0; r < rows; r++)                                                            \
      acc[r][v] = fma_v(__builtin_shufflevector(a[r], a[r], J, J, J, J), bv, acc[r][v]);             \
  }                                                                                                  \
  b += vectors * W;

INLINE const float *multiply_add(const int rows, const int vectors, const int halves, const float *const *p,
                                 const float *b, ptrdiff_t length, V acc[TILE_ROWS][PANEL_VECTORS],
                                 H hacc[TILE_ROWS][PANEL_HALVES]) {
  ptrdiff_t k = 0;
  ROLLED for (; k + 4 <= length; k += 4) {
    V a[TILE_ROWS];
    UNROLL for (int r = 0; r < rows; r++) a[r] = load(p[r] + k);
    MULTIPLY_ADD_LANE(0)
    MULTIPLY_ADD_LANE(1)
    MULTIPLY_ADD_LANE(2)
    MULTIPLY_ADD_LANE(3)
  }
  ROLLED for (; k < length; k++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      const V bv = load(b + v * W);
      UNROLL for (int r = 0; r < rows; r++) acc[r][v] = fma_v(set1(p[r][k]), bv, acc[r][v]);
    }
    b += vectors * W;
  }
  return b;
}
