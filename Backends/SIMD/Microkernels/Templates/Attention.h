// The softmax of attention: rows of scores become weights that are not yet normalized.

// exp(x), x ≤ 0; 0 below −87, where a weight beside that of the greatest score does not count.
INLINE V weight_v(V x) {
#if defined(LEVEL_AVX512)
  exp_factors f = factors_of_exp(1, x);
  V y = f.power * f.p;
#else
  V y = exp_v(x);
#endif
  return x < -87.0f ? set1(0.0f) : y;
}

// The first n lanes, 0 < n ≤ W; the others are −∞.
INLINE V load_scores(const float *p, ptrdiff_t n) {
  if (n >= W) return load(p);
  VI lane;
  UNROLL for (int i = 0; i < W; i++) lane[i] = i;
  return lane < (VI)((int32_t)n) ? load_part(p, n) : set1(-INFINITY);
}
INLINE void store_scores(float *p, V v, ptrdiff_t n) {
  if (n >= W) store(p, v); else store_part(p, v, n);
}

// Scales, caps and masks the scores [begin, end) of a row, and returns the greatest of each lane.
static V bias_scores(const nt_attention_rows *a, float *s, ptrdiff_t row, ptrdiff_t begin, ptrdiff_t end) {
  const float *addends = a->addends ? a->addends + row * a->mask_stride : 0;
  const uint8_t *flags = a->flags ? a->flags + row * a->mask_stride : 0;
  V greatest = set1(-INFINITY);
  for (ptrdiff_t i = begin; i < end; i += W) {
    const ptrdiff_t count = end - i < W ? end - i : W;
    V x = load_scores(s + i, count) * a->scale;
    if (a->cap > 0) x = tanh_v(x / a->cap) * a->cap;
    if (addends) {
      V addend = load_scores(addends + i, count);
      x = addend == -INFINITY ? addend : x + addend;
    }
    if (flags) {
      VI set;
      for (int j = 0; j < W; j++) set[j] = j < count ? flags[i + j] : 0;
      x = set != 0 ? x : set1(-INFINITY);
    }
    store_scores(s + i, x, count);
    if (count < W) x = load_scores(s + i, count);
    greatest = x > greatest ? x : greatest;
  }
  return greatest;
}

// Halves first, as `lanes_sum`: short rows would wait for one lane after the other. A NaN may be lost; its own weight is
// NaN all the same.
INLINE float greatest_lane(V v) {
  float t[W];
  store(t, v);
  UNROLL for (int width = W / 2; width > 0; width /= 2) UNROLL for (int i = 0; i < width; i++)
    t[i] = t[i + width] > t[i] ? t[i + width] : t[i];
  return t[0];
}

static void attention_weights(const nt_attention_rows *a, ptrdiff_t rows) {
  const int isPlain = !a->addends && !a->flags && a->cap == 0 && a->scale > 0;
  const float unit = isPlain ? a->scale : 1.0f;
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *s = a->scores + row * a->stride;
    ptrdiff_t begin = a->begin + row * a->begin_step, end = a->end + row * a->end_step;
    begin = begin < a->first ? a->first : begin > a->last ? a->last : begin;
    end = end < begin ? begin : end > a->last ? a->last : end;
    V m = set1(-INFINITY);
    if (isPlain) {
      ptrdiff_t i = begin;
      for (; i + W <= end; i += W) {
        V x = load(s + i);
        m = x > m ? x : m;
      }
      if (i < end) {
        V x = load_scores(s + i, end - i);
        m = x > m ? x : m;
      }
    } else {
      m = bias_scores(a, s, row, begin, end);
    }
    const float greatest = greatest_lane(m);
    const V shift = set1(greatest == -INFINITY ? 0.0f : -greatest * unit), factor = set1(unit);
    V s0 = set1(0), s1 = s0;
    ptrdiff_t i = begin;
    for (; i + 2 * W <= end; i += 2 * W) {
      V x = weight_v(fma_v(load(s + i), factor, shift)), y = weight_v(fma_v(load(s + i + W), factor, shift));
      store(s + i, x);
      store(s + i + W, y);
      s0 += x;
      s1 += y;
    }
    for (; i < end; i += W) {
      V x = weight_v(fma_v(load_scores(s + i, end - i), factor, shift));
      store_scores(s + i, x, end - i);
      s0 += x;
    }
    for (ptrdiff_t j = a->first; j < begin; j++) s[j] = 0;
    for (ptrdiff_t j = end; j < a->last; j++) s[j] = 0;
    const float total = lanes_sum(s0 + s1);
    a->factors[row] = total == 0 ? 0 : 1.0f / total;
  }
}
