#include "COpenBLAS.h"

#include "gate.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The values of CBLAS_ORDER and CBLAS_TRANSPOSE are fixed by the BLAS standard.
enum { row_major = 101, no_transpose = 111, transpose = 112 };

typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                               float *, int);
typedef void (*dgemm_function)(int, int, int, int, int, int, double, const double *, int, const double *, int,
                               double, double *, int);
typedef void (*sgemv_function)(int, int, int, int, float, const float *, int, const float *, int, float, float *,
                               int);

struct openblas {
  void *handle;
  sgemm_function sgemm;
  dgemm_function dgemm;
  sgemv_function sgemv;
  void (*set_openmp_threads)(int);  // null, as the next, unless the library runs on OpenMP
  int (*get_openmp_threads)(void);
  int threading;
  const char *configuration;
  const char *core;
  char origin[80];  // how the core was chosen, where not by the library
  struct openblas *next;
};

// The plain name first: it follows the system's choice (update-alternatives). The others are names of
// distributions that install the builds side by side.
static const char *const usual_names[] = {
    "libopenblas.so.0", "libopenblas.so", "libopenblaso.so.0", "libopenblasp.so.0", "libopenblas.0.dylib",
};

// What the library calls its kernels for x86 processors without AVX, and for those with AVX2 at most.
static const char *const sse_cores[] = {
    "Prescott", "Core2", "Penryn", "Dunnington", "Nehalem", "Atom", "Nano", "Athlon", "Opteron", "Opteron_SSE3",
    "Barcelona", "Bobcat", "Katmai", "Coppermine", "Northwood", "Banias",
};
static const char *const avx_cores[] = {
    "Haswell", "Zen", "Sandybridge", "Bulldozer", "Piledriver", "Steamroller", "Excavator",
};

static bool is_among(const char *core, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcasecmp(core, names[i]) == 0) {
      return true;
    }
  }
  return false;
}

static bool is_within(const char *core, OpenBLASInstructions most) {
  return most == OpenBLASInstructionsAll || is_among(core, sse_cores, sizeof sse_cores / sizeof sse_cores[0]) ||
         (most == OpenBLASInstructionsAVX2 && is_among(core, avx_cores, sizeof avx_cores / sizeof avx_cores[0]));
}

static bool is_asked_here;  // guarded by `loading`: the variable is ours, and not the user's

/// Asks for kernels within `most`, unless the environment asks for others within it.
static void ask_for(OpenBLASInstructions most) {
  const char *variable = "OPENBLAS_CORETYPE", *asked = getenv(variable);
  if (most != OpenBLASInstructionsAll && !(asked && is_within(asked, most))) {
    is_asked_here = true;
    setenv(variable, most == OpenBLASInstructionsAVX2 ? "Haswell" : "Prescott", 1);
  }
}

/// Kernels that the processor can run within `most`, where the library's own choice is for processors without AVX: it
/// takes those on processors that are newer than itself. Null where its choice is good.
static const char *better_core(const char *core, OpenBLASInstructions most) {
#if defined(__x86_64__)
  if (most != OpenBLASInstructionsSSE4 && is_among(core, sse_cores, sizeof sse_cores / sizeof sse_cores[0])) {
    __builtin_cpu_init();
    if (most == OpenBLASInstructionsAll && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
      return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
      return "Haswell";
    }
  }
#endif
  return NULL;
}

/// Makes a library that nothing has used yet choose its kernels again.
static void choose_again(openblas *library, const char *core) {
  void (*end)(void) = (void (*)(void))dlsym(library->handle, "gotoblas_dynamic_quit");
  void (*begin)(void) = (void (*)(void))dlsym(library->handle, "gotoblas_dynamic_init");
  const char *(*name)(void) = (const char *(*)(void))dlsym(library->handle, "openblas_get_corename");
  const char *variable = "OPENBLAS_CORETYPE", *before = library->core;
  if (!end || !begin || !name) {
    return;
  }
  setenv(variable, core, 1);
  end();
  begin();
  unsetenv(variable);
  library->core = name();
  snprintf(library->origin, sizeof library->origin, "chosen for this processor instead of %s", before);
}

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static openblas *loaded;  // guarded by `loading`; entries are never freed

