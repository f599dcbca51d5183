// Depthwise convolution of one NHWC image. A tile is DW_ROWS × DW_COLUMNS pixels of one vector of channels;
// each input vector is loaded once for all the outputs that use it. Every sum starts with its bias and adds
// the taps in the order (ky, kx). Weights are packed in blocks of 16 channels: [block][tap][16].

typedef struct {
  const float *input;      // window of output (0, 0) of the tile, at this vector's channels
  ptrdiff_t in_x, in_y;
  ptrdiff_t top, in_height;  // input row of the window; rows outside the image are skipped
  ptrdiff_t left, in_width;
  const float *weights;
  const float *bias;       // or NULL
  float *output;
  ptrdiff_t out_x, out_y;
  ptrdiff_t columns;         // valid columns of the tile
  ptrdiff_t lanes;           // valid channels of the vector
  V lower, upper;
} depthwise_tile;

// What of a tile may be missing: nothing, columns at the border of the image, or channels as well.
enum { DW_WHOLE, DW_BORDER, DW_PARTIAL };

INLINE void depthwise_pixels(const int kernel, const int stride, const int rows, const int columns,
                             const int edge,
                             const depthwise_tile *t) {
  V acc[DW_ROWS][DW_COLUMNS];
  V start = set1(0);
  if (t->bias) start = edge == DW_PARTIAL ? load_part(t->bias, t->lanes) : load(t->bias);
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) acc[r][c] = start;
  UNROLL for (int y = 0; y < (rows - 1) * stride + kernel; y++) {
    if (t->top + y < 0 || t->top + y >= t->in_height) continue;
    V w[DW_ROWS][5];
    UNROLL for (int r = 0; r < rows; r++) {
      const int ky = y - r * stride;
      if (ky >= 0 && ky < kernel) UNROLL for (int kx = 0; kx < kernel; kx++)
        w[r][kx] = load(t->weights + (ky * kernel + kx) * 16);
    }
    const float *line = t->input + y * t->in_y;
    UNROLL for (int x = 0; x < (columns - 1) * stride + kernel; x++) {
      V value;
      if (edge) {
        const int inside = t->left + x >= 0 && t->left + x < t->in_width;
        const float *from = line + x * t->in_x;
        value = !inside ? set1(0) : edge == DW_PARTIAL ? load_part(from, t->lanes) : load(from);
      } else {
        value = load(line + x * t->in_x);
      }
      UNROLL for (int r = 0; r < rows; r++) {
        const int ky = y - r * stride;
        if (ky >= 0 && ky < kernel)
          UNROLL for (int c = 0; c < columns; c++) {
            const int kx = x - c * stride;
            if (kx >= 0 && kx < kernel) acc[r][c] = fma_v(value, w[r][kx], acc[r][c]);
          }
      }
    }
  }
  const depthwise_tile u = *t; // read once: for all that the compiler knows, a result may be stored there
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int c = 0; c < columns; c++) {
    if (edge && c >= u.columns) continue;
    V x = at_most(at_least(acc[r][c], u.lower), u.upper);
    float *to = u.output + r * u.out_y + c * u.out_x;
    if (edge == DW_PARTIAL) store_part(to, x, u.lanes); else store(to, x);
  }
}

typedef void depthwise_function(const depthwise_tile *);
#define DEPTHWISE_TILE(NAME, K, S, ROWS, EDGE) \
  static void NAME(const depthwise_tile *t) { depthwise_pixels(K, S, ROWS, DW_COLUMNS, EDGE, t); }
