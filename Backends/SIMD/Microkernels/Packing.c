#include <string.h>
#include "SIMDMicrokernels.h"
#include "WinogradPoints.h"

enum { unit = 8 };

// Weights mapped from a file lie at any address.
typedef struct { float value; } __attribute__((packed, may_alias)) unaligned_float;

enum { tallest_units = 6 };

static int32_t usual(int32_t widest) { return widest < tallest_units ? widest : tallest_units; }

// Columns count in units of 8. Panels are as wide as the tallest tile, except that a rest of one or two units shares
// with the last full panel: a panel narrower than three units is bound by loads. The two are one panel where that is
// the widest, or else halves.
static void split(int32_t widest, ptrdiff_t units, ptrdiff_t *full, ptrdiff_t rest[2]) {
  *full = units / usual(widest);
  rest[0] = units % usual(widest);
  rest[1] = 0;
  if (widest >= tallest_units && *full > 0 && (rest[0] == 1 || rest[0] == 2)) {
    const ptrdiff_t shared = tallest_units + rest[0];
    *full -= 1;
    rest[0] = shared == widest ? shared : (shared + 1) / 2;
    rest[1] = shared - rest[0];
  }
}

ptrdiff_t nt_panel_count(int32_t widest, ptrdiff_t n) {
  ptrdiff_t full, rest[2];
  split(widest, (n + unit - 1) / unit, &full, rest);
  return full + (rest[0] > 0) + (rest[1] > 0);
}

void nt_panel(int32_t widest, ptrdiff_t n, ptrdiff_t index, ptrdiff_t *column, ptrdiff_t *width) {
  ptrdiff_t full, rest[2];
  split(widest, (n + unit - 1) / unit, &full, rest);
  if (index < full) {
    *column = index * usual(widest) * unit;
    *width = usual(widest) * unit;
  } else {
    *column = (full * usual(widest) + (index > full ? rest[0] : 0)) * unit;
    *width = rest[index - full] * unit;
  }
}

ptrdiff_t nt_packed_count(ptrdiff_t k, ptrdiff_t n) { return k * ((n + unit - 1) / unit * unit); }

void nt_pack(int32_t widest, const void *source, ptrdiff_t k_stride, ptrdiff_t n_stride, ptrdiff_t k_total,
             ptrdiff_t k0, ptrdiff_t count, ptrdiff_t n, float *packed) {
  const unaligned_float *b = source;
  ptrdiff_t panels = nt_panel_count(widest, n);
  for (ptrdiff_t i = 0; i < panels; i++) {
    ptrdiff_t column, width;
    nt_panel(widest, n, i, &column, &width);
    float *to = packed + column * k_total + k0 * width;
    ptrdiff_t valid = n - column < width ? n - column : width;
    for (ptrdiff_t k = 0; k < count; k++, to += width) {
      const unaligned_float *from = b + k * k_stride + column * n_stride;
      if (n_stride == 1) memcpy(to, from, (size_t)valid * sizeof(float));
      else for (ptrdiff_t j = 0; j < valid; j++) to[j] = from[j * n_stride].value;
      for (ptrdiff_t j = valid; j < width; j++) to[j] = 0;
    }
  }
}

ptrdiff_t nt_strassen_columns(ptrdiff_t n) { return ((n + unit - 1) / unit + 1) / 2 * unit; }

ptrdiff_t nt_strassen_panel_count(int32_t widest, ptrdiff_t n) {
  return nt_panel_count(usual(widest), nt_strassen_columns(n));
}

void nt_strassen_panel(int32_t widest, ptrdiff_t n, ptrdiff_t index, ptrdiff_t *column, ptrdiff_t *width) {
  nt_panel(usual(widest), nt_strassen_columns(n), index, column, width);
}

ptrdiff_t nt_strassen_packed_count(ptrdiff_t k, ptrdiff_t n) {
  return 7 * ((k + 1) / 2) * nt_strassen_columns(n);
}

// An odd number of cache lines, so that pairs do not fall on the same sets of the cache.
ptrdiff_t nt_strassen_sums_count(ptrdiff_t k) {
  const ptrdiff_t lines = ((k + 1) / 2 + 15) / 16 * (k % 2 ? 6 : 4);
  return (lines + 1 - lines % 2) * 16;
}