/// Returns the library behind `name`, or null with what is wrong in `problem`.
static openblas *open_one(const char *name, OpenBLASInstructions most, char *problem, size_t capacity) {
  void *used = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(problem, capacity, "%s; install the Debian package libopenblas-dev", reason ? reason : name);
    return NULL;
  }
  for (openblas *known = loaded; known; known = known->next) {
    if (known->handle == handle) {
      dlclose(handle);
      return known;
    }
  }
  // Symbols come from the library's own handle: the process may hold another BLAS under the same names.
  void *sgemm = dlsym(handle, "cblas_sgemm"), *dgemm = dlsym(handle, "cblas_dgemm");
  void *sgemv = dlsym(handle, "cblas_sgemv"), *configuration = dlsym(handle, "openblas_get_config");
  void *core = dlsym(handle, "openblas_get_corename"), *threading = dlsym(handle, "openblas_get_parallel");
  void *set_threads = dlsym(handle, "openblas_set_num_threads");
  if (!sgemm || !dgemm || !sgemv || !configuration || !core || !threading || !set_threads) {
    snprintf(problem, capacity, "%s: has no %s", name,
             !sgemm   ? "cblas_sgemm"
             : !dgemm ? "cblas_dgemm"
             : !sgemv ? "cblas_sgemv"
                      : "openblas_* functions: another BLAS under this name");
    dlclose(handle);
    return NULL;
  }
  openblas *library = calloc(1, sizeof *library);
  if (!library) {
    snprintf(problem, capacity, "%s: out of memory", name);
    dlclose(handle);
    return NULL;
  }
  const char *text = ((char *(*)(void))configuration)();
  if (strstr(text, "USE64BITINT")) {
    snprintf(problem, capacity, "%s: built with 64-bit integers", name);
    free(library);
    dlclose(handle);
    return NULL;
  }
  library->handle = handle;
  library->sgemm = (sgemm_function)sgemm;
  library->dgemm = (dgemm_function)dgemm;
  library->sgemv = (sgemv_function)sgemv;
  library->configuration = text;
  library->core = ((char *(*)(void))core)();
  library->threading = ((int (*)(void))threading)();
  // POSIX build: one setting for the process. OpenMP build: the setting belongs to each calling thread, see
  // below.
  ((void (*)(int))set_threads)(1);
  if (library->threading == 2) {
    library->set_openmp_threads = (void (*)(int))dlsym(handle, "omp_set_num_threads");
    library->get_openmp_threads = (int (*)(void))dlsym(handle, "omp_get_max_threads");
  }
  const char *asked = getenv("OPENBLAS_CORETYPE"), *better = better_core(library->core, most);
  if (asked && *asked && !is_asked_here) {
    snprintf(library->origin, sizeof library->origin, "by OPENBLAS_CORETYPE=%.32s", asked);
  } else if (better && !used) {
    choose_again(library, better);
  }
  gate_prepare();
  library->next = loaded;
  loaded = library;
  return library;
}

const openblas *openblas_load(const char *const *names, size_t count, OpenBLASInstructions instructions, char *error,
                              size_t capacity) {
  char problem[512] = "no library name given", first[512] = "";
  if (!names || !count) {
    names = usual_names;
    count = sizeof usual_names / sizeof usual_names[0];
  }
  pthread_mutex_lock(&loading);
  ask_for(instructions);
  openblas *found = NULL;
  for (size_t i = 0; i < count && !found; i++) {
    found = open_one(names[i], instructions, problem, sizeof problem);
    if (found && !is_within(found->core, instructions)) {
      const char *most = instructions == OpenBLASInstructionsAVX2 ? "AVX2" : "SSE4";
      snprintf(problem, sizeof problem, "%s: uses kernels for %s and cannot be kept to %s", names[i], found->core, most);
      found = NULL;
    }
    // The first failure is the one that helps: later names are only spellings of other systems.
    if (!found && !first[0]) {
      memcpy(first, problem, sizeof first);
    }
  }
  pthread_mutex_unlock(&loading);
  if (!found && capacity) {
    snprintf(error, capacity, "OpenBLAS could not be opened (%s)", first[0] ? first : problem);
  }
  return found;
}

