// Measures how two threads should share the convolutions of a network: oneDNN's own OpenMP threads against primitives
// of parts of the output, each run by one thread of ours. Prints the lower quartile of every layer, in microseconds.
//
//   clang -O2 -I Backends/OneDNN/COneDNN/include Benchmarks/foreign-threads/threads.c \
//     Backends/OneDNN/COneDNN/*.c -lpthread -ldl -o .build/threads
//   for mode in one openmp rows2 rows4; do .build/threads mobilenet_v2 $mode; done
#include "COneDNN.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct { int ic, oc, size, kernel, stride, pad, groups, repeats; } layer;

static const layer mobilenet_v2[] = {
  {3, 32, 224, 3, 2, 1, 1, 1},    {32, 32, 112, 3, 1, 1, 32, 1},   {32, 16, 112, 1, 1, 0, 1, 1},
  {16, 96, 112, 1, 1, 0, 1, 1},   {96, 96, 112, 3, 2, 1, 96, 1},   {96, 24, 56, 1, 1, 0, 1, 1},
  {24, 144, 56, 1, 1, 0, 1, 2},   {144, 144, 56, 3, 1, 1, 144, 1}, {144, 24, 56, 1, 1, 0, 1, 1},
  {144, 144, 56, 3, 2, 1, 144, 1}, {144, 32, 28, 1, 1, 0, 1, 1},   {32, 192, 28, 1, 1, 0, 1, 3},
  {192, 192, 28, 3, 1, 1, 192, 2}, {192, 32, 28, 1, 1, 0, 1, 2},   {192, 192, 28, 3, 2, 1, 192, 1},
  {192, 64, 14, 1, 1, 0, 1, 1},   {64, 384, 14, 1, 1, 0, 1, 4},    {384, 384, 14, 3, 1, 1, 384, 4},
  {384, 64, 14, 1, 1, 0, 1, 3},   {384, 96, 14, 1, 1, 0, 1, 1},    {96, 576, 14, 1, 1, 0, 1, 3},
  {576, 576, 14, 3, 1, 1, 576, 2}, {576, 96, 14, 1, 1, 0, 1, 2},   {576, 576, 14, 3, 2, 1, 576, 1},
  {576, 160, 7, 1, 1, 0, 1, 1},   {160, 960, 7, 1, 1, 0, 1, 3},    {960, 960, 7, 3, 1, 1, 960, 3},
  {960, 160, 7, 1, 1, 0, 1, 2},   {960, 320, 7, 1, 1, 0, 1, 1},    {320, 1280, 7, 1, 1, 0, 1, 1},
};
static const layer squeezenet[] = {
  {3, 64, 224, 3, 2, 0, 1, 1},  {64, 16, 55, 1, 1, 0, 1, 1},  {16, 64, 55, 1, 1, 0, 1, 2},  {16, 64, 55, 3, 1, 1, 1, 2},
  {128, 16, 55, 1, 1, 0, 1, 1}, {128, 32, 27, 1, 1, 0, 1, 1}, {32, 128, 27, 1, 1, 0, 1, 2}, {32, 128, 27, 3, 1, 1, 1, 2},
  {256, 32, 27, 1, 1, 0, 1, 1}, {256, 48, 13, 1, 1, 0, 1, 1}, {48, 192, 13, 1, 1, 0, 1, 2}, {48, 192, 13, 3, 1, 1, 1, 2},
  {384, 48, 13, 1, 1, 0, 1, 1}, {384, 64, 13, 1, 1, 0, 1, 1}, {64, 256, 13, 1, 1, 0, 1, 2}, {64, 256, 13, 3, 1, 1, 1, 2},
  {512, 64, 13, 1, 1, 0, 1, 1}, {512, 1000, 13, 1, 1, 0, 1, 1},
};

typedef struct {
  onednn_primitive *primitive;
  const float *source, *weights, *bias;
  float *destination;
  void *scratch;
} part;
typedef struct { part parts[16]; int count; char implementation[64]; } step;

static void die(const char *what) { fprintf(stderr, "%s\n", what); exit(1); }
static void *memory(size_t bytes) {
  void *p = NULL;
  if (posix_memalign(&p, 64, bytes ? bytes : 64)) die("memory");
  for (size_t i = 0; i < bytes / 4; i++) ((float *)p)[i] = (float)(i % 13) * 0.01f;
  return p;
}
static onednn_tensor channels_last(int64_t c, int64_t h, int64_t w, int64_t pitch, int64_t height) {
  return onednn_tensor_make(4, (int64_t[]){1, c, h, w}, (int64_t[]){height * w * pitch, 1, w * pitch, pitch});
}

