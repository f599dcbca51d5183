#include "library.h"

#if ONEDNN_HEADERS == 2

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { fixed_arguments = 5, argument_limit = fixed_arguments + onednn_step_limit };
enum { source_place, weights_place, bias_place, destination_place, scratch_place };

/// What one run uses alone: memory objects hold the address that the run works on.
typedef struct slot {
  atomic_bool busy;
  struct slot *next;  // constant once the slot is published
  dnnl_stream_t stream;
  dnnl_memory_t memories[argument_limit];  // null where the primitive has no such argument
  int argument_count;
  dnnl_exec_arg_t arguments[argument_limit];
} slot;

struct onednn_primitive {
  dnnl_primitive_t compiled;
  dnnl_primitive_desc_t descriptor;
  char implementation[64];
  size_t scratch_bytes, weights_bytes;
  int step_count;
  int arguments[argument_limit];                      // the library's number of each argument, 0: absent
  const dnnl_memory_desc_t *layouts[argument_limit];  // owned by `descriptor`, or by `operands`
  dnnl_memory_desc_t operands[onednn_step_limit];
  _Atomic(slot *) slots;  // grows by pushing at the front, shrinks never
};

static void destroy_slot(slot *s) {
  for (int i = 0; i < argument_limit; i++) {
    if (s->memories[i]) {
      onednn.memory_destroy(s->memories[i]);
    }
  }
  if (s->stream) {
    onednn.stream_destroy(s->stream);
  }
  free(s);
}

static slot *make_slot(const onednn_primitive *primitive) {
  slot *s = calloc(1, sizeof *s);
  if (!s) {
    return NULL;
  }
  dnnl_status_t status = onednn.stream_create(&s->stream, onednn.engine, dnnl_stream_default_flags);
  for (int i = 0; i < argument_limit && status == dnnl_success; i++) {
    if (!primitive->arguments[i]) {
      continue;
    }
    status = onednn.memory_create(&s->memories[i], primitive->layouts[i], onednn.engine, DNNL_MEMORY_NONE);
    s->arguments[s->argument_count++] = (dnnl_exec_arg_t){primitive->arguments[i], s->memories[i]};
  }
  if (status != dnnl_success) {
    destroy_slot(s);
    return NULL;
  }
  return s;
}

/// A free slot, marked busy. Allocates only when more runs overlap than ever before.
static slot *acquire(onednn_primitive *primitive) {
  for (slot *s = atomic_load_explicit(&primitive->slots, memory_order_acquire); s; s = s->next) {
    if (!atomic_load_explicit(&s->busy, memory_order_relaxed) &&
        !atomic_exchange_explicit(&s->busy, true, memory_order_acquire)) {
      return s;
    }
  }
  slot *fresh = make_slot(primitive);
  if (!fresh) {
    return NULL;
  }
  atomic_store_explicit(&fresh->busy, true, memory_order_relaxed);
  slot *head = atomic_load_explicit(&primitive->slots, memory_order_relaxed);
  do {
    fresh->next = head;
  } while (!atomic_compare_exchange_weak_explicit(&primitive->slots, &head, fresh, memory_order_release,
                                                  memory_order_relaxed));
  return fresh;
}

static void take(onednn_primitive *primitive, int place, int argument, dnnl_query_t what, int index) {
  const dnnl_memory_desc_t *layout = onednn.primitive_desc_query_md(primitive->descriptor, what, index);
  // An argument that a primitive does not have is described by zero axes.
  if (layout && layout->ndims > 0) {
    primitive->arguments[place] = argument;
    primitive->layouts[place] = layout;
  }
}