#define DEPTHWISE(K, S) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_rows, K, S, DW_ROWS, DW_WHOLE) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_row, K, S, 1, DW_WHOLE) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_rows_border, K, S, DW_ROWS, DW_BORDER) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_row_border, K, S, 1, DW_BORDER) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_rows_partial, K, S, DW_ROWS, DW_PARTIAL) \
  DEPTHWISE_TILE(depthwise_##K##s##S##_row_partial, K, S, 1, DW_PARTIAL)
DEPTHWISE(3, 1) DEPTHWISE(3, 2) DEPTHWISE(5, 1) DEPTHWISE(5, 2)
#define DEPTHWISE_LINE(K, S) \
  {{depthwise_##K##s##S##_row, depthwise_##K##s##S##_row_border, depthwise_##K##s##S##_row_partial}, \
   {depthwise_##K##s##S##_rows, depthwise_##K##s##S##_rows_border, depthwise_##K##s##S##_rows_partial}}
// [kernel 3, 5][stride 1, 2][one row, DW_ROWS][what may be missing]
static depthwise_function *const depthwise_tiles[2][2][2][3] = {{DEPTHWISE_LINE(3, 1), DEPTHWISE_LINE(3, 2)},
                                                                {DEPTHWISE_LINE(5, 1), DEPTHWISE_LINE(5, 2)}};

// Any window, one pixel of one vector at a time.
static void depthwise_pixel(const nt_window *w, ptrdiff_t oy, ptrdiff_t ox, ptrdiff_t c, ptrdiff_t count) {
  const ptrdiff_t top = oy * w->stride_y - w->pad_top, left = ox * w->stride_x - w->pad_left;
  const float *weights = w->weights + c / 16 * 16 * w->kernel_height * w->kernel_width + c % 16;
  V acc = w->epilogue.bias ? load_part(w->epilogue.bias + c, count) : set1(0);
  for (ptrdiff_t ky = 0; ky < w->kernel_height; ky++) {
    const ptrdiff_t y = top + ky * w->dilation_y;
    if (y < 0 || y >= w->in_height) continue;
    for (ptrdiff_t kx = 0; kx < w->kernel_width; kx++) {
      const ptrdiff_t x = left + kx * w->dilation_x;
      if (x < 0 || x >= w->in_width) continue;
      acc = fma_v(load_part(w->input + y * w->in_y + x * w->in_x + c, count),
                  load(weights + (ky * w->kernel_width + kx) * 16), acc);
    }
  }
  acc = at_most(at_least(acc, set1(w->epilogue.lower)), set1(w->epilogue.upper));
  store_part(w->output + oy * w->out_y + ox * w->out_x + c, acc, count);
}

static void depthwise_any(const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  for (ptrdiff_t oy = out_row; oy < out_row_end; oy++) {
    for (ptrdiff_t ox = 0; ox < w->out_width; ox++) {
      for (ptrdiff_t c = 0; c < w->channels; c += W)
        depthwise_pixel(w, oy, ox, c, w->channels - c < W ? w->channels - c : W);
    }
    if (w->epilogue.step_count > 0)
      steps(&w->epilogue, w->output + oy * w->out_y, w->out_x, oy * w->out_width, w->out_width, 0,
            w->channels);
  }
}

static void depthwise(const nt_window *w, ptrdiff_t out_row, ptrdiff_t out_row_end) {
  const ptrdiff_t kernel = w->kernel_height, stride = w->stride_y;
  if (kernel != w->kernel_width || stride != w->stride_x || (kernel != 3 && kernel != 5) || stride > 2 ||
      w->dilation_y != 1 || w->dilation_x != 1) {
    depthwise_any(w, out_row, out_row_end);
    return;
  }
  depthwise_function *const(*tile)[3] = depthwise_tiles[kernel == 5][stride - 1];
  const ptrdiff_t x_tiles = (w->out_width + DW_COLUMNS - 1) / DW_COLUMNS;
  const ptrdiff_t width = w->out_width / x_tiles, wider = w->out_width % x_tiles;
  depthwise_tile t = {.in_x = w->in_x, .in_y = w->in_y, .in_height = w->in_height, .in_width = w->in_width,
                      .out_x = w->out_x, .out_y = w->out_y,
                      .lower = set1(w->epilogue.lower), .upper = set1(w->epilogue.upper)};
  for (ptrdiff_t oy = out_row; oy < out_row_end; oy += DW_ROWS) {
    const int tall = out_row_end - oy >= DW_ROWS;
    for (ptrdiff_t i = 0, ox = 0; i < x_tiles; i++, ox += t.columns) {
      t.columns = width + (i < wider);
      t.left = ox * stride - w->pad_left;
      const int inside = t.columns == DW_COLUMNS && t.left >= 0
        && t.left + (DW_COLUMNS - 1) * stride + kernel <= w->in_width;
      for (ptrdiff_t row = oy; row < oy + DW_ROWS && row < out_row_end; row += tall ? DW_ROWS : 1) {
        t.top = row * stride - w->pad_top;
        const float *window = w->input + t.top * w->in_y + t.left * w->in_x;
        for (ptrdiff_t c = 0; c < w->channels; c += W) {
          t.lanes = w->channels - c < W ? w->channels - c : W;
          t.input = window + c;
          t.weights = w->weights + c / 16 * 16 * kernel * kernel + c % 16;
          t.bias = w->epilogue.bias ? w->epilogue.bias + c : 0;
          t.output = w->output + row * w->out_y + ox * w->out_x + c;
          tile[tall][t.lanes < W ? DW_PARTIAL : inside ? DW_WHOLE : DW_BORDER](&t);
        }
      }
      if (w->epilogue.step_count > 0) {
        for (ptrdiff_t row = oy; row < oy + DW_ROWS && row < out_row_end; row++)
          steps(&w->epilogue, w->output + row * w->out_y + ox * w->out_x, w->out_x, row * w->out_width + ox,
                t.columns, 0, w->channels);
      }
    }
  }
}