/// Adds the part of `l` that makes rows [row, rowEnd) of channels [channel, channelEnd).
static void add(step *s, layer l, int row, int rowEnd, int channel, int channelEnd, const float *x, float *y,
                const float *w, const float *b, int out) {
  int first = row * l.stride - l.pad, last = (rowEnd - 1) * l.stride + l.kernel - 1 - l.pad;
  int from = first < 0 ? 0 : first, to = last >= l.size ? l.size - 1 : last;
  int oc = channelEnd - channel, ic = l.groups > 1 ? oc : l.ic;
  int right = (out - 1) * l.stride + l.kernel - l.size - l.pad;
  onednn_problem p = {.kind = OneDNNKindConvolution};
  p.source = channels_last(ic, to - from + 1, l.size, l.ic, to - from + 1);
  p.destination = channels_last(oc, rowEnd - row, out, l.oc, rowEnd - row);
  p.weights = l.groups > 1 ? onednn_tensor_make(5, (int64_t[]){oc, 1, 1, l.kernel, l.kernel}, NULL)
                           : onednn_tensor_make(4, (int64_t[]){oc, ic, l.kernel, l.kernel}, NULL);
  p.bias = onednn_tensor_make(1, (int64_t[]){oc}, (int64_t[]){1});
  for (int i = 0; i < 2; i++) {
    p.strides[i] = l.stride;
    p.dilations[i] = 1;
    p.padsBegin[i] = i ? l.pad : from - first;
    p.padsEnd[i] = i ? right : last - to;
  }
  p.stepCount = 1;
  p.steps[0] = (onednn_step){.kind = OneDNNStepKindFunction, .function = OneDNNFunctionClip, .alpha = 0, .beta = 6};
  char error[256] = "";
  part *t = &s->parts[s->count++];
  t->primitive = onednn_prepare(&p, error, sizeof error);
  if (!t->primitive) die(error);
  snprintf(s->implementation, sizeof s->implementation, "%s", onednn_implementation(t->primitive));
  onednn_tensor plain = l.groups > 1
      ? onednn_tensor_make(5, (int64_t[]){oc, 1, 1, l.kernel, l.kernel},
                           (int64_t[]){l.kernel * l.kernel, l.kernel * l.kernel, l.kernel * l.kernel, l.kernel, 1})
      : onednn_tensor_make(4, (int64_t[]){oc, ic, l.kernel, l.kernel},
                           (int64_t[]){(int64_t)ic * l.kernel * l.kernel, l.kernel * l.kernel, l.kernel, 1});
  // Parts of the same channels share their weights, as the engine's packs do.
  if (s->count > 1 && channel == 0 && row > 0 &&
      onednn_weights_digest(t->primitive) == onednn_weights_digest(s->parts[0].primitive)) {
    t->weights = s->parts[0].weights;
  } else {
    void *packed = memory(onednn_weights_bytes(t->primitive));
    const float *mine = w + (size_t)channel * (l.groups > 1 ? 1 : ic) * l.kernel * l.kernel;
    if (!onednn_pack_weights(t->primitive, &plain, mine, packed, error, sizeof error)) die(error);
    t->weights = packed;
  }
  t->source = x + (size_t)from * l.size * l.ic + (l.groups > 1 ? channel : 0);
  t->destination = y + (size_t)row * out * l.oc + channel;
  t->bias = b + channel;
  t->scratch = memory(onednn_scratch_bytes(t->primitive));
}

