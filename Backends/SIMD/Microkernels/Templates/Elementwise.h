// Elementwise functions over rows of a matrix, epilogue steps among them.

INLINE V affine_v(V x, V scale, V shift) {
#pragma clang fp contract(off)
  return x * scale + shift;
}

INLINE V unary_v(const int f, V x, V p0, V p1) {
  switch (f) {
  case NT_RELU: return at_least(x, set1(0.0f));
  case NT_SIGMOID: return sigmoid_v(x);
  case NT_TANH: return tanh_v(x);
  case NT_EXP: return exp_v(x);
  case NT_LOG: return log_v(x);
  case NT_SQRT: return __builtin_elementwise_sqrt(x);
  case NT_ERF: return erf_v(x);
  case NT_GELU: return gelu_v(x);
  case NT_GELU_TANH: return gelu_tanh_v(x);
  case NT_SILU: return silu_v(x);
  case NT_HARD_SWISH: return x * at_most(at_least(x * (1.0f / 6.0f) + 0.5f, set1(0.0f)), set1(1.0f));
  case NT_ABS: return abs_v(x);
  case NT_NEG: return -x;
  case NT_RECIPROCAL: return 1.0f / x;
  case NT_FLOOR: return __builtin_elementwise_floor(x);
  case NT_CEIL: return __builtin_elementwise_ceil(x);
  case NT_ROUND: return __builtin_elementwise_roundeven(x);
  case NT_SIGN: return sign_v(x);
  case NT_SOFTPLUS: return softplus_v(x);
  case NT_SOFTSIGN: return x / (abs_v(x) + 1.0f);
  case NT_MISH: return mish_v(x);
  case NT_LEAKY_RELU: return x < 0.0f ? x * p0 : x;
  case NT_ELU: return elu_v(x, p0);
  case NT_SELU: return elu_v(x, p0) * p1;
  case NT_CELU: return x > 0.0f ? x : p0 * expm1_v(at_most(x / p0, set1(0.0f)));
  case NT_HARD_SIGMOID: return at_most(at_least(fma_v(x, p0, p1), set1(0.0f)), set1(1.0f));
  case NT_THRESHOLDED_RELU: return x > p0 ? x : (x != x ? x : set1(0.0f));
  case NT_CLAMP: return at_most(at_least(x, p0), p1);
  default: return affine_v(x, p0, p1);
  }
}

INLINE V binary_v(const int f, V a, V b) {
  switch (f) {
  case NT_ADD: return a + b;
  case NT_SUB: return a - b;
  case NT_MUL: return a * b;
  case NT_DIV: return a / b;
  case NT_MAX: return a > b ? a : (a != a ? a : b);
  case NT_MIN: return a < b ? a : (a != a ? a : b);
  default: return a < 0.0f ? a * b : a; // PRelu
  }
}

typedef struct { const float *p; ptrdiff_t row; int32_t step; } rows_in;

#define FOR_EACH_VECTOR(N, WHOLE, PART)                  \
  {                                                      \
    ptrdiff_t i = 0;                                       \
    ROLLED for (; i + W <= (N); i += W) { WHOLE }        \
    if (i < (N)) { const ptrdiff_t rest = (N)-i; PART }    \
  }

INLINE void unary_rows(const int f, float s0, float s1, const float *x, ptrdiff_t x_stride, float *y,
                       ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t n) {
  const V p0 = set1(s0), p1 = set1(s1);
  for (ptrdiff_t r = 0; r < rows; r++, x += x_stride, y += y_stride)
    FOR_EACH_VECTOR(n, store(y + i, unary_v(f, load(x + i), p0, p1));,
                    store_part(y + i, unary_v(f, load_part(x + i, rest), p0, p1), rest);)
}

INLINE void binary_rows(const int f, rows_in a, rows_in b, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                        ptrdiff_t n) {
  for (ptrdiff_t r = 0; r < rows; r++, a.p += a.row, b.p += b.row, y += y_stride) {
    if (a.step && b.step) {
      FOR_EACH_VECTOR(n, store(y + i, binary_v(f, load(a.p + i), load(b.p + i)));,
                      store_part(y + i, binary_v(f, load_part(a.p + i, rest), load_part(b.p + i, rest)),
                                 rest);)
    } else if (a.step) {
      const V s = set1(*b.p);
      FOR_EACH_VECTOR(n, store(y + i, binary_v(f, load(a.p + i), s));,
                      store_part(y + i, binary_v(f, load_part(a.p + i, rest), s), rest);)
    } else if (b.step) {
      const V s = set1(*a.p);
      FOR_EACH_VECTOR(n, store(y + i, binary_v(f, s, load(b.p + i)));,
                      store_part(y + i, binary_v(f, s, load_part(b.p + i, rest)), rest);)
    } else {
      const V s = binary_v(f, set1(*a.p), set1(*b.p));
      FOR_EACH_VECTOR(n, store(y + i, s);, store_part(y + i, s, rest);)
    }
  }
}

