#include "library.h"

#include <stdio.h>

// The interface when the package was built without headers that fit: everything says so, nothing is called.
#if ONEDNN_HEADERS != 2

static void explain(char *error, size_t capacity) {
  if (capacity) {
    snprintf(error, capacity, "%s",
             ONEDNN_HEADERS ? "built with the headers of a oneDNN other than version 2, which this backend speaks"
                            : "built without the headers of oneDNN: install the Debian package libdnnl-dev and rebuild");
  }
}

bool onednn_load(const char *const *names, size_t count, OneDNNInstructions most, char *error, size_t capacity) {
  explain(error, capacity);
  return false;
}

const char *onednn_identity(void) { return ""; }
void onednn_use_threads(int count) {}

bool onednn_consider(const onednn_problem *problem, char *implementation, size_t implementationCapacity, char *error,
                     size_t capacity) {
  explain(error, capacity);
  return false;
}

onednn_primitive *onednn_prepare(const onednn_problem *problem, char *error, size_t capacity) {
  explain(error, capacity);
  return NULL;
}

void onednn_release(onednn_primitive *primitive) {}
const char *onednn_implementation(const onednn_primitive *primitive) { return ""; }
size_t onednn_scratch_bytes(const onednn_primitive *primitive) { return 0; }
size_t onednn_weights_bytes(const onednn_primitive *primitive) { return 0; }
uint64_t onednn_weights_digest(const onednn_primitive *primitive) { return 0; }

bool onednn_pack_weights(const onednn_primitive *primitive, const onednn_tensor *from, const void *weights,
                         void *packed, char *error, size_t capacity) {
  explain(error, capacity);
  return false;
}

bool onednn_run(const onednn_primitive *primitive, const void *source, const void *weights, const void *bias,
                void *destination, void *scratch, const void *const *operands) {
  return false;
}

#endif