// The smallest possible fork and join: one other thread that spins.
static atomic_int ticket, next_part, finished;
static step *_Atomic current;
static void drain(step *s) {
  for (int i; (i = atomic_fetch_add(&next_part, 1)) < s->count;) {
    part *p = &s->parts[i];
    if (!onednn_run(p->primitive, p->source, p->weights, p->bias, p->destination, p->scratch, NULL)) die("run");
    atomic_fetch_add(&finished, 1);
  }
}
static atomic_int inside;
static void *worker(void *unused) {
  for (int seen = 0;;) {
    while (atomic_load_explicit(&ticket, memory_order_acquire) == seen) __builtin_ia32_pause();
    seen = atomic_load(&ticket);
    atomic_fetch_add(&inside, 1);
    step *s = atomic_load(&current);
    if (s) drain(s);
    atomic_fetch_sub(&inside, 1);
  }
  return unused;
}
static void run(step *s, int ours) {
  if (!ours) {
    part *p = &s->parts[0];
    if (!onednn_run(p->primitive, p->source, p->weights, p->bias, p->destination, p->scratch, NULL)) die("run");
    return;
  }
  while (atomic_load(&inside)) __builtin_ia32_pause();
  atomic_store(&finished, 0);
  atomic_store(&next_part, 0);
  atomic_store(&current, s);
  atomic_fetch_add(&ticket, 1);
  drain(s);
  while (atomic_load(&finished) < s->count) __builtin_ia32_pause();
  atomic_store(&current, NULL);
}
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec * 1e-3;
}
static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words) {
  if (count < 3) die("usage: threads mobilenet_v2|squeezenet one|openmp|rowsN|channelsN [rounds]");
  int is_mobilenet = !strcmp(words[1], "mobilenet_v2"), rounds = count > 3 ? atoi(words[3]) : 400;
  const layer *layers = is_mobilenet ? mobilenet_v2 : squeezenet;
  int kinds = is_mobilenet ? sizeof mobilenet_v2 / sizeof(layer) : sizeof squeezenet / sizeof(layer);
  int rows = !strncmp(words[2], "rows", 4) ? atoi(words[2] + 4) : 1;
  int channels = !strncmp(words[2], "channels", 8) ? atoi(words[2] + 8) : 1;
  char error[512];
  if (!onednn_load(NULL, 0, OneDNNInstructionsAll, error, sizeof error)) die(error);
  if (!strcmp(words[2], "openmp")) onednn_use_threads(2);
  static step steps[128];
  static int kind_of[128];
  int total = 0;
  float *x = memory(64 << 20), *y = memory(64 << 20);
  for (int k = 0; k < kinds; k++) {
    layer l = layers[k];
    int out = (l.size + 2 * l.pad - l.kernel) / l.stride + 1;
    for (int r = 0; r < l.repeats; r++) {
      const float *w = memory((size_t)l.oc * (l.groups > 1 ? 1 : l.ic) * l.kernel * l.kernel * 4), *b = memory(l.oc * 4);
      step *s = &steps[total];
      kind_of[total++] = k;
      for (int i = 0; i < rows * channels; i++) {
        int blocks = l.oc / 8, c0 = 8 * (blocks * i / channels), c1 = i + 1 == channels ? l.oc : 8 * (blocks * (i + 1) / channels);
        if (channels > 1) add(s, l, 0, out, c0, c1, x, y, w, b, out);
        else add(s, l, out * i / rows, out * (i + 1) / rows, 0, l.oc, x, y, w, b, out);
      }
    }
  }
  int ours = rows * channels > 1;
  pthread_t thread;
  if (ours) pthread_create(&thread, NULL, worker, NULL);
  double *times = calloc((size_t)rounds * (total + 1), sizeof *times);
  for (int r = -20; r < rounds; r++) {
    double start = now(), last = start;
    for (int i = 0; i < total; i++) {
      run(&steps[i], ours);
      double end = now();
      if (r >= 0) times[(size_t)i * rounds + r] = end - last;
      last = end;
    }
    if (r >= 0) times[(size_t)total * rounds + r] = last - start;
  }
  double sum = 0;
  for (int i = 0; i <= total; i++) {
    double *t = times + (size_t)i * rounds;
    qsort(t, rounds, sizeof *t, ascending);
    if (i == total) { printf("%s %s: whole %.0f, least %.0f, sum of layers %.0f\n", words[1], words[2], t[rounds / 4], t[0], sum); break; }
    layer l = layers[kind_of[i]];
    sum += t[rounds / 4];
    if (getenv("LAYERS") && (!i || kind_of[i] != kind_of[i - 1]))
      printf("%4d -> %4d @%3d k%d s%d %-7s %8.1f  %s\n", l.ic, l.oc, l.size, l.kernel, l.stride, l.groups > 1 ? "grouped" : "", t[rounds / 4], steps[i].implementation);
  }
  fflush(stdout);
  _Exit(0);  // the worker spins for ever
}