static void list_arguments(onednn_primitive *p, const onednn_problem *problem) {
  take(p, source_place, DNNL_ARG_SRC, dnnl_query_src_md, 0);
  take(p, destination_place, DNNL_ARG_DST, dnnl_query_dst_md, 0);
  take(p, scratch_place, DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, 0);
  switch (problem->kind) {
    case OneDNNKindCombination:
      take(p, weights_place, DNNL_ARG_SRC_1, dnnl_query_src_md, 1);
      break;
    case OneDNNKindLayerNormalization:
      // Scale and shift share one description, which the primitive reports as its weights.
      if (problem->weights.rank > 0) {
        take(p, weights_place, DNNL_ARG_SCALE, dnnl_query_weights_md, 0);
      }
      if (problem->bias.rank > 0) {
        take(p, bias_place, DNNL_ARG_SHIFT, dnnl_query_weights_md, 0);
      }
      break;
    case OneDNNKindConvolution:
    case OneDNNKindDeconvolution:
    case OneDNNKindMatmul:
    case OneDNNKindInnerProduct:
      take(p, weights_place, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0);
      if (problem->bias.rank > 0) {
        take(p, bias_place, DNNL_ARG_BIAS, dnnl_query_weights_md, 1);
      }
      break;
    default:
      break;
  }
  for (int i = 0; i < problem->stepCount; i++) {
    if (problem->steps[i].kind == OneDNNStepKindCombination) {
      onednn_describe(&problem->steps[i].operand, &p->operands[i]);
      p->arguments[fixed_arguments + i] = DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1;
      p->layouts[fixed_arguments + i] = &p->operands[i];
    }
  }
}

static void name_implementation(dnnl_primitive_desc_t descriptor, char *name, size_t capacity) {
  const char *text = NULL;
  if (onednn.primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &text) != dnnl_success || !text) {
    text = "unknown";
  }
  snprintf(name, capacity, "%s", text);
}

bool onednn_consider(const onednn_problem *problem, char *implementation, size_t implementationCapacity, char *error,
                     size_t capacity) {
  int entered = onednn_enter();
  dnnl_primitive_desc_t descriptor = onednn_descriptor(problem, error, capacity);
  onednn_leave(entered);
  if (!descriptor) {
    return false;
  }
  name_implementation(descriptor, implementation, implementationCapacity);
  onednn.primitive_desc_destroy(descriptor);
  return true;
}

static onednn_primitive *prepare(const onednn_problem *problem, char *error, size_t capacity) {
  onednn_primitive *primitive = calloc(1, sizeof *primitive);
  if (!primitive) {
    onednn_explain(error, capacity, "this problem", dnnl_out_of_memory);
    return NULL;
  }
  primitive->descriptor = onednn_descriptor(problem, error, capacity);
  if (!primitive->descriptor) {
    free(primitive);
    return NULL;
  }
  dnnl_status_t status = onednn.primitive_create(&primitive->compiled, primitive->descriptor);
  if (status != dnnl_success) {
    onednn_explain(error, capacity, "compiling this problem", status);
    onednn_release(primitive);
    return NULL;
  }
  name_implementation(primitive->descriptor, primitive->implementation, sizeof primitive->implementation);
  primitive->step_count = problem->stepCount;
  list_arguments(primitive, problem);
  if (primitive->arguments[scratch_place]) {
    primitive->scratch_bytes = onednn.memory_desc_get_size(primitive->layouts[scratch_place]);
  }
  if (primitive->arguments[weights_place]) {
    primitive->weights_bytes = onednn.memory_desc_get_size(primitive->layouts[weights_place]);
  }
  // The first run finds a slot; a second thread makes its own when it comes.
  slot *first = make_slot(primitive);
  if (!first) {
    onednn_explain(error, capacity, "memory objects", dnnl_out_of_memory);
    onednn_release(primitive);
    return NULL;
  }
  atomic_store(&primitive->slots, first);
  return primitive;
}

onednn_primitive *onednn_prepare(const onednn_problem *problem, char *error, size_t capacity) {
  // The library plans for the number of threads that it finds.
  int entered = onednn_enter();
  onednn_primitive *primitive = prepare(problem, error, capacity);
  onednn_leave(entered);
  return primitive;
}

void onednn_release(onednn_primitive *primitive) {
  for (slot *s = atomic_load(&primitive->slots); s;) {
    slot *next = s->next;
    destroy_slot(s);
    s = next;
  }
  if (primitive->compiled) {
    onednn.primitive_destroy(primitive->compiled);
  }
  onednn.primitive_desc_destroy(primitive->descriptor);
  free(primitive);
}

const char *onednn_implementation(const onednn_primitive *primitive) { return primitive->implementation; }
size_t onednn_scratch_bytes(const onednn_primitive *primitive) { return primitive->scratch_bytes; }
size_t onednn_weights_bytes(const onednn_primitive *primitive) { return primitive->weights_bytes; }

