// Compares the micro-kernels of every level of this build with plain loops in double precision: for processors that the
// package cannot be built for here. scripts/check-arm64 builds it for ARM64 and runs it in an emulator.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "SIMDMicrokernels.h"
#include "WinogradPoints.h"

static const nt_kernels *kernels;
static long checks, failures;

static uint64_t state = 88172645463325252u;
static float number(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (float)((int64_t)(state >> 40) - (1 << 23)) / (1 << 23);
}

// Memory between margins of a word that nothing may change.
enum { margin = 64 };
static const float untouched = -123456.75f;
static float *floats(ptrdiff_t count) {
  float *p = aligned_alloc(64, (size_t)((count + 2 * margin) * 4 + 63) / 64 * 64);
  if (!p) abort();
  for (ptrdiff_t i = 0; i < count + 2 * margin; i++) p[i] = untouched;
  return p + margin;
}
static float *numbers(ptrdiff_t count) {
  float *p = floats(count);
  for (ptrdiff_t i = 0; i < count; i++) p[i] = number();
  return p;
}
static void drop(const float *p) { free((void *)(p - margin)); }

static void expect(const char *what, double found, double wanted, double tolerance) {
  checks++;
  if (fabs(found - wanted) <= tolerance || (found != found && wanted != wanted) || found == wanted) return;
  if (failures++ < 20) printf("%s: found %g, expected %g ± %g\n", what, found, wanted, tolerance);
}
static void expect_margins(const char *what, const float *p, ptrdiff_t count) {
  for (int i = 0; i < margin; i++) {
    expect(what, p[-1 - i], untouched, 0);
    expect(what, p[count + i], untouched, 0);
  }
}

// bias, residual, clamp and one step, each in its turn
static float bias_of[256], factor_of[256];
static nt_step doubling = {.binary = 1, .function = NT_MUL, .column_stride = 1, .operand = factor_of};
static nt_epilogue epilogue(int variant, const float *residual, ptrdiff_t stride) {
  nt_epilogue e = {.lower = -INFINITY, .upper = INFINITY, .rows_per_image = 1};
  if (variant & 1) e.bias = bias_of;
  if (variant & 2) { e.residual = residual; e.residual_stride = stride; }
  if (variant & 4) { e.lower = -0.5f; e.upper = 0.5f; }
  if (variant & 8) { e.steps = &doubling; e.step_count = 1; }
  return e;
}
static double finished(const nt_epilogue *e, double x, ptrdiff_t row, ptrdiff_t column) {
  if (e->bias) x += e->bias[column];
  if (e->residual) x += e->residual[row * e->residual_stride + column];
  x = fmin(fmax(x, e->lower), e->upper);
  return e->step_count ? x * factor_of[column] : x;
}

static void check_products(void) {
  for (ptrdiff_t m = 1; m <= 19; m += m < 9 ? 1 : 5)
    for (ptrdiff_t n = 1; n <= 70; n += n < 25 ? 1 : 9)
      for (ptrdiff_t k = 1; k <= 21; k += k < 9 ? 1 : 4) {
        float *a = numbers(m * k), *b = numbers(k * n), *residual = numbers(m * n), *packed = floats(nt_packed_count(k, n));
        nt_pack(kernels->panel_units, b, n, 1, k, 0, k, n, packed);
        const nt_epilogue e = epilogue((int)(m + n + k) % 16, residual, n);
        const ptrdiff_t offset = 0, panels = nt_panel_count(kernels->panel_units, n);
        float *c = floats(m * n);
        nt_gemm g = {.a = a, .a_x = k, .width = m, .height = 1, .offsets = &offset, .segment_count = 1,
                     .segment_length = k, .b = packed, .n = n, .c = c, .c_stride = n, .epilogue = e};
        kernels->gemm(&g, 0, m / 2, 0, panels);
        kernels->gemm(&g, m / 2, m, 0, panels);
        for (ptrdiff_t i = 0; i < m; i++) for (ptrdiff_t j = 0; j < n; j++) {
          double s = 0;
          for (ptrdiff_t p = 0; p < k; p++) s += (double)a[i * k + p] * b[p * n + j];
          expect("gemm", c[i * n + j], finished(&e, s, i, j), 1e-5);
        }
        expect_margins("gemm", c, m * n);
        float *y = floats(n);
        kernels->gemv(a, packed, k, 0, k, n, 0, panels, m % 2 ? bias_of : NULL, y);
        for (ptrdiff_t j = 0; j < n; j++) {
          double s = m % 2 ? bias_of[j] : 0;
          for (ptrdiff_t p = 0; p < k; p++) s += (double)a[p] * b[p * n + j];
          expect("gemv", y[j], s, 1e-5);
        }
        expect_margins("gemv", y, n);
        drop(a), drop(b), drop(residual), drop(packed), drop(c), drop(y);
      }
}

