// Pooling of one NHWC image, channels innermost.

// The maximum of a window, NaN where it holds one.
static V window_max(const nt_window *w, const float *from, ptrdiff_t ky0, ptrdiff_t ky1, ptrdiff_t kx0,
                    ptrdiff_t kx1) {
  V a = set1(-INFINITY);
  for (ptrdiff_t ky = ky0; ky < ky1; ky++)
    for (ptrdiff_t kx = kx0; kx < kx1; kx++)
      a = binary_v(NT_MAX, load(from + ky * w->dilation_y * w->in_y + kx * w->dilation_x * w->in_x), a);
  return a;
}
INLINE int any_nan(V x) {
  VI unordered = x != x;
  return __builtin_reduce_or(unordered) != 0;
}

// One output pixel: its window, already cut to the image.
typedef struct {
  const nt_window *w;
  const float *from;
  float *to;
  ptrdiff_t ky0, ky1, kx0, kx1;
  V count, lower, upper;
} pool_pixel;

INLINE void pool_vectors(const int average, const int vectors, const pool_pixel *p, ptrdiff_t c) {
  const ptrdiff_t tap_y = p->w->dilation_y * p->w->in_y, tap_x = p->w->dilation_x * p->w->in_x;
  V greatest[4], sums[4];
  UNROLL for (int v = 0; v < vectors; v++) {
    greatest[v] = set1(-INFINITY);
    sums[v] = set1(0);
  }
  for (ptrdiff_t ky = p->ky0; ky < p->ky1; ky++)
    for (ptrdiff_t kx = p->kx0; kx < p->kx1; kx++) {
      const float *from = p->from + ky * tap_y + kx * tap_x + c;
      UNROLL for (int v = 0; v < vectors; v++) {
        V x = load(from + v * W);
        sums[v] += x;
        if (!average) greatest[v] = at_least(greatest[v], x);
      }
    }
  UNROLL for (int v = 0; v < vectors; v++) {
    V x = average ? sums[v] / p->count : greatest[v];
    // at_least drops a NaN on its right; every NaN makes the sum one.
    if (!average && any_nan(sums[v]))
      x = window_max(p->w, p->from + c + v * W, p->ky0, p->ky1, p->kx0, p->kx1);
    store(p->to + c + v * W, at_most(at_least(x, p->lower), p->upper));
  }
}

INLINE void pool(const int average, const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  const V lower = set1(w->epilogue.lower), upper = set1(w->epilogue.upper);
  for (ptrdiff_t oy = out_row; oy < out_row_end; oy++) {
    const ptrdiff_t top = oy * w->stride_y - w->pad_top;
    for (ptrdiff_t ox = 0; ox < w->out_width; ox++) {
      const ptrdiff_t left = ox * w->stride_x - w->pad_left;
      ptrdiff_t ky0 = 0, ky1 = w->kernel_height, kx0 = 0, kx1 = w->kernel_width;
      while (ky0 < ky1 && top + ky0 * w->dilation_y < 0) ky0++;
      while (ky1 > ky0 && top + (ky1 - 1) * w->dilation_y >= w->in_height) ky1--;
      while (kx0 < kx1 && left + kx0 * w->dilation_x < 0) kx0++;
      while (kx1 > kx0 && left + (kx1 - 1) * w->dilation_x >= w->in_width) kx1--;
      ptrdiff_t divisor = (ky1 - ky0) * (kx1 - kx0);
      if (average && w->count_padding) {
        ptrdiff_t rows = 0, columns = 0;
        for (ptrdiff_t k = 0; k < w->kernel_height; k++)
          rows += top + k * w->dilation_y < w->in_height + w->pad_bottom;
        for (ptrdiff_t k = 0; k < w->kernel_width; k++)
          columns += left + k * w->dilation_x < w->in_width + w->pad_right;
        divisor = rows * columns;
      }
      const V count = set1((float)(divisor > 0 ? divisor : 1));
      float *to = w->output + oy * w->out_y + ox * w->out_x;
      const float *from = w->input + top * w->in_y + left * w->in_x;
      const ptrdiff_t tap_y = w->dilation_y * w->in_y, tap_x = w->dilation_x * w->in_x;
      const V start = set1(average ? 0.0f : -INFINITY);
      const pool_pixel pixel = {w, from, to, ky0, ky1, kx0, kx1, count, lower, upper};
      ptrdiff_t c = 0;
      for (; c + 4 * W <= w->channels; c += 4 * W) pool_vectors(average, 4, &pixel, c);
      if (c + 2 * W <= w->channels) { pool_vectors(average, 2, &pixel, c); c += 2 * W; }
      if (c + W <= w->channels) { pool_vectors(average, 1, &pixel, c); c += W; }
      if (c < w->channels) {
        const ptrdiff_t lanes_left = w->channels - c;
        V a = start;
        for (ptrdiff_t ky = ky0; ky < ky1; ky++)
          for (ptrdiff_t kx = kx0; kx < kx1; kx++) {
            V x = load_part(from + ky * tap_y + kx * tap_x + c, lanes_left);
            a = average ? a + x : binary_v(NT_MAX, x, a);
          }
        if (average) a = a / count;
        store_part(to + c, at_most(at_least(a, lower), upper), lanes_left);
      }
      if (w->epilogue.step_count > 0)
        steps(&w->epilogue, to, w->out_x, oy * w->out_width + ox, 1, 0, w->channels);
    }
  }
}

static void max_pool(const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  pool(0, w, out_row, out_row_end);
}
static void average_pool(const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  pool(1, w, out_row, out_row_end);
}
