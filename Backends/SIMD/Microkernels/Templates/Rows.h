// Reductions and normalizations of rows, and transposition.

// Lanes are added pairwise, halves first.
INLINE float lanes_sum(V v) {
  float t[W];
  store(t, v);
  UNROLL for (int width = W / 2; width > 0; width /= 2) UNROLL for (int i = 0; i < width; i++)
    t[i] += t[i + width];
  return t[0];
}
INLINE float lanes_max(V v) {
  float t[W], m;
  store(t, v);
  m = t[0];
  for (int i = 1; i < W; i++) m = t[i] > m || t[i] != t[i] ? t[i] : m;
  return m;
}

static float sum(const float *x, ptrdiff_t n) {
  V s0 = set1(0), s1 = s0, s2 = s0, s3 = s0;
  ptrdiff_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W) {
    s0 += load(x + i);
    s1 += load(x + i + W);
    s2 += load(x + i + 2 * W);
    s3 += load(x + i + 3 * W);
  }
  for (; i + W <= n; i += W) s0 += load(x + i);
  if (i < n) s1 += load_part(x + i, n - i);
  return lanes_sum((s0 + s1) + (s2 + s3));
}

static float maximum(const float *x, ptrdiff_t n) {
  V m = set1(-INFINITY);
  ptrdiff_t i = 0;
  for (; i + W <= n; i += W) m = binary_v(NT_MAX, load(x + i), m);
  float best = lanes_max(m);
  for (; i < n; i++) best = x[i] > best || x[i] != x[i] ? x[i] : best;
  return best;
}

static void softmax(const float *x, float *y, ptrdiff_t rows, ptrdiff_t n, int32_t logarithm) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n, y += n) {
    const float greatest = maximum(x, n);
    const V m = set1(greatest);
    V s0 = set1(0), s1 = s0;
    ptrdiff_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      V a = exp_v(load(x + i) - m), b = exp_v(load(x + i + W) - m);
      s0 += a;
      s1 += b;
      if (!logarithm) { store(y + i, a); store(y + i + W, b); }
    }
    for (; i < n; i += W) {
      const ptrdiff_t count = n - i < W ? n - i : W;
      V a = exp_v(load_part(x + i, count) - m);
      float lanes_of_a[W] = {0};
      store_part(lanes_of_a, a, count); // lanes beyond the row do not count
      s0 += load(lanes_of_a);
      if (!logarithm) store_part(y + i, a, count);
    }
    const float total = lanes_sum(s0 + s1);
    if (logarithm) {
      const V shift = set1(greatest), back = log_v(set1(total));
      FOR_EACH_VECTOR(n, store(y + i, (load(x + i) - shift) - back);,
                      store_part(y + i, (load_part(x + i, rest) - shift) - back, rest);)
    } else {
      const V factor = set1(1.0f / total);
      FOR_EACH_VECTOR(n, store(y + i, load(y + i) * factor);,
                      store_part(y + i, load_part(y + i, rest) * factor, rest);)
    }
  }
}

static void column_sum(const float *x, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns, float scale,
                       float *y) {
  const V factor = set1(scale);
  ptrdiff_t c = 0;
  for (; c + 4 * W <= columns; c += 4 * W) {
    V s0 = set1(0), s1 = s0, s2 = s0, s3 = s0;
    const float *p = x + c;
    for (ptrdiff_t r = 0; r < rows; r++, p += stride) {
      s0 += load(p);
      s1 += load(p + W);
      s2 += load(p + 2 * W);
      s3 += load(p + 3 * W);
    }
    store(y + c, s0 * factor);
    store(y + c + W, s1 * factor);
    store(y + c + 2 * W, s2 * factor);
    store(y + c + 3 * W, s3 * factor);
  }
  for (; c < columns; c += W) {
    const ptrdiff_t count = columns - c < W ? columns - c : W;
    V s = set1(0);
    const float *p = x + c;
    for (ptrdiff_t r = 0; r < rows; r++, p += stride) s += load_part(p, count);
    store_part(y + c, s * factor, count);
  }
}