static void check_strassen(void) {
  for (ptrdiff_t m = 1; m <= 27; m += 4)
    for (ptrdiff_t n = 1; n <= 75; n += n < 20 ? 3 : 11)
      for (ptrdiff_t k = 1; k <= 40; k += 3) {
        float *a = numbers(m * k), *b = numbers(k * n), *residual = numbers(m * n), *c = floats(m * n);
        float *packed = floats(nt_strassen_packed_count(k, n));
        nt_strassen_pack(kernels->panel_units, b, n, 1, k, n, 1, packed);
        const nt_epilogue e = epilogue((int)(m + n + k) % 16, residual, n);
        const ptrdiff_t offset = 0, pairs = (m + 1) / 2;
        nt_strassen s = {.sums_stride = nt_strassen_sums_count(k)};
        s.product = (nt_gemm){.a = a, .a_x = k, .width = m, .height = 1, .offsets = &offset, .segment_count = 1,
                              .segment_length = k, .b = packed, .n = n, .c = c, .c_stride = n, .epilogue = e};
        s.sums = floats(pairs * s.sums_stride);
        kernels->strassen_sums(&s, 0, pairs);
        kernels->strassen(&s, 0, pairs, 0, nt_strassen_panel_count(kernels->panel_units, n));
        for (ptrdiff_t i = 0; i < m; i++) for (ptrdiff_t j = 0; j < n; j++) {
          double x = 0;
          for (ptrdiff_t p = 0; p < k; p++) x += (double)a[i * k + p] * b[p * n + j];
          expect("strassen", c[i * n + j], finished(&e, x, i, j), 4e-5);
        }
        expect_margins("strassen", c, m * n);
        expect_margins("strassen sums", s.sums, pairs * s.sums_stride);
        drop(a), drop(b), drop(residual), drop(c), drop(packed), drop(s.sums);
      }
}

enum { convolve, maximum, average };
static void check_window(int what, ptrdiff_t kernel, ptrdiff_t stride, ptrdiff_t dilation, ptrdiff_t channels,
                         ptrdiff_t height, ptrdiff_t width, ptrdiff_t pad, int variant) {
  const ptrdiff_t reach = (kernel - 1) * dilation + 1, blocks = (channels + 15) / 16;
  if (height + 2 * pad < reach || width + 2 * pad < reach) return;
  const ptrdiff_t out_height = (height + 2 * pad - reach) / stride + 1, out_width = (width + 2 * pad - reach) / stride + 1;
  float *input = numbers(height * width * channels), *weights = numbers(blocks * kernel * kernel * 16);
  const ptrdiff_t count = out_height * out_width * channels;
  float *output = floats(count);
  nt_window w = {.input = input, .in_x = channels, .in_y = width * channels, .in_height = height, .in_width = width,
                 .channels = channels, .kernel_height = kernel, .kernel_width = kernel, .stride_y = stride,
                 .stride_x = stride, .dilation_y = dilation, .dilation_x = dilation, .pad_top = pad, .pad_left = pad,
                 .pad_bottom = pad, .pad_right = pad, .weights = weights, .output = output, .out_x = channels,
                 .out_y = out_width * channels, .out_width = out_width, .epilogue = epilogue(variant, NULL, 0)};
  if (what == convolve) kernels->depthwise(&w, 0, out_height);
  else if (what == maximum) kernels->max_pool(&w, 0, out_height);
  else kernels->average_pool(&w, 0, out_height);
  for (ptrdiff_t oy = 0; oy < out_height; oy++) for (ptrdiff_t ox = 0; ox < out_width; ox++)
    for (ptrdiff_t c = 0; c < channels; c++) {
      double sum = 0, greatest = -INFINITY;
      int taps = 0;
      for (ptrdiff_t ky = 0; ky < kernel; ky++) for (ptrdiff_t kx = 0; kx < kernel; kx++) {
        const ptrdiff_t y = oy * stride - pad + ky * dilation, x = ox * stride - pad + kx * dilation;
        if (y < 0 || y >= height || x < 0 || x >= width) continue;
        const double v = input[(y * width + x) * channels + c];
        const double weight = weights[(c / 16 * kernel * kernel + ky * kernel + kx) * 16 + c % 16];
        sum += what == convolve ? v * weight : v;
        greatest = fmax(greatest, v);
        taps++;
      }
      const double result = what == maximum ? greatest : what == average ? sum / (taps ? taps : 1) : sum;
      const char *name = what == convolve ? "depthwise" : what == maximum ? "max_pool" : "average_pool";
      expect(name, output[(oy * out_width + ox) * channels + c], finished(&w.epilogue, result, 0, c), 1e-5);
    }
  expect_margins("window", output, count);
  drop(input), drop(weights), drop(output);
}

