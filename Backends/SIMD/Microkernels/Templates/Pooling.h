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

// `side` is that of a square window that lies in the image without gaps, or 0: any window.
INLINE void pool_vectors(const int average, const int side, const int vectors, const pool_pixel *p, ptrdiff_t c) {
  const ptrdiff_t tap_y = side ? p->w->in_y : p->w->dilation_y * p->w->in_y;
  const ptrdiff_t tap_x = side ? p->w->in_x : p->w->dilation_x * p->w->in_x;
  const ptrdiff_t ky0 = side ? 0 : p->ky0, ky1 = side ? side : p->ky1;
  const ptrdiff_t kx0 = side ? 0 : p->kx0, kx1 = side ? side : p->kx1;
  V greatest[4], sums[4];
  UNROLL for (int v = 0; v < vectors; v++) {
    greatest[v] = set1(-INFINITY);
    sums[v] = set1(0);
  }
  for (ptrdiff_t ky = ky0; ky < ky1; ky++)
    for (ptrdiff_t kx = kx0; kx < kx1; kx++) {
      const float *from = p->from + ky * tap_y + kx * tap_x + c;
      UNROLL for (int v = 0; v < vectors; v++) {
        V x = load(from + v * W);
        sums[v] += x;
        if (!average) greatest[v] = at_least(greatest[v], x);
      }
    }
  if (average) {
    UNROLL for (int v = 0; v < vectors; v++) greatest[v] = sums[v] / p->count;
  } else {
    // at_least drops a NaN on its right; every NaN makes the sum one.
    V sum = sums[0];
    UNROLL for (int v = 1; v < vectors; v++) sum += sums[v];
    if (any_nan(sum))
      UNROLL for (int v = 0; v < vectors; v++)
        greatest[v] = window_max(p->w, p->from + c + v * W, p->ky0, p->ky1, p->kx0, p->kx1);
  }
  UNROLL for (int v = 0; v < vectors; v++)
    store(p->to + c + v * W, at_most(at_least(greatest[v], p->lower), p->upper));
}

INLINE ptrdiff_t pool_channels(const int average, const int side, const pool_pixel *p) {
  const ptrdiff_t channels = p->w->channels;
  ptrdiff_t c = 0;
  for (; c + 4 * W <= channels; c += 4 * W) pool_vectors(average, side, 4, p, c);
  if (c + 2 * W <= channels) { pool_vectors(average, side, 2, p, c); c += 2 * W; }
  if (c + W <= channels) { pool_vectors(average, side, 1, p, c); c += W; }
  return c;
}

// The greatest of a column of taps; returns NaN where any of them is.
INLINE V pool_column(const int side, const int vectors, const float *from, ptrdiff_t in_y, V *greatest) {
  V sums[4];
  UNROLL for (int v = 0; v < vectors; v++) greatest[v] = sums[v] = load(from + v * W);
  UNROLL for (int k = 1; k < side; k++)
    UNROLL for (int v = 0; v < vectors; v++) {
      const V x = load(from + k * in_y + v * W);
      sums[v] += x;
      greatest[v] = at_least(greatest[v], x);
    }
  UNROLL for (int v = 1; v < vectors; v++) sums[0] += sums[v];
  return sums[0];
}

// Maxima of `count` pixels in a row from `first` on, whose square windows lie in the image without gaps: columns that
// a window shares with the one before it are not looked at again.
INLINE void pool_run_vectors(const int side, const int stride, const int vectors, const pool_pixel *first,
                             ptrdiff_t count, ptrdiff_t c) {
  const int shared = side - stride;
  const nt_window *w = first->w;
  const ptrdiff_t in_x = w->in_x, in_y = w->in_y, out_x = w->out_x;
  const V lower = first->lower, upper = first->upper;
  const float *from = first->from + c;
  float *to = first->to + c;
  V greatest[3][4], sums[3];
  UNROLL for (int j = 0; j < shared; j++)
    sums[j] = pool_column(side, vectors, from + j * in_x, in_y, greatest[j]);
  for (ptrdiff_t i = 0; i < count; i++, from += stride * in_x, to += out_x) {
    UNROLL for (int j = shared; j < side; j++)
      sums[j] = pool_column(side, vectors, from + j * in_x, in_y, greatest[j]);
    V all[4], sum = sums[0];
    UNROLL for (int j = 1; j < side; j++) sum += sums[j];
    UNROLL for (int v = 0; v < vectors; v++) {
      all[v] = greatest[0][v];
      UNROLL for (int j = 1; j < side; j++) all[v] = at_least(all[v], greatest[j][v]);
    }
    if (any_nan(sum))
      UNROLL for (int v = 0; v < vectors; v++) all[v] = window_max(w, from + v * W, 0, side, 0, side);
    UNROLL for (int v = 0; v < vectors; v++) store(to + v * W, at_most(at_least(all[v], lower), upper));
    UNROLL for (int j = 0; j < shared; j++) {
      sums[j] = sums[j + stride];
      UNROLL for (int v = 0; v < vectors; v++) greatest[j][v] = greatest[j + stride][v];
    }
  }
}

