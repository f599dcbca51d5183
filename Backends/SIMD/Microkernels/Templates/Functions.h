// Functions of vectors. Bounds in ULP are of the AVX levels over all finite floats, against the exact value
// rounded; the portable level, without fused multiply-add, may add one. NaN gives NaN. Coefficients are
// minimax fits on the reduced intervals.

INLINE VI bits(V x) { return __builtin_bit_cast(VI, x); }
INLINE V from_bits(VI x) { return __builtin_bit_cast(V, x); }
INLINE V abs_v(V x) { return __builtin_elementwise_abs(x); }
INLINE V with_sign_of(V x, V sign) { return from_bits(bits(x) | (bits(sign) & (VI)(INT32_MIN))); }

// x = n · ln 2 + r with |r| ≤ ln 2 / 2; the sum with 1.5 · 2²³ rounds to the integer n and leaves it in the
// low bits.
typedef struct { V t, n, r; } reduced;
static const float rounding_magic = 12582912.0f;
INLINE reduced reduce(V x) {
  V t = fma_v(x, set1(1.44269504f), set1(rounding_magic));
  V n = t - rounding_magic;
  V r = fma_v(n, set1(-0.693145752f), x); // the two parts of ln 2: the first has trailing zeros
  r = fma_v(n, set1(-1.42860677e-6f), r);
  return (reduced){t, n, r};
}
#if defined(LEVEL_AVX512)
INLINE V scale_by_power(V x, reduced q) { return (V)_mm512_scalef_ps((__m512)x, (__m512)q.n); }
#else
INLINE V scale_by_power(V x, reduced q) { // in two steps, so that neither power leaves the range
  VI n = bits(q.t) - bits(set1(rounding_magic)), half = n >> 1;
  return x * from_bits((half + 127) << 23) * from_bits((n - half + 127) << 23);
}
#endif
INLINE V exp_minus_one_reduced(V r) {
  V p = fma_v(set1(0.00138145965f), r, set1(0.00836871751f));
  p = fma_v(p, r, set1(0.0416683890f));
  p = fma_v(p, r, set1(0.166665211f));
  p = fma_v(p, r, set1(0.499999940f));
  return fma_v(p * r, r, r);
}

