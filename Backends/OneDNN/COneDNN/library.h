#pragma once
#include "COneDNN.h"

#if __has_include(<oneapi/dnnl/dnnl.h>)
#include <oneapi/dnnl/dnnl_version.h>
#define ONEDNN_HEADERS DNNL_VERSION_MAJOR
#else
#define ONEDNN_HEADERS 0
#endif

#if ONEDNN_HEADERS == 2
#include <oneapi/dnnl/dnnl.h>

// Every function that is taken from the library, by its name without the prefix.
#define ONEDNN_FUNCTIONS(F)                                                                                          \
  F(version) F(set_max_cpu_isa) F(get_effective_cpu_isa) F(engine_create) F(stream_create) F(stream_destroy)                            \
  F(memory_desc_init_by_strides) F(memory_desc_init_by_tag) F(memory_desc_get_size) F(memory_desc_equal)             \
  F(memory_create) F(memory_destroy) F(memory_set_data_handle)                                                       \
  F(primitive_attr_create) F(primitive_attr_destroy) F(primitive_attr_set_scratchpad_mode)                           \
  F(primitive_attr_set_post_ops) F(post_ops_create) F(post_ops_destroy) F(post_ops_append_eltwise)                   \
  F(post_ops_append_sum) F(post_ops_append_binary)                                                                   \
  F(primitive_desc_create) F(primitive_desc_destroy) F(primitive_desc_query) F(primitive_desc_query_md)              \
  F(primitive_create) F(primitive_destroy) F(primitive_execute)                                                      \
  F(reorder_primitive_desc_create) F(dilated_convolution_forward_desc_init)                                          \
  F(dilated_deconvolution_forward_desc_init) F(matmul_desc_init) F(inner_product_forward_desc_init)                  \
  F(pooling_v2_forward_desc_init) F(eltwise_forward_desc_init) F(binary_desc_init) F(softmax_forward_desc_init)      \
  F(logsoftmax_forward_desc_init) F(layer_normalization_forward_desc_init)

typedef struct {
#define F(name) __typeof__(&dnnl_##name) name;
  ONEDNN_FUNCTIONS(F)
#undef F
  // OpenMP's, of the runtime that the library itself uses; null in a sequential build.
  void (*set_threads)(int);
  int (*get_threads)(void);
  dnnl_engine_t engine;
} onednn_table;

/// Filled once by `onednn_load`, then constant.
extern onednn_table onednn;

void onednn_explain(char *error, size_t capacity, const char *what, dnnl_status_t status);
void onednn_describe(const onednn_tensor *tensor, dnnl_memory_desc_t *descriptor);
/// Creates the descriptor of the problem's primitive; the caller destroys it.
dnnl_primitive_desc_t onednn_descriptor(const onednn_problem *problem, char *error, size_t capacity);
/// Makes the library stay on the calling thread, unless the thread asked for more. Returns what
/// `onednn_leave` needs to put the thread's OpenMP setting back, which belongs to the rest of the process.
int onednn_enter(void);
void onednn_leave(int entered);
#endif
