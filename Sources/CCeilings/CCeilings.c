#include "CCeilings.h"

// MARK: - Plain C

typedef float vec4 __attribute__((ext_vector_type(4)));

static double multiply_add_c(size_t rounds) {
#pragma clang fp contract(fast)
  vec4 x = 0.999f, y = 0.001f;
  __asm__ volatile("" : "+m"(x), "+m"(y));
  vec4 s[12];
  for (int i = 0; i < 12; i++) s[i] = (float)i;
  for (size_t round = 0; round < rounds; round++)
    for (int i = 0; i < 12; i++) s[i] = x * s[i] + y;
  for (int i = 0; i < 12; i++) __asm__ volatile("" : "+m"(s[i]));
  return (double)rounds * 12 * 4 * 2;
}

static void read_c(const char *base, size_t bytes, size_t passes) {
  vec4 s[4] = {0, 0, 0, 0};
  for (size_t pass = 0; pass < passes; pass++) {
    const vec4 *p = (const vec4 *)base;
    for (size_t i = 0; i < bytes / sizeof(vec4); i += 4)
      for (int j = 0; j < 4; j++) s[j] += p[i + (size_t)j];
    __asm__ volatile("" ::: "memory");
  }
  for (int j = 0; j < 4; j++) __asm__ volatile("" : "+m"(s[j]));
}

#if defined(__x86_64__)
// MARK: - x86

static const float factors[2] = {0.5f, 0.25f};

// Twelve chains hide a latency of four cycles on two ports, and leave registers of AVX2 for the factors.
#define CHAIN(op, r, n) op " %%" r "14, %%" r "15, %%" r #n "\n"
#define CHAINS(op, r)                                                                                     \
  CHAIN(op, r, 0) CHAIN(op, r, 1) CHAIN(op, r, 2) CHAIN(op, r, 3) CHAIN(op, r, 4) CHAIN(op, r, 5)         \
  CHAIN(op, r, 6) CHAIN(op, r, 7) CHAIN(op, r, 8) CHAIN(op, r, 9) CHAIN(op, r, 10) CHAIN(op, r, 11)
#define CLEAR(n) "vxorps %%xmm" #n ", %%xmm" #n ", %%xmm" #n "\n"
#define CLEAR_ALL                                                                                         \
  CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9) CLEAR(10)     \
  CLEAR(11)
#define CLOBBERS                                                                                          \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",       \
      "xmm14", "xmm15", "cc", "memory"

#define MULTIPLY_ADD(name, isa, r, lanes)                                                                 \
  __attribute__((target(isa))) static double name(size_t rounds) {                                       \
    size_t n = rounds;                                                                                    \
    __asm__ volatile(CLEAR_ALL                                                                            \
                     "vbroadcastss (%1), %%" r "14\n"                                                     \
                     "vbroadcastss 4(%1), %%" r "15\n"                                                    \
                     "1:\n" CHAINS("vfmadd231ps", r) CHAINS("vfmadd231ps", r)                             \
                     "decq %0\n"                                                                          \
                     "jnz 1b\n"                                                                           \
                     "vzeroupper\n"                                                                       \
                     : "+r"(n)                                                                            \
                     : "r"(factors)                                                                       \
                     : CLOBBERS);                                                                         \
    return (double)rounds * 24 * lanes * 2;                                                               \
  }

#define LOAD(r, n, offset) "vmovaps " #offset "(%0), %%" r #n "\n"
#define LOADS_512                                                                                         \
  LOAD("zmm", 0, 0) LOAD("zmm", 1, 64) LOAD("zmm", 2, 128) LOAD("zmm", 3, 192) LOAD("zmm", 4, 256)        \
  LOAD("zmm", 5, 320) LOAD("zmm", 6, 384) LOAD("zmm", 7, 448)
#define LOADS_256                                                                                         \
  LOAD("ymm", 0, 0) LOAD("ymm", 1, 32) LOAD("ymm", 2, 64) LOAD("ymm", 3, 96) LOAD("ymm", 4, 128)          \
  LOAD("ymm", 5, 160) LOAD("ymm", 6, 192) LOAD("ymm", 7, 224) LOAD("ymm", 0, 256) LOAD("ymm", 1, 288)     \
  LOAD("ymm", 2, 320) LOAD("ymm", 3, 352) LOAD("ymm", 4, 384) LOAD("ymm", 5, 416) LOAD("ymm", 6, 448)     \
  LOAD("ymm", 7, 480)

#define READ(name, isa, loads)                                                                            \
  __attribute__((target(isa))) static void name(const char *base, size_t bytes, size_t passes) {         \
    for (size_t pass = 0; pass < passes; pass++) {                                                        \
      const char *p = base;                                                                               \
      size_t n = bytes / 512;                                                                             \
      __asm__ volatile("1:\n" loads                                                                       \
                       "addq $512, %0\n"                                                                  \
                       "decq %1\n"                                                                        \
                       "jnz 1b\n"                                                                         \
                       "vzeroupper\n"                                                                     \
                       : "+r"(p), "+r"(n)                                                                 \
                       :                                                                                  \
                       : CLOBBERS);                                                                       \
    }                                                                                                     \
  }

MULTIPLY_ADD(multiply_add_avx2, "avx2,fma", "ymm", 8)
MULTIPLY_ADD(multiply_add_avx512, "avx512f,avx512vl,fma", "zmm", 16)
READ(read_avx2, "avx2", LOADS_256)
READ(read_avx512, "avx512f,avx512vl", LOADS_512)
#endif

// MARK: - Choosing

double nt_ceiling_multiply_add(int32_t isa, size_t rounds) {
  if (rounds == 0) return 0;
#if defined(__x86_64__)
  if (isa >= 2) return multiply_add_avx512(rounds);
  if (isa == 1) return multiply_add_avx2(rounds);
#endif
  return multiply_add_c(rounds);
}

void nt_ceiling_read(int32_t isa, const void *base, size_t bytes, size_t passes) {
  bytes -= bytes % 4096;
  if (bytes == 0) return;
#if defined(__x86_64__)
  if (isa >= 2) return read_avx512(base, bytes, passes);
  if (isa == 1) return read_avx2(base, bytes, passes);
#endif
  read_c(base, bytes, passes);
}
