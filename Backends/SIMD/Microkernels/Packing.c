#include <string.h>
#include "SIMDMicrokernels.h"

enum { unit = 8 };

// Weights mapped from a file lie at any address.
typedef struct { float value; } __attribute__((packed, may_alias)) unaligned_float;

// Columns count in units of 8. Panels are as wide as the tile, except that a rest of one or two units shares
// with the last full panel: a panel narrower than three units is bound by loads.
static void split(int32_t widest, ptrdiff_t units, ptrdiff_t *full, ptrdiff_t rest[2]) {
  *full = units / widest;
  rest[0] = units % widest;
  rest[1] = 0;
  if (widest >= 6 && *full > 0 && (rest[0] == 1 || rest[0] == 2)) {
    ptrdiff_t shared = widest + rest[0];
    *full -= 1;
    rest[0] = (shared + 1) / 2;
    rest[1] = shared / 2;
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
    *column = index * widest * unit;
    *width = widest * unit;
  } else {
    *column = (full * widest + (index > full ? rest[0] : 0)) * unit;
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