static uint64_t mix(uint64_t digest, uint64_t value) {
  for (int i = 0; i < 8; i++) {
    digest = (digest ^ (value >> (8 * i) & 0xff)) * 0x100000001b3u;
  }
  return digest;
}

uint64_t onednn_weights_digest(const onednn_primitive *primitive) {
  uint64_t digest = 0xcbf29ce484222325u;
  if (!primitive->arguments[weights_place]) {
    return digest;
  }
  const dnnl_memory_desc_t *m = primitive->layouts[weights_place];
  const dnnl_blocking_desc_t *b = &m->format_desc.blocking;
  digest = mix(mix(mix(digest, (uint64_t)m->ndims), m->data_type), m->format_kind);
  for (int i = 0; i < m->ndims; i++) {
    digest = mix(mix(digest, (uint64_t)m->dims[i]), (uint64_t)m->padded_dims[i]);
    if (m->format_kind == dnnl_blocked) {
      digest = mix(digest, (uint64_t)b->strides[i]);
    }
  }
  if (m->format_kind == dnnl_blocked) {
    for (int i = 0; i < b->inner_nblks; i++) {
      digest = mix(mix(digest, (uint64_t)b->inner_blks[i]), (uint64_t)b->inner_idxs[i]);
    }
  }
  return mix(mix(digest, (uint64_t)m->offset0), m->extra.flags);
}

bool onednn_pack_weights(const onednn_primitive *primitive, const onednn_tensor *from, const void *weights,
                         void *packed, char *error, size_t capacity) {
  if (!primitive->arguments[weights_place]) {
    onednn_explain(error, capacity, "weights of a primitive that has none", dnnl_invalid_arguments);
    return false;
  }
  int entered = onednn_enter();
  dnnl_memory_desc_t given;
  onednn_describe(from, &given);
  const dnnl_memory_desc_t *wanted = primitive->layouts[weights_place];
  dnnl_primitive_desc_t descriptor = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_memory_t source = NULL, destination = NULL;
  dnnl_stream_t stream = NULL;
  dnnl_status_t status = onednn.reorder_primitive_desc_create(&descriptor, &given, onednn.engine, wanted,
                                                              onednn.engine, NULL);
  if (status == dnnl_success) status = onednn.primitive_create(&reorder, descriptor);
  if (status == dnnl_success) status = onednn.stream_create(&stream, onednn.engine, dnnl_stream_default_flags);
  if (status == dnnl_success) status = onednn.memory_create(&source, &given, onednn.engine, (void *)weights);
  if (status == dnnl_success) status = onednn.memory_create(&destination, wanted, onednn.engine, packed);
  if (status == dnnl_success) {
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, destination}};
    status = onednn.primitive_execute(reorder, stream, 2, arguments);
  }
  if (status != dnnl_success) onednn_explain(error, capacity, "packing weights", status);
  if (destination) onednn.memory_destroy(destination);
  if (source) onednn.memory_destroy(source);
  if (stream) onednn.stream_destroy(stream);
  if (reorder) onednn.primitive_destroy(reorder);
  if (descriptor) onednn.primitive_desc_destroy(descriptor);
  onednn_leave(entered);
  return status == dnnl_success;
}

bool onednn_run(const onednn_primitive *shared, const void *source, const void *weights, const void *bias,
                void *destination, void *scratch, const void *const *operands) {
  // Only the list of slots changes, through atomics.
  onednn_primitive *primitive = (onednn_primitive *)shared;
  slot *s = acquire(primitive);
  if (!s) {
    return false;
  }
  int entered = onednn_enter();
  // The library takes addresses it only reads without const.
  void *addresses[argument_limit] = {(void *)source, (void *)weights, (void *)bias, destination, scratch};
  for (int i = 0; i < primitive->step_count; i++) {
    addresses[fixed_arguments + i] = operands ? (void *)operands[i] : NULL;
  }
  dnnl_status_t status = dnnl_success;
  for (int i = 0; i < argument_limit && status == dnnl_success; i++) {
    if (s->memories[i]) {
      status = onednn.memory_set_data_handle(s->memories[i], addresses[i]);
    }
  }
  if (status == dnnl_success) {
    status = onednn.primitive_execute(primitive->compiled, s->stream, s->argument_count, s->arguments);
  }
  onednn_leave(entered);
  atomic_store_explicit(&s->busy, false, memory_order_release);
  return status == dnnl_success;
}

#endif