static void layer_norm(const float *x, float *y, ptrdiff_t rows, ptrdiff_t n, const float *scale,
                       const float *bias,
                       int32_t step, float epsilon) {
  for (ptrdiff_t r = 0; r < rows; r++, x += n, y += n) {
    const float mean = sum(x, n) / (float)n;
    const V m = set1(mean);
    V s0 = set1(0), s1 = s0;
    ptrdiff_t i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      V a = load(x + i) - m, b = load(x + i + W) - m;
      s0 = fma_v(a, a, s0);
      s1 = fma_v(b, b, s1);
    }
    float squares = 0;
    for (; i < n; i++) { const float d = x[i] - mean; squares += d * d; }
    squares += lanes_sum(s0 + s1);
    const V factor = set1(1.0f / sqrtf(squares / (float)n + epsilon));
    if (!step) {
      const V factors = factor * *scale, shift = set1(*bias);
      FOR_EACH_VECTOR(n, store(y + i, fma_v(load(x + i) - m, factors, shift));,
                      store_part(y + i, fma_v(load_part(x + i, rest) - m, factors, shift), rest);)
    } else if (bias) {
      FOR_EACH_VECTOR(n, store(y + i, fma_v((load(x + i) - m) * factor, load(scale + i), load(bias + i)));,
                      store_part(y + i, fma_v((load_part(x + i, rest) - m) * factor,
                                              load_part(scale + i, rest),
                                              load_part(bias + i, rest)), rest);)
    } else {
      FOR_EACH_VECTOR(n, store(y + i, (load(x + i) - m) * factor * load(scale + i));,
                      store_part(y + i, (load_part(x + i, rest) - m) * factor * load_part(scale + i, rest),
                                 rest);)
    }
  }
}

typedef float Q __attribute__((ext_vector_type(4)));
typedef struct { Q v; } __attribute__((packed, may_alias)) unaligned_q;

static void transpose(const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                      ptrdiff_t columns) {
  if (rows == 3 && y_stride == 3) { // pixels of three planes: the compiler interleaves
    const float *a = x, *b = x + x_stride, *c = x + 2 * x_stride;
    for (ptrdiff_t i = 0; i < columns; i++) { y[3 * i] = a[i]; y[3 * i + 1] = b[i]; y[3 * i + 2] = c[i]; }
    return;
  }
  ptrdiff_t r = 0;
#if defined(LEVEL_AVX512) || defined(LEVEL_AVX2)
  for (; r + 8 <= rows; r += 8) {
    ptrdiff_t c = 0;
    for (; c + 8 <= columns; c += 8) {
      H a[8], b[8];
      UNROLL for (int i = 0; i < 8; i++) a[i] = load_half(x + (r + i) * x_stride + c);
      UNROLL for (int i = 0; i < 8; i += 2) {
        b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
      }
      UNROLL for (int i = 0; i < 8; i += 4) {
        a[i] = __builtin_shufflevector(b[i], b[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        a[i + 2] = __builtin_shufflevector(b[i + 1], b[i + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        a[i + 3] = __builtin_shufflevector(b[i + 1], b[i + 3], 2, 3, 10, 11, 6, 7, 14, 15);
      }
      UNROLL for (int i = 0; i < 4; i++) {
        store_half(y + (c + i) * y_stride + r,
                   __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11));
        store_half(y + (c + i + 4) * y_stride + r,
                   __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15));
      }
    }
    for (; c < columns; c++) for (int i = 0; i < 8; i++) y[c * y_stride + r + i] = x[(r + i) * x_stride + c];
  }
#else
  for (; r + 4 <= rows; r += 4) {
    ptrdiff_t c = 0;
    for (; c + 4 <= columns; c += 4) {
      Q a[4], b[4];
      UNROLL for (int i = 0; i < 4; i++) a[i] = ((const unaligned_q *)(x + (r + i) * x_stride + c))->v;
      UNROLL for (int i = 0; i < 4; i += 2) {
        b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 4, 1, 5);
        b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 6, 3, 7);
      }
      UNROLL for (int i = 0; i < 2; i++) {
        ((unaligned_q *)(y + (c + 2 * i) * y_stride + r))->v =
            __builtin_shufflevector(b[i], b[i + 2], 0, 1, 4, 5);
        ((unaligned_q *)(y + (c + 2 * i + 1) * y_stride + r))->v =
            __builtin_shufflevector(b[i], b[i + 2], 2, 3, 6, 7);
      }
    }
    for (; c < columns; c++) for (int i = 0; i < 4; i++) y[c * y_stride + r + i] = x[(r + i) * x_stride + c];
  }
#endif
  for (; r < rows; r++) for (ptrdiff_t c = 0; c < columns; c++) y[c * y_stride + r] = x[r * x_stride + c];
}