#define UNARY_CASE(F) case F: unary_rows(F, p0, p1, x, x_stride, y, y_stride, rows, n); return;
static void unary_any(int32_t function, float p0, float p1, const float *x, ptrdiff_t x_stride, float *y,
                      ptrdiff_t y_stride, ptrdiff_t rows, ptrdiff_t n) {
  switch (function) {
    UNARY_CASE(NT_RELU) UNARY_CASE(NT_SIGMOID) UNARY_CASE(NT_TANH) UNARY_CASE(NT_EXP) UNARY_CASE(NT_LOG)
    UNARY_CASE(NT_SQRT) UNARY_CASE(NT_ERF) UNARY_CASE(NT_GELU) UNARY_CASE(NT_GELU_TANH) UNARY_CASE(NT_SILU)
    UNARY_CASE(NT_HARD_SWISH)
    UNARY_CASE(NT_ABS) UNARY_CASE(NT_NEG) UNARY_CASE(NT_RECIPROCAL) UNARY_CASE(NT_FLOOR) UNARY_CASE(NT_CEIL)
    UNARY_CASE(NT_ROUND) UNARY_CASE(NT_SIGN) UNARY_CASE(NT_SOFTPLUS) UNARY_CASE(NT_SOFTSIGN)
    UNARY_CASE(NT_MISH)
    UNARY_CASE(NT_LEAKY_RELU) UNARY_CASE(NT_ELU) UNARY_CASE(NT_SELU) UNARY_CASE(NT_CELU)
    UNARY_CASE(NT_HARD_SIGMOID)
    UNARY_CASE(NT_THRESHOLDED_RELU) UNARY_CASE(NT_CLAMP) UNARY_CASE(NT_AFFINE)
  }
}
static void unary(int32_t function, float p0, float p1, const float *x, float *y, ptrdiff_t n) {
  unary_any(function, p0, p1, x, 0, y, 0, 1, n);
}

#define BINARY_CASE(F) case F: binary_rows(F, a, b, y, y_stride, rows, n); return;
static void binary_any(int32_t function, rows_in a, rows_in b, float *y, ptrdiff_t y_stride, ptrdiff_t rows,
                       ptrdiff_t n) {
  switch (function) {
    BINARY_CASE(NT_ADD) BINARY_CASE(NT_SUB) BINARY_CASE(NT_MUL) BINARY_CASE(NT_DIV) BINARY_CASE(NT_MAX)
    BINARY_CASE(NT_MIN)
    BINARY_CASE(NT_PRELU)
  }
}
static void binary(int32_t function, const float *a, int32_t a_step, const float *b, int32_t b_step,
                   float *y, ptrdiff_t n) {
  binary_any(function, (rows_in){a, 0, a_step}, (rows_in){b, 0, b_step}, y, 0, 1, n);
}

static void binary_over_rows(int32_t function, const float *a, ptrdiff_t a_row, int32_t a_step, const float *b,
                             ptrdiff_t b_row, int32_t b_step, float *y, ptrdiff_t y_row, ptrdiff_t rows,
                             ptrdiff_t n) {
  binary_any(function, (rows_in){a, a_row, a_step}, (rows_in){b, b_row, b_step}, y, y_row, rows, n);
}

static void step_binary(const nt_step *s, const float *operand, float *c, ptrdiff_t c_stride, ptrdiff_t rows,
                        ptrdiff_t columns) {
  rows_in own = {c, c_stride, 1}, other = {operand, s->row_stride, s->column_stride};
  binary_any(s->function, s->swapped ? other : own, s->swapped ? own : other, c, c_stride, rows, columns);
}

// Applies the steps of an epilogue to the rows × columns at c, which stand at (row, column) of the kernel's
// result.
static void steps(const nt_epilogue *e, float *c, ptrdiff_t c_stride, ptrdiff_t row, ptrdiff_t rows,
                  ptrdiff_t column, ptrdiff_t columns) {
  row += e->first_row;
  column += e->first_column;
  for (int32_t i = 0; i < e->step_count; i++) {
    const nt_step *s = &e->steps[i];
    if (!s->binary) {
      unary_any(s->function, s->p0, s->p1, c, c_stride, c, c_stride, rows, columns);
    } else if (!s->per_image) {
      step_binary(s, s->operand + row * s->row_stride + column * s->column_stride, c, c_stride, rows,
                  columns);
    } else {
      for (ptrdiff_t r = 0, count; r < rows; r += count) {
        const ptrdiff_t image = (row + r) / e->rows_per_image, inside = (row + r) % e->rows_per_image;
        count = rows - r < e->rows_per_image - inside ? rows - r : e->rows_per_image - inside;
        step_binary(s,
                    s->operand + image * s->image_stride + inside * s->row_stride + column * s->column_stride,
                    c + r * c_stride, c_stride, count, columns);
      }
    }
  }
}