static void check_windows(void) {
  for (ptrdiff_t channels = 1; channels <= 40; channels += channels < 18 ? 1 : 7)
    for (ptrdiff_t kernel = 1; kernel <= 5; kernel++)
      for (ptrdiff_t stride = 1; stride <= 3; stride++)
        for (ptrdiff_t dilation = 1; dilation <= 2; dilation++)
          for (ptrdiff_t size = 3; size <= 19; size += 8)
            for (ptrdiff_t pad = 0; pad <= kernel / 2; pad++) {
              const int variant = (int)(channels + kernel + stride + pad) % 2 * 12;
              if (kernels->depthwise) {
                const int biased = variant + (int)(channels % 3 == 0);
                check_window(convolve, kernel, stride, dilation, channels, size, size + 2, pad, biased);
              }
              if (kernel > 3) continue;
              check_window(maximum, kernel, stride, dilation, channels, size, size + 2, pad, variant);
              check_window(average, kernel, stride, dilation, channels, size, size + 2, pad, variant);
            }
}

static void check_winograd(void) {
  for (int m = 2; m <= NT_WINOGRAD_LARGEST; m++)
    for (ptrdiff_t k = 1; k <= 40; k += 13)
      for (ptrdiff_t n = 1; n <= 40; n += 13)
        for (int cut = 0; cut < 4; cut++) {
          const ptrdiff_t side = m + 2, positions = side * side, k_step = (k + 15) / 16 * 16, n_step = (n + 15) / 16 * 16;
          float *image = numbers(side * side * k), *weights = numbers(n * k * 9), *residual = numbers(m * m * n);
          float *packed = floats(positions * nt_packed_count(k, n)), *left = floats(positions * k_step);
          float *products = floats(positions * n_step), *output = floats(m * m * n);
          nt_winograd_pack(m, kernels->panel_units, weights, k, n, packed);
          nt_winograd_tile in = {.input = image, .x_stride = k, .y_stride = side * k, .top = cut & 1, .left = cut >> 1,
                                 .bottom = side - (cut >> 1), .right = side - (cut & 1)};
          kernels->winograd_input(m, &in, k, left, k_step);
          for (ptrdiff_t p = 0; p < positions; p++) {
            const ptrdiff_t offset = 0;
            nt_gemm g = {.a = left + p * k_step, .a_x = k_step, .width = 1, .height = 1, .offsets = &offset,
                         .segment_count = 1, .segment_length = k, .b = packed + p * nt_packed_count(k, n), .n = n,
                         .c = products + p * n_step, .c_stride = n_step, .epilogue = epilogue(0, NULL, 0)};
            kernels->gemm(&g, 0, 1, 0, nt_panel_count(kernels->panel_units, n));
          }
          nt_epilogue e = epilogue((int)(k + n) % 16, residual, n);
          nt_winograd_tile out = {.output = output, .x_stride = n, .y_stride = m * n, .bottom = m - (cut & 1),
                                  .right = m - (cut >> 1), .width = m};
          kernels->winograd_output(m, &out, n, products, n_step, &e);
          for (ptrdiff_t y = 0; y < out.bottom; y++) for (ptrdiff_t x = 0; x < out.right; x++)
            for (ptrdiff_t o = 0; o < n; o++) {
              double s = 0;
              for (ptrdiff_t i = 0; i < 9; i++) {
                const ptrdiff_t row = y + i / 3, column = x + i % 3;
                if (row < in.top || row >= in.bottom || column < in.left || column >= in.right) continue;
                for (ptrdiff_t c = 0; c < k; c++)
                  s += (double)image[(row * side + column) * k + c] * weights[(o * k + c) * 9 + i];
              }
              expect("winograd", output[(y * m + x) * n + o], finished(&e, s, y * m + x, o), 2e-4);
            }
          expect_margins("winograd input", left, positions * k_step);
          expect_margins("winograd output", output, m * m * n);
          drop(image), drop(weights), drop(residual), drop(packed), drop(left), drop(products), drop(output);
        }
}

