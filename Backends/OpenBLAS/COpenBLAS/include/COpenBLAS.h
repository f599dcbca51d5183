#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The functions of one OpenBLAS that was opened at run time. No header of the library is needed: the
/// prototypes are the C interface of the BLAS standard with 32-bit integers, and this target links against
/// nothing.
typedef struct openblas openblas;

/// The most that the library may use.
typedef enum __attribute__((enum_extensibility(closed))) OpenBLASInstructions : int32_t {
  OpenBLASInstructionsSSE4,
  OpenBLASInstructionsAVX2,
  OpenBLASInstructionsAll,
} OpenBLASInstructions;

/// Opens the first library of `names` (none: the usual ones) that has every function needed. Several threads
/// may call this at once.
///
/// `instructions` keeps the library to the kernels of older processors. It reads its choice once, when a process first
/// opens it; one that uses newer kernels all the same is refused.
///
/// Returns null with a sentence in `error` that names what is missing and the Debian package to install. A
/// library stays open for the life of the process: threads and handlers of its own cannot be unloaded safely.
const openblas *_Nullable openblas_load(const char *_Nonnull const *_Nullable names, size_t count,
                                        OpenBLASInstructions instructions, char *error, size_t capacity);

/// The library's own description: version, options, core, as in "OpenBLAS 0.3.21 DYNAMIC_ARCH Zen
/// MAX_THREADS=64".
const char *openblas_configuration(const openblas *library);
/// The name of the kernels in use, as in "SkylakeX".
const char *openblas_core(const openblas *library);
/// Why it uses them, where the choice is not its own: the user's OPENBLAS_CORETYPE, or a better choice that was made
/// when it was opened because it did not recognize the processor. Otherwise empty.
const char *openblas_core_origin(const openblas *library);
/// How the library was built: 0 sequential, 1 POSIX threads, 2 OpenMP.
int openblas_threading(const openblas *library);

/// c = alpha · op(a) · op(b) + beta · c, row-major, on the calling thread alone.
void openblas_sgemm(const openblas *library, bool transposeA, bool transposeB, int32_t m, int32_t n,
                    int32_t k, float alpha, const float *a, int32_t strideA, const float *b,
                    int32_t strideB, float beta, float *c, int32_t strideC);
void openblas_dgemm(const openblas *library, bool transposeA, bool transposeB, int32_t m, int32_t n,
                    int32_t k, double alpha, const double *a, int32_t strideA, const double *b,
                    int32_t strideB, double beta, double *c, int32_t strideC);

/// y = alpha · op(a) · x + beta · y with a row-major m × n matrix, on the calling thread alone.
void openblas_sgemv(const openblas *library, bool transpose, int32_t m, int32_t n, float alpha,
                    const float *a, int32_t strideA, const float *x, float beta,
                    float *y);

#pragma clang assume_nonnull end