INLINE void pool_run(const int side, const int stride, const pool_pixel *first, ptrdiff_t count) {
  const ptrdiff_t channels = first->w->channels;
  ptrdiff_t c = 0;
  for (; c + 4 * W <= channels; c += 4 * W) pool_run_vectors(side, stride, 4, first, count, c);
  for (; c + W <= channels; c += W) pool_run_vectors(side, stride, 1, first, count, c);
}

// The taps of a window of `kernel` taps that begins at `first` and fall on 0 ..< size: [*k0, *k1).
INLINE void pool_taps(ptrdiff_t first, ptrdiff_t dilation, ptrdiff_t kernel, ptrdiff_t size, ptrdiff_t *k0,
                      ptrdiff_t *k1) {
  ptrdiff_t from = 0, to = kernel;
  if (first < 0) from = (dilation - 1 - first) / dilation;
  if (first + (kernel - 1) * dilation >= size) to = (dilation - 1 + size - first) / dilation;
  *k0 = from < kernel ? from : kernel;
  *k1 = to > *k0 ? to : *k0;
}

// The pixels of a row whose windows lie in the image from left to right: [*first, *end).
INLINE void pool_inside(const nt_window *w, ptrdiff_t *first, ptrdiff_t *end) {
  const ptrdiff_t stride = w->stride_x, room = w->in_width + w->pad_left - w->kernel_width;
  const ptrdiff_t begin = w->pad_left > 0 ? (w->pad_left + stride - 1) / stride : 0;
  const ptrdiff_t last = room < 0 ? 0 : room / stride + 1;
  *first = begin < w->out_width ? begin : w->out_width;
  *end = last < *first ? *first : last < w->out_width ? last : w->out_width;
}

INLINE void pool(const int average, const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  const V lower = set1(w->epilogue.lower), upper = set1(w->epilogue.upper);
  const int isSquare = w->kernel_height == w->kernel_width && w->dilation_y == 1 && w->dilation_x == 1;
  const ptrdiff_t size = w->kernel_width, overlap = size - w->stride_x, whole = w->channels / W * W;
  const int runs = !average && isSquare && (size == 2 || size == 3) && overlap > 0;
  for (ptrdiff_t oy = out_row; oy < out_row_end; oy++) {
    const ptrdiff_t top = oy * w->stride_y - w->pad_top;
    ptrdiff_t ky0, ky1, kx0, kx1, run = 0, run_end = 0;
    pool_taps(top, w->dilation_y, w->kernel_height, w->in_height, &ky0, &ky1);
    if (runs && ky1 - ky0 == size) pool_inside(w, &run, &run_end);
    if (run_end > run) {
      const ptrdiff_t left = run * w->stride_x - w->pad_left;
      const pool_pixel first = {.w = w, .from = w->input + top * w->in_y + left * w->in_x,
                                .to = w->output + oy * w->out_y + run * w->out_x, .lower = lower, .upper = upper};
      if (size == 2) pool_run(2, 1, &first, run_end - run);
      else if (overlap == 2) pool_run(3, 1, &first, run_end - run);
      else pool_run(3, 2, &first, run_end - run);
    }
    for (ptrdiff_t ox = 0; ox < w->out_width; ox++) {
      const int isDone = ox >= run && ox < run_end;
      if (isDone && whole == w->channels && w->epilogue.step_count == 0) {
        ox = run_end - 1;
        continue;
      }
      const ptrdiff_t left = ox * w->stride_x - w->pad_left;
      pool_taps(left, w->dilation_x, w->kernel_width, w->in_width, &kx0, &kx1);
      ptrdiff_t divisor = (ky1 - ky0) * (kx1 - kx0);
      const ptrdiff_t side = isSquare && divisor == w->kernel_height * w->kernel_width ? w->kernel_height : 0;
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
      const pool_pixel pixel = {w, from, to, ky0, ky1, kx0, kx1, count, lower, upper};
      ptrdiff_t c = whole;
      if (!isDone) switch (side) {
        case 2: c = pool_channels(average, 2, &pixel); break;
        case 3: c = pool_channels(average, 3, &pixel); break;
        default: c = pool_channels(average, 0, &pixel);
      }
      if (c < w->channels) {
        const ptrdiff_t tap_y = w->dilation_y * w->in_y, tap_x = w->dilation_x * w->in_x;
        const ptrdiff_t lanes_left = w->channels - c;
        V a = set1(average ? 0.0f : -INFINITY);
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