// ≤ 1.5 ULP; subnormal results within 1.5 ULP of the smallest normal.
INLINE V exp_v(V x) {
  x = at_most(at_least(x, set1(-104.0f)), set1(89.0f));
  reduced q = reduce(x);
  return scale_by_power(exp_minus_one_reduced(q.r) + 1.0f, q);
}
#if defined(LEVEL_AVX512)
// 2^(j/16) less j/16 of the exponent's unit: adding n/16 of it gives 2^(n/16), whatever n is.
static const uint32_t sixteenths[16] __attribute__((aligned(64))) = {
    0x3f800000, 0x3f7daac3, 0x3f7b95c2, 0x3f79c3d3, 0x3f7837f0, 0x3f76f532, 0x3f75fed7, 0x3f75583f,
    0x3f7504f3, 0x3f7508a4, 0x3f75672a, 0x3f76248c, 0x3f7744fd, 0x3f78ccdf, 0x3f7ac0c7, 0x3f7d257d,
};
// exp(sign · x) = power · p, |x| ≤ 87: 2 ULP for |x| ≤ 20, 5 beyond.
typedef struct { V power, p; } exp_factors;
INLINE exp_factors factors_of_exp(const int sign, V x) {
  V t = fma_v(x, set1(sign * 23.0831203f), set1(rounding_magic));
  // ln 2 / 16 in one part: ln 2 is a thirtieth of a unit away from a float.
  V r = fma_v(t - rounding_magic, set1(-0.0433216989f), sign < 0 ? -x : x);
  V p = fma_v(fma_v(fma_v(set1(0.166666667f), r, set1(0.5f)), r, set1(1.0f)), r, set1(1.0f));
  VI table = (VI)_mm512_permutexvar_epi32((__m512i)bits(t), _mm512_load_si512(sixteenths));
  return (exp_factors){from_bits(table + (bits(t) << 19)), p};
}
#endif
// 1 + exp(−x), x ≥ −86.
INLINE V one_and_exp_minus_v(V x) {
#if defined(LEVEL_AVX512)
  exp_factors f = factors_of_exp(-1, at_most(x, set1(87.0f)));
  return fma_v(f.power, f.p, set1(1.0f));
#else
  return exp_v(-x) + 1.0f;
#endif
}
// ≤ 2 ULP for x ≤ 64, which is all that is asked of it.
INLINE V expm1_v(V x) {
  x = at_most(at_least(x, set1(-18.0f)), set1(64.0f));
  reduced q = reduce(x);
  V power = from_bits((bits(q.t) - bits(set1(rounding_magic)) + 127) << 23);
  return fma_v(exp_minus_one_reduced(q.r), power, power - 1.0f);
}
// ≤ 2 ULP.
INLINE V log_v(V x) {
  V small = x < set1(1.17549435e-38f) ? x * 33554432.0f : x;
  V shift = x < set1(1.17549435e-38f) ? set1(-25.0f) : set1(0.0f);
  VI i = bits(small) - 0x3f3504f3; // the mantissa falls into [√½, √2)
  VI n = i >> 23;
  V f = from_bits((i & 0x007fffff) + 0x3f3504f3) - 1.0f;
  V e = __builtin_convertvector(n, V) + shift;
  V s = f / (f + 2.0f), z = s * s;
  V p = fma_v(set1(0.235835716f), z, set1(0.285372376f));
  p = fma_v(p, z, set1(0.400003374f));
  p = fma_v(p, z, set1(0.666666627f)) * z;
  V h = f * f * 0.5f;
  V y = fma_v(e, set1(0.693145752f), f - (h - fma_v(s, h + p, e * 1.42860677e-6f)));
  y = x == INFINITY ? x : y;
  y = x == 0.0f ? set1(-INFINITY) : y;
  y = x < 0.0f ? set1(NAN) : y;
  return x != x ? x : y;
}
// ≤ 3 ULP.
INLINE V tanh_v(V x) {
  V e = expm1_v(at_most(abs_v(x), set1(10.0f)) * 2.0f);
  return with_sign_of(e / (e + 2.0f), x);
}
// ≤ 3 ULP where the result is normal; below, 0 is possible.
INLINE V sigmoid_v(V x) { return 1.0f / (exp_v(-x) + 1.0f); }
// erfc(a), a ≥ 0: t · P(t) · exp(−a²) with t = 2 / (2 + a); absolute error ≤ 2e-7, relative ≤ 1e-6 to a = 9.
INLINE V erfc_positive(V a) {
  a = at_most(a, set1(9.5f));
  V t = 2.0f / (a + 2.0f);
  V p = fma_v(set1(0.0122838775f), t, set1(-0.123254694f));
  p = fma_v(p, t, set1(0.428928405f));
  p = fma_v(p, t, set1(-0.670022488f));
  p = fma_v(p, t, set1(0.421274275f));
  p = fma_v(p, t, set1(-0.0983176306f));
  p = fma_v(p, t, set1(0.225541845f));
  p = fma_v(p, t, set1(0.238644838f));
  p = fma_v(p, t, set1(0.282857031f));
  p = fma_v(p, t, set1(0.282064497f));
  return t * p * exp_v(-a * a);
}
// ≤ 3 ULP.
INLINE V erf_v(V x) {
  V a = abs_v(x), z = x * x;
  V p = fma_v(set1(7.88911930e-05f), z, set1(-0.000802084105f));
  p = fma_v(p, z, set1(0.00518953521f));
  p = fma_v(p, z, set1(-0.0268544443f));
  p = fma_v(p, z, set1(0.112836003f));
  p = fma_v(p, z, set1(-0.376126260f));
  p = fma_v(p, z, set1(1.12837911f));
  V large = with_sign_of(1.0f - erfc_positive(a), x);
  return a < 1.0f ? x * p : large;
}
// Absolute error ≤ 3e-7 · max(1, |x|): max(x, 0) − |x| · erfc(|x| / √2) / 2.
#if defined(LEVEL_AVX512)
// erfc(a / √2) / 2 by a polynomial on each of 16 intervals of 3/8: coefficients by power, then interval.
static const float half_erfc[5][16] __attribute__((aligned(64))) = {
    {0.425634325f, 0.286887705f, 0.174250722f, 0.094675757f, 0.045753628f, 0.0195800774f,
     0.00739460485f, 0.00245789997f, 0.00071754196f, 0.000183670025f, 4.11675719e-05f,
     8.07100241e-06f, 1.38283531e-06f, 2.06903266e-07f, 2.70181051e-08f, 3.07760328e-09f},
    {-0.391987413f, -0.340566248f, -0.257075101f, -0.168595523f, -0.0960633382f, -0.0475545712f,
     -0.0204525087f, -0.00764216436f, -0.0024808303f, -0.000699653581f, -0.000171422609f,
     -3.64875814e-05f, -6.74692774e-06f, -1.08378265e-06f, -1.51231973e-07f, -1.83315656e-08f},
    {0.0367476568f, 0.0957839936f, 0.12049897f, 0.110636175f, 0.0810513422f, 0.049040705f,
     0.0249274336f, 0.010747714f, 0.00395439751f, 0.00124653021f, 0.000337592006f,
     7.87089521e-05f, 1.58216844e-05f, 2.7452279e-06f, 4.11520745e-07f, 5.3333796e-08f},
    {0.0626362339f, 0.0386507623f, 0.00532710319f, -0.0200382769f, -0.0293719601f, -0.0257119946f,
     -0.0168634392f, -0.00885231793f, -0.00382908434f, -0.00138628006f, -0.000424071419f,
     -0.000110296111f, -2.44959028e-05f, -4.66018992e-06f, -7.61230751e-07f, -1.06960456e-07f},
    {-0.00898817461f, -0.0212951526f, -0.0210965686f, -0.0116808563f, -0.00105301966f, 0.00506051956f,
     0.00606812118f, 0.00438752631f, 0.00236550299f, 0.00101469678f, 0.000356661854f,
     0.000104408682f, 2.57123302e-05f, 5.36280595e-06f, 9.51820539e-07f, 1.44262884e-07f},
};
INLINE V gelu_v(V x) {
  V a = at_most(abs_v(x), set1(5.99999f)); // beyond it the tail is less than 1e-8
  __m512i interval = _mm512_cvttps_epi32((__m512)(a * (8.0f / 3)));
  V u = a - fma_v((V)_mm512_cvtepi32_ps(interval), set1(0.375f), set1(0.1875f));
  V p = (V)_mm512_permutexvar_ps(interval, _mm512_load_ps(half_erfc[4]));
  UNROLL for (int i = 3; i >= 0; i--)
    p = fma_v(p, u, (V)_mm512_permutexvar_ps(interval, _mm512_load_ps(half_erfc[i])));
  return at_least(x, set1(0.0f)) - a * p;
}
#else
INLINE V gelu_v(V x) {
  V a = at_most(abs_v(x), set1(13.4f)); // beyond it the tail is less than any normal number
  return at_least(x, set1(0.0f)) - a * 0.5f * erfc_positive(a * 0.707106781f);
}
#endif
INLINE V gelu_tanh_v(V x) {
  V u = fma_v(x * x * x, set1(0.0713548163f), x * 1.59576912f); // 2√(2/π) · (x + 0.044715 x³)
  return at_least(x, set1(-1e4f)) / one_and_exp_minus_v(at_least(u, set1(-86.0f))); // −1e4: then 0, not −∞
}
// ≤ 4 ULP for x ≥ −20 and ≤ 6 below; where the result is below 1e-28, the absolute error is less than 1e-34.
INLINE V silu_v(V x) {
  x = at_least(x, set1(-86.0f));
  return x / one_and_exp_minus_v(x);
}
// log(1 + e), 0 ≤ e ≤ 1: the quotient repairs the rounding of 1 + e.
INLINE V log1p_unit(V e) {
  V u = e + 1.0f, d = u - 1.0f;
  return d == 0.0f ? e : log_v(u) * (e / d);
}
INLINE V softplus_v(V x) { return at_least(x, set1(0.0f)) + log1p_unit(exp_v(-abs_v(x))); }
INLINE V mish_v(V x) { // tanh(log(1 + eˣ)) = e(e + 2) / (e(e + 2) + 2)
  V e = exp_v(at_most(x, set1(20.0f))), n = e * (e + 2.0f);
  return x > 20.0f ? x : x * (n / (n + 2.0f));
}
INLINE V elu_v(V x, V alpha) { return x > 0.0f ? x : alpha * expm1_v(at_most(x, set1(0.0f))); }
INLINE V sign_v(V x) { return x > 0.0f ? set1(1.0f) : x < 0.0f ? set1(-1.0f) : x; }