void nt_strassen_pack(int32_t widest, const void *source, ptrdiff_t k_stride, ptrdiff_t n_stride, ptrdiff_t k,
                      ptrdiff_t n, float scale, float *packed) {
  const unaligned_float *b = source;
  const ptrdiff_t half = (k + 1) / 2, columns = nt_strassen_columns(n), panels = nt_strassen_panel_count(widest, n);
  for (ptrdiff_t i = 0; i < panels; i++) {
    ptrdiff_t column, width;
    nt_strassen_panel(widest, n, i, &column, &width);
    float *panel = packed + column * 7 * half;
    for (ptrdiff_t top = 0; top < half; top++) {
      float *to = panel + top * width;
      const ptrdiff_t bottom = half + top, step = half * width;
      for (ptrdiff_t j = 0; j < width; j++) {
        const ptrdiff_t left = column + j, right = columns + left;
        const double b11 = left < n ? scale * b[top * k_stride + left * n_stride].value : 0;
        const double b12 = right < n ? scale * b[top * k_stride + right * n_stride].value : 0;
        const double b21 = bottom < k && left < n ? scale * b[bottom * k_stride + left * n_stride].value : 0;
        const double b22 = bottom < k && right < n ? scale * b[bottom * k_stride + right * n_stride].value : 0;
        const double t1 = b12 - b11, t2 = b22 - t1;
        to[j] = (float)b11;
        to[step + j] = (float)b21;
        to[2 * step + j] = (float)t2;
        to[3 * step + j] = (float)(b22 - b12);
        to[4 * step + j] = (float)(b21 - t2);
        to[5 * step + j] = (float)t1;
        to[6 * step + j] = (float)b22;
      }
    }
  }
}

// G of F(m×m, 3×3): a row of 1, p, p² for each point p, over the product of its distances from the others.
static void winograd_weight_rows(int32_t m, double rows[NT_WINOGRAD_LARGEST + 2][3]) {
  const double *points = winograd_points[m - 2];
  for (int j = 0; j <= m; j++) {
    double distance = 1;
    for (int i = 0; i <= m; i++) if (i != j) distance *= points[j] - points[i];
    for (int k = 0; k < 3; k++) rows[j][k] = (k == 0 ? 1 : k == 1 ? points[j] : points[j] * points[j]) / distance;
  }
  for (int k = 0; k < 3; k++) rows[m + 1][k] = k == 2;
}

enum { widest_panel = 64 };

void nt_winograd_pack(int32_t m, int32_t widest, const void *source, ptrdiff_t k, ptrdiff_t n, float *packed) {
  const unaligned_float *weights = source;
  const ptrdiff_t side = m + 2, matrix = nt_packed_count(k, n);
  double g[NT_WINOGRAD_LARGEST + 2][3];
  winograd_weight_rows(m, g);
  const ptrdiff_t panels = nt_panel_count(widest, n);
  for (ptrdiff_t p = 0; p < panels; p++) {
    ptrdiff_t column, width;
    nt_panel(widest, n, p, &column, &width);
    const ptrdiff_t valid = n - column < width ? n - column : width;
    float *panel = packed + column * k;
    for (ptrdiff_t c = 0; c < k; c++) {
      double w[3][3][widest_panel] = {0}, half[NT_WINOGRAD_LARGEST + 2][3][widest_panel];
      for (ptrdiff_t o = 0; o < valid; o++) {
        const unaligned_float *from = weights + ((column + o) * k + c) * 9;
        for (int i = 0; i < 9; i++) w[i / 3][i % 3][o] = from[i].value;
      }
      for (ptrdiff_t i = 0; i < side; i++)
        for (int x = 0; x < 3; x++)
          for (ptrdiff_t o = 0; o < width; o++)
            half[i][x][o] = g[i][0] * w[0][x][o] + g[i][1] * w[1][x][o] + g[i][2] * w[2][x][o];
      for (ptrdiff_t i = 0; i < side; i++)
        for (ptrdiff_t j = 0; j < side; j++) {
          float *to = panel + (i * side + j) * matrix + c * width;
          for (ptrdiff_t o = 0; o < width; o++)
            to[o] = (float)(g[j][0] * half[i][0][o] + g[j][1] * half[i][1][o] + g[j][2] * half[i][2][o]);
        }
    }
  }
}