const char *openblas_configuration(const openblas *library) { return library->configuration; }
const char *openblas_core(const openblas *library) { return library->core; }
const char *openblas_core_origin(const openblas *library) { return library->origin; }
int openblas_threading(const openblas *library) { return library->threading; }

/// OpenMP keeps the number of threads per calling thread, and the rest of the process may use it too: returns what
/// `leave` puts back, 0 for nothing.
static inline int enter(const openblas *library) {
  if (!library->set_openmp_threads || !library->get_openmp_threads) {
    return 0;
  }
  int found = library->get_openmp_threads();
  if (found == 1) {
    return 0;
  }
  library->set_openmp_threads(1);
  return found;
}

static inline void leave(const openblas *library, int entered) {
  if (entered) {
    library->set_openmp_threads(entered);
  }
}

/// What replaces the library at the end of the process: exact enough, and slow.
#define PLAIN_PRODUCT(name, number)                                                                                 \
  static void name(bool transposeA, bool transposeB, int32_t m, int32_t n, int32_t k, number alpha, const number *a, \
                   int32_t strideA, const number *b, int32_t strideB, number beta, number *c, int32_t strideC) {    \
    for (size_t i = 0; i < (size_t)m; i++) {                                                                        \
      for (size_t j = 0; j < (size_t)n; j++) {                                                                      \
        number sum = 0, *result = c + i * strideC + j;                                                              \
        for (size_t l = 0; l < (size_t)k; l++) {                                                                    \
          sum += (transposeA ? a[l * strideA + i] : a[i * strideA + l]) *                                           \
                 (transposeB ? b[j * strideB + l] : b[l * strideB + j]);                                            \
        }                                                                                                           \
        *result = alpha * sum + (beta == 0 ? 0 : beta * *result);                                                   \
      }                                                                                                             \
    }                                                                                                               \
  }
PLAIN_PRODUCT(plain_sgemm, float)
PLAIN_PRODUCT(plain_dgemm, double)

void openblas_sgemm(const openblas *library, bool transposeA, bool transposeB, int32_t m, int32_t n, int32_t k,
                    float alpha, const float *a, int32_t strideA, const float *b, int32_t strideB, float beta,
                    float *c, int32_t strideC) {
  if (!gate_enter()) {
    plain_sgemm(transposeA, transposeB, m, n, k, alpha, a, strideA, b, strideB, beta, c, strideC);
    return;
  }
  int entered = enter(library);
  library->sgemm(row_major, transposeA ? transpose : no_transpose, transposeB ? transpose : no_transpose, m, n, k,
                 alpha, a, strideA, b, strideB, beta, c, strideC);
  leave(library, entered);
  gate_leave();
}

void openblas_dgemm(const openblas *library, bool transposeA, bool transposeB, int32_t m, int32_t n, int32_t k,
                    double alpha, const double *a, int32_t strideA, const double *b, int32_t strideB, double beta,
                    double *c, int32_t strideC) {
  if (!gate_enter()) {
    plain_dgemm(transposeA, transposeB, m, n, k, alpha, a, strideA, b, strideB, beta, c, strideC);
    return;
  }
  int entered = enter(library);
  library->dgemm(row_major, transposeA ? transpose : no_transpose, transposeB ? transpose : no_transpose, m, n, k,
                 alpha, a, strideA, b, strideB, beta, c, strideC);
  leave(library, entered);
  gate_leave();
}

void openblas_sgemv(const openblas *library, bool transposeMatrix, int32_t m, int32_t n, float alpha, const float *a,
                    int32_t strideA, const float *x, float beta, float *y) {
  if (!gate_enter()) {
    // The same sums with y as a matrix of one column.
    plain_sgemm(transposeMatrix, false, transposeMatrix ? n : m, 1, transposeMatrix ? m : n, alpha, a, strideA, x, 1,
                beta, y, 1);
    return;
  }
  int entered = enter(library);
  library->sgemv(row_major, transposeMatrix ? transpose : no_transpose, m, n, alpha, a, strideA, x, 1, beta, y, 1);
  leave(library, entered);
  gate_leave();
}
