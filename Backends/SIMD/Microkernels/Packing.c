#include "SIMDMicrokernels.h"

enum { unit = 8 };

// Weights mapped from a file lie at any address.
typedef struct { float value; } __attribute__((packed, may_alias)) unaligned_float;

// Columns count in units of 8. Panels are as wide as the tile, except that a rest of one or two units shares with the last full panel:
// a panel narrower than three units is bound by loads.
static void split(int32_t widest, int64_t units, int64_t *full, int64_t rest[2]) {
  *full = units / widest;
  rest[0] = units % widest;
  rest[1] = 0;
  if (widest >= 6 && *full > 0 && (rest[0] == 1 || rest[0] == 2)) {
    int64_t shared = widest + rest[0];
    *full -= 1;
    rest[0] = (shared + 1) / 2;
    rest[1] = shared / 2;
  }
}

int64_t nt_panel_count(int32_t widest, int64_t n) {
  int64_t full, rest[2];
  split(widest, (n + unit - 1) / unit, &full, rest);
  return full + (rest[0] > 0) + (rest[1] > 0);
}

void nt_panel(int32_t widest, int64_t n, int64_t index, int64_t *column, int64_t *width) {
  int64_t full, rest[2];
  split(widest, (n + unit - 1) / unit, &full, rest);
  if (index < full) {
    *column = index * widest * unit;
    *width = widest * unit;
  } else {
    *column = (full * widest + (index > full ? rest[0] : 0)) * unit;
    *width = rest[index - full] * unit;
  }
}

int64_t nt_packed_count(int64_t k, int64_t n) { return k * ((n + unit - 1) / unit * unit); }

void nt_pack(int32_t widest, const void *source, ptrdiff_t k_stride, ptrdiff_t n_stride, int64_t k_total, int64_t k0,
             int64_t count, int64_t n, float *packed) {
  const unaligned_float *b = source;
  int64_t panels = nt_panel_count(widest, n);
  for (int64_t i = 0; i < panels; i++) {
    int64_t column, width;
    nt_panel(widest, n, i, &column, &width);
    float *to = packed + column * k_total + k0 * width;
    int64_t valid = n - column < width ? n - column : width;
    for (int64_t k = 0; k < count; k++, to += width) {
      const unaligned_float *from = b + k * k_stride + column * n_stride;
      for (int64_t j = 0; j < valid; j++) to[j] = from[j * n_stride].value;
      for (int64_t j = valid; j < width; j++) to[j] = 0;
    }
  }
}