// MARK: - Rows

static double unary_of(int f, double x, double p, double q) {
  const double e = expm1(fmin(x, 0));
  switch (f) {
    case NT_RELU: return fmax(x, 0);
    case NT_SIGMOID: return 1 / (1 + exp(-x));
    case NT_TANH: return tanh(x);
    case NT_EXP: return exp(x);
    case NT_LOG: return log(x);
    case NT_SQRT: return sqrt(x);
    case NT_ERF: return erf(x);
    case NT_GELU: return x / 2 * (1 + erf(x / sqrt(2)));
    case NT_GELU_TANH: return x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case NT_SILU: return x / (1 + exp(-x));
    case NT_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case NT_ABS: return fabs(x);
    case NT_NEG: return -x;
    case NT_RECIPROCAL: return 1 / x;
    case NT_FLOOR: return floor(x);
    case NT_CEIL: return ceil(x);
    case NT_ROUND: return nearbyint(x);
    case NT_SIGN: return (x > 0) - (x < 0);
    case NT_SOFTPLUS: return log1p(exp(x));
    case NT_SOFTSIGN: return x / (1 + fabs(x));
    case NT_MISH: return x * tanh(log1p(exp(x)));
    case NT_LEAKY_RELU: return x < 0 ? x * p : x;
    case NT_ELU: return x > 0 ? x : p * e;
    case NT_SELU: return q * (x > 0 ? x : p * e);
    case NT_CELU: return x > 0 ? x : p * expm1(x / p);
    case NT_HARD_SIGMOID: return fmin(fmax(x * p + q, 0), 1);
    case NT_THRESHOLDED_RELU: return x > p ? x : 0;
    case NT_CLAMP: return fmin(fmax(x, p), q);
    default: return x * p + q;
  }
}

static void check_functions(void) {
  const float p = 0.25f, q = 0.75f;
  for (int f = 0; f < NT_UNARY_COUNT; f++)
    for (ptrdiff_t n = 1; n <= 70; n++) {
      float *x = numbers(n), *y = floats(n);
      const int positive = f == NT_LOG || f == NT_SQRT;
      for (ptrdiff_t i = 0; i < n; i++) x[i] = positive ? fabsf(x[i]) * 9 + 1e-3f : x[i] * 9;
      kernels->unary(f, p, q, x, y, n);
      char name[16];
      snprintf(name, sizeof name, "unary %d", f);
      for (ptrdiff_t i = 0; i < n; i++) {
        const double wanted = unary_of(f, x[i], p, q);
        expect(name, y[i], wanted, 2e-6 * fmax(1, fabs(wanted)));
      }
      expect_margins(name, y, n);
      drop(x), drop(y);
    }
  for (int f = 0; f < NT_BINARY_COUNT; f++)
    for (ptrdiff_t n = 1; n <= 40; n++) for (int steps = 0; steps < 4; steps++) {
      float *a = numbers(n), *b = numbers(n), *y = floats(n);
      kernels->binary(f, a, steps & 1, b, steps >> 1, y, n);
      for (ptrdiff_t i = 0; i < n; i++) {
        const double s = a[steps & 1 ? i : 0], t = b[steps >> 1 ? i : 0];
        const double wanted = f == NT_ADD ? s + t : f == NT_SUB ? s - t : f == NT_MUL ? s * t : f == NT_DIV ? s / t
                              : f == NT_MAX ? fmax(s, t) : f == NT_MIN ? fmin(s, t) : s < 0 ? s * t : s;
        expect("binary", y[i], wanted, 1e-6 * fmax(1, fabs(wanted)));
      }
      expect_margins("binary", y, n);
      drop(a), drop(b), drop(y);
    }
}

