#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// A narrow interface to oneDNN 2, which is opened at run time. Descriptors, engines, streams and memory
// objects of the library stay behind it: a caller states a problem in sizes and strides and gets a primitive
// to run on addresses. All elements are f32. Functions that may fail return null or false with a sentence in
// `error`.

#define ONEDNN_CLOSED __attribute__((enum_extensibility(closed)))

// MARK: - Library

/// The most that the library may use.
typedef enum ONEDNN_CLOSED OneDNNInstructions : int32_t {
  OneDNNInstructionsSSE41,  // it has nothing plainer
  OneDNNInstructionsAVX2,
  OneDNNInstructionsAll,
} OneDNNInstructions;

/// Opens the first library of `names` (none: the usual one), for the life of the process. Several threads may
/// call this at once; after the first success it does nothing. Everything below needs that success. A library that
/// something else in the process has used before may be beyond limiting: it is refused then.
bool onednn_load(const char *_Nonnull const *_Nullable names, size_t count, OneDNNInstructions most, char *error,
                 size_t capacity);

/// Version and instruction set as the library reports them, as in "2.6.3 avx512_core_bf16".
const char *onednn_identity(void);

/// Sets how many OpenMP threads the library may use while the calling thread runs a primitive. A thread that
/// never asked has one: the engine's own workers are the parallelism. Outside of such runs the thread's own
/// setting is as it was.
void onednn_use_threads(int count);

// MARK: - Problems

enum { onednn_rank_limit = 6, onednn_step_limit = 6 };

/// The sizes of a tensor in the library's order of axes, and where its elements are, in steps of one element.
typedef struct {
  int32_t rank;  // 0: there is no such tensor
  bool opaque;   // the library chooses the order of bytes; strides do not count
  int64_t sizes[onednn_rank_limit];
  int64_t strides[onednn_rank_limit];
} onednn_tensor;

/// A tensor of `rank` axes; null strides mean that the library chooses.
onednn_tensor onednn_tensor_make(int32_t rank, const int64_t *sizes, const int64_t *_Nullable strides);

typedef enum ONEDNN_CLOSED OneDNNKind : int32_t {
  OneDNNKindConvolution,          // source [N,IC,…], weights [OC,IC,…] or [G,OC/G,IC/G,…], bias [OC]
  OneDNNKindDeconvolution,        // weights [OC,IC,…] or [G,OC/G,IC/G,…]: transpose by strides
  OneDNNKindMatmul,               // source […,M,K], weights […,K,N], bias […,1,N]; sizes of 1 broadcast
  OneDNNKindInnerProduct,         // source [M,K], weights [N,K], bias [N]
  OneDNNKindMaxPooling,           // padding is minus infinity
  OneDNNKindAverageWithPadding,   // the divisor counts padding
  OneDNNKindAverageWithoutPadding,
  OneDNNKindFunction,             // destination has the source's sizes and strides
  OneDNNKindCombination,          // source and weights, which broadcasts where its size is 1
  OneDNNKindSoftmax,
  OneDNNKindLogSoftmax,
  OneDNNKindLayerNormalization,   // over the last axis; weights: scale, bias: shift
  OneDNNKindReorder,              // the same elements in another order
} OneDNNKind;

typedef enum ONEDNN_CLOSED OneDNNFunction : int32_t {
  OneDNNFunctionRelu,       // alpha: slope below zero
  OneDNNFunctionTanh,
  OneDNNFunctionElu,        // alpha
  OneDNNFunctionAbs,
  OneDNNFunctionSqrt,
  OneDNNFunctionLinear,     // alpha · x + beta
  OneDNNFunctionSigmoid,
  OneDNNFunctionExp,
  OneDNNFunctionGeluErf,
  OneDNNFunctionGeluTanh,
  OneDNNFunctionSwish,      // x · sigmoid(alpha · x)
  OneDNNFunctionClip,       // alpha: lower, beta: upper
  OneDNNFunctionPower,      // alpha · x^beta
  OneDNNFunctionRound,      // half to even
  OneDNNFunctionMish,
  OneDNNFunctionHardSwish,
} OneDNNFunction;

typedef enum ONEDNN_CLOSED OneDNNCombination : int32_t {
  OneDNNCombinationAdd,
  OneDNNCombinationSubtract,
  OneDNNCombinationMultiply,
  OneDNNCombinationDivide,
  OneDNNCombinationMaximum,
  OneDNNCombinationMinimum,
} OneDNNCombination;

typedef enum ONEDNN_CLOSED OneDNNStepKind : int32_t {
  OneDNNStepKindFunction,
  OneDNNStepKindCombination,  // with `operand`, which has the rank of the destination and broadcasts where its size is 1
  OneDNNStepKindAccumulate,   // adds what the destination held before
} OneDNNStepKind;

/// What is applied to each element of the result before it is stored.
typedef struct {
  OneDNNStepKind kind;
  OneDNNFunction function;
  OneDNNCombination combination;
  float alpha, beta;
  onednn_tensor operand;
} onednn_step;

typedef struct {
  OneDNNKind kind;
  OneDNNFunction function;
  OneDNNCombination combination;
  onednn_tensor source, weights, bias, destination;
  int64_t strides[3], dilations[3], window[3];  // dilation 1 is dense
  int64_t padsBegin[3], padsEnd[3];
  int32_t axis;
  float alpha, beta, epsilon;
  int32_t stepCount;
  onednn_step steps[onednn_step_limit];
} onednn_problem;

/// Adds a step; false when there are too many.
bool onednn_problem_append(onednn_problem *problem, const onednn_step *step);

// MARK: - Primitives

/// A compiled problem. Immutable to its users and safe to run from any number of threads at once.
typedef struct onednn_primitive onednn_primitive;

/// True when the library has an implementation; its name, as in "brgconv:avx512_core", goes to
/// `implementation`. Compiles nothing.
bool onednn_consider(const onednn_problem *problem, char *implementation, size_t implementationCapacity, char *error,
                     size_t capacity);

onednn_primitive *_Nullable onednn_prepare(const onednn_problem *problem, char *error, size_t capacity);
void onednn_release(onednn_primitive *primitive);

const char *onednn_implementation(const onednn_primitive *primitive);
/// Bytes of scratch memory that each run needs, at an address divisible by 64.
size_t onednn_scratch_bytes(const onednn_primitive *primitive);
/// Bytes of the weights in the order that the primitive chose.
size_t onednn_weights_bytes(const onednn_primitive *primitive);
/// A number that two primitives share exactly when their weights have the same order of bytes (but for hash
/// collisions).
uint64_t onednn_weights_digest(const onednn_primitive *primitive);
/// Writes weights that lie as `from` says into the order that the primitive chose.
bool onednn_pack_weights(const onednn_primitive *primitive, const onednn_tensor *from, const void *weights,
                         void *packed, char *error, size_t capacity);

/// Runs on the calling thread. `operands` holds an address for every step that has an operand, indexed by step.
/// `weights` is only read. False: the library reported an error.
bool onednn_run(const onednn_primitive *primitive, const void *source, const void *_Nullable weights,
                const void *_Nullable bias, void *destination, void *_Nullable scratch,
                const void *_Nullable const *_Nullable operands);

#pragma clang assume_nonnull end
