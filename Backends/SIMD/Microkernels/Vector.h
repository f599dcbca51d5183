// Vector types and their memory operations at one instruction level. The including file defines LEVEL_AVX512,
// LEVEL_AVX2, LEVEL_NEON or none.

#include <math.h>
#include <string.h>
#include "SIMDMicrokernels.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")

#if defined(LEVEL_AVX512)
enum { W = 16 };
#elif defined(LEVEL_AVX2)
enum { W = 8 };
#else
enum { W = 4 };
#endif

typedef float V __attribute__((ext_vector_type(W)));
typedef int32_t VI __attribute__((ext_vector_type(W)));
typedef struct { V v; } __attribute__((packed, may_alias)) unaligned_v;

INLINE V load(const float *p) { return ((const unaligned_v *)p)->v; }
INLINE void store(float *p, V v) { ((unaligned_v *)p)->v = v; }
INLINE V set1(float x) { return (V)(x); }

// Half a vector, where a whole one has 16 lanes; a vector of its own width elsewhere, where nothing uses it.
typedef float H __attribute__((ext_vector_type(W == 16 ? 8 : W)));
typedef struct { H v; } __attribute__((packed, may_alias)) unaligned_h;
INLINE H load_half(const float *p) { return ((const unaligned_h *)p)->v; }
INLINE void store_half(float *p, H v) { ((unaligned_h *)p)->v = v; }

// The first n lanes, 0 < n ≤ W; the others are zero and their memory is not touched.
#if defined(LEVEL_AVX512)
INLINE __mmask16 lanes(ptrdiff_t n) { return (__mmask16)((1u << n) - 1); }
INLINE V load_part(const float *p, ptrdiff_t n) { return (V)_mm512_maskz_loadu_ps(lanes(n), p); }
INLINE void store_part(float *p, V v, ptrdiff_t n) { _mm512_mask_storeu_ps(p, lanes(n), (__m512)v); }
INLINE H load_half_part(const float *p, ptrdiff_t n) {
  return (H)_mm256_maskz_loadu_ps((__mmask8)lanes(n), p);
}
INLINE void store_half_part(float *p, H v, ptrdiff_t n) {
  _mm256_mask_storeu_ps(p, (__mmask8)lanes(n), (__m256)v);
}
#elif defined(LEVEL_AVX2)
static const int32_t lane_masks[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
INLINE __m256i lanes(ptrdiff_t n) { return _mm256_loadu_si256((const __m256i *)(lane_masks + 8 - n)); }
INLINE V load_part(const float *p, ptrdiff_t n) { return (V)_mm256_maskload_ps(p, lanes(n)); }
INLINE void store_part(float *p, V v, ptrdiff_t n) { _mm256_maskstore_ps(p, lanes(n), (__m256)v); }
#else
// Of any n: a unit of 8 columns is two vectors.
INLINE V load_part(const float *p, ptrdiff_t n) {
  if (n >= W) return load(p);
  V v = set1(0);
  if (n > 0) v[0] = p[0];
  if (n > 1) v[1] = p[1];
  if (n > 2) v[2] = p[2];
  return v;
}
INLINE void store_part(float *p, V v, ptrdiff_t n) {
  if (n >= W) {
    store(p, v);
    return;
  }
  if (n > 0) p[0] = v[0];
  if (n > 1) p[1] = v[1];
  if (n > 2) p[2] = v[2];
}
#endif

#if defined(LEVEL_AVX512)
INLINE H low_half(V x) { return __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7); }
#else
INLINE H low_half(V x) { return (H)(x[0]); }
INLINE H load_half_part(const float *p, ptrdiff_t n) { return load_half(p); }
INLINE void store_half_part(float *p, H v, ptrdiff_t n) {}
#endif

// Baseline x86 has no fused multiply-add: there the builtin would call libm lane by lane.
#if defined(LEVEL_AVX512) || defined(LEVEL_AVX2) || defined(__aarch64__)
INLINE V fma_v(V a, V b, V c) { return __builtin_elementwise_fma(a, b, c); }
#else
INLINE V fma_v(V a, V b, V c) { return a * b + c; }
#endif

// A NaN in x passes both.
INLINE V at_least(V x, V bound) { return bound > x ? bound : x; }
INLINE V at_most(V x, V bound) { return bound < x ? bound : x; }