static void check_rows(void) {
  for (ptrdiff_t rows = 1; rows <= 13; rows += 3)
    for (ptrdiff_t n = 1; n <= 75; n += n < 36 ? 1 : 13) {
      float *x = numbers(rows * n), *y = floats(rows * n), *scale = numbers(n), *shift = numbers(n);
      for (int logarithm = 0; logarithm < 2; logarithm++) {
        kernels->softmax(x, y, rows, n, logarithm);
        for (ptrdiff_t r = 0; r < rows; r++) {
          double total = 0;
          for (ptrdiff_t i = 0; i < n; i++) total += exp(x[r * n + i]);
          for (ptrdiff_t i = 0; i < n; i++) {
            const double wanted = logarithm ? x[r * n + i] - log(total) : exp(x[r * n + i]) / total;
            expect("softmax", y[r * n + i], wanted, 2e-6);
          }
        }
      }
      kernels->layer_norm(x, y, rows, n, scale, rows % 2 ? shift : NULL, 1, 1e-3f);
      for (ptrdiff_t r = 0; r < rows; r++) {
        double mean = 0, squares = 0, total = 0, greatest = -INFINITY;
        for (ptrdiff_t i = 0; i < n; i++) {
          mean += x[r * n + i] / (double)n;
          total += x[r * n + i];
          greatest = fmax(greatest, x[r * n + i]);
        }
        for (ptrdiff_t i = 0; i < n; i++) squares += pow(x[r * n + i] - mean, 2) / (double)n;
        for (ptrdiff_t i = 0; i < n; i++)
          expect("layer_norm", y[r * n + i],
                 (x[r * n + i] - mean) / sqrt(squares + 1e-3) * scale[i] + (rows % 2 ? shift[i] : 0), 2e-5);
        expect("sum", kernels->sum(x + r * n, n), total, 1e-5);
        expect("maximum", kernels->maximum(x + r * n, n), greatest, 0);
      }
      expect_margins("rows", y, rows * n);
      float *sums = floats(n), *turned = floats(rows * n);
      kernels->column_sum(x, n, rows, n, 0.5f, sums);
      kernels->transpose(x, n, turned, rows, rows, n);
      for (ptrdiff_t i = 0; i < n; i++) {
        double total = 0;
        for (ptrdiff_t r = 0; r < rows; r++) {
          total += x[r * n + i];
          expect("transpose", turned[i * rows + r], x[r * n + i], 0);
        }
        expect("column_sum", sums[i], total / 2, 1e-5);
      }
      expect_margins("column_sum", sums, n);
      expect_margins("transpose", turned, rows * n);

      float *scores = floats(rows * n), *addends = numbers(rows * n), factors[16];
      uint8_t flags[1024];
      for (ptrdiff_t i = 0; i < rows * n; i++) flags[i] = number() > -0.5f;
      memcpy(scores, x, (size_t)(rows * n) * sizeof(float));
      const int variant = (int)n % 4;
      nt_attention_rows a = {.scores = scores, .stride = n, .last = n, .end = n / 2 + 1, .end_step = 1,
                             .addends = variant & 1 ? addends : NULL, .flags = variant & 2 ? flags : NULL,
                             .mask_stride = n, .scale = 0.7f, .factors = factors};
      kernels->attention_weights(&a, rows);
      for (ptrdiff_t r = 0; r < rows; r++) {
        double greatest = -INFINITY, total = 0, values[128];
        const ptrdiff_t end = n / 2 + 1 + r < n ? n / 2 + 1 + r : n;
        for (ptrdiff_t i = 0; i < n; i++) {
          const int seen = i < end && (!a.flags || flags[r * n + i]);
          values[i] = seen ? 0.7 * x[r * n + i] + (a.addends ? addends[r * n + i] : 0) : -INFINITY;
          greatest = fmax(greatest, values[i]);
        }
        for (ptrdiff_t i = 0; i < n; i++) {
          values[i] = greatest == -INFINITY ? 0 : exp(values[i] - greatest);
          total += values[i];
          expect("attention weights", scores[r * n + i], values[i], 2e-6);
        }
        const double factor = total == 0 ? 0 : 1 / total;
        expect("attention factors", factors[r], factor, 2e-6 * fmax(1, factor));
      }
      expect_margins("attention", scores, rows * n);
      drop(x), drop(y), drop(scale), drop(shift), drop(sums), drop(turned), drop(scores), drop(addends);
    }
}

int main(void) {
  static const char *const names[] = {"portable", "avx2", "avx512", "neon"};
  for (int i = 0; i < 256; i++) bias_of[i] = number(), factor_of[i] = number();
  int levels = 0;
  for (int isa = NT_PORTABLE; isa <= NT_NEON; isa++) {
    kernels = nt_kernels_for(isa);
    if (!kernels) continue;
    checks = 0;
    // The plain products and convolutions of the portable level are Swift.
    if (kernels->gemm) {
      check_products();
      check_winograd();
    }
    check_strassen();
    check_windows();
    check_functions();
    check_rows();
    printf("%s: %ld comparisons, %ld failed\n", names[isa], checks, failures);
    levels++;
  }
  return failures || !levels;
}
