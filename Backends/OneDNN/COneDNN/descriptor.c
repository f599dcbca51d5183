#include "library.h"

#if ONEDNN_HEADERS == 2

void onednn_describe(const onednn_tensor *tensor, dnnl_memory_desc_t *descriptor) {
  // Both calls only check and copy; sizes that the library cannot represent surface when the primitive is
  // described.
  if (tensor->opaque) {
    onednn.memory_desc_init_by_tag(descriptor, tensor->rank, tensor->sizes, dnnl_f32, dnnl_format_tag_any);
  } else {
    onednn.memory_desc_init_by_strides(descriptor, tensor->rank, tensor->sizes, dnnl_f32, tensor->strides);
  }
}

static dnnl_alg_kind_t function_algorithm(OneDNNFunction function) {
  switch (function) {
    case OneDNNFunctionRelu: return dnnl_eltwise_relu;
    case OneDNNFunctionTanh: return dnnl_eltwise_tanh;
    case OneDNNFunctionElu: return dnnl_eltwise_elu;
    case OneDNNFunctionAbs: return dnnl_eltwise_abs;
    case OneDNNFunctionSqrt: return dnnl_eltwise_sqrt;
    case OneDNNFunctionLinear: return dnnl_eltwise_linear;
    case OneDNNFunctionSigmoid: return dnnl_eltwise_logistic;
    case OneDNNFunctionExp: return dnnl_eltwise_exp;
    case OneDNNFunctionGeluErf: return dnnl_eltwise_gelu_erf;
    case OneDNNFunctionGeluTanh: return dnnl_eltwise_gelu_tanh;
    case OneDNNFunctionSwish: return dnnl_eltwise_swish;
    case OneDNNFunctionClip: return dnnl_eltwise_clip;
    case OneDNNFunctionPower: return dnnl_eltwise_pow;
    case OneDNNFunctionRound: return dnnl_eltwise_round;
    case OneDNNFunctionMish: return dnnl_eltwise_mish;
    case OneDNNFunctionHardSwish: return dnnl_eltwise_hardswish;
  }
  return dnnl_alg_kind_undef;
}

static dnnl_alg_kind_t combination_algorithm(OneDNNCombination combination) {
  switch (combination) {
    case OneDNNCombinationAdd: return dnnl_binary_add;
    case OneDNNCombinationSubtract: return dnnl_binary_sub;
    case OneDNNCombinationMultiply: return dnnl_binary_mul;
    case OneDNNCombinationDivide: return dnnl_binary_div;
    case OneDNNCombinationMaximum: return dnnl_binary_max;
    case OneDNNCombinationMinimum: return dnnl_binary_min;
  }
  return dnnl_alg_kind_undef;
}

static dnnl_status_t append(dnnl_post_ops_t chain, const onednn_step *step) {
  dnnl_memory_desc_t operand;
  switch (step->kind) {
    case OneDNNStepKindFunction:
      return onednn.post_ops_append_eltwise(chain, 1.0f, function_algorithm(step->function), step->alpha, step->beta);
    case OneDNNStepKindCombination:
      onednn_describe(&step->operand, &operand);
      return onednn.post_ops_append_binary(chain, combination_algorithm(step->combination), &operand);
    case OneDNNStepKindAccumulate:
      return onednn.post_ops_append_sum(chain, 1.0f);
  }
  return dnnl_invalid_arguments;
}

/// Scratch memory is the caller's, so that a run allocates none and a primitive holds no state.
static dnnl_status_t attributes(const onednn_problem *problem, dnnl_primitive_attr_t *out) {
  dnnl_primitive_attr_t attributes;
  dnnl_status_t status = onednn.primitive_attr_create(&attributes);
  if (status != dnnl_success) {
    return status;
  }
  status = onednn.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success && problem->stepCount > 0) {
    dnnl_post_ops_t chain;
    status = onednn.post_ops_create(&chain);
    if (status == dnnl_success) {
      for (int32_t i = 0; i < problem->stepCount && status == dnnl_success; i++) {
        status = append(chain, &problem->steps[i]);
      }
      if (status == dnnl_success) {
        status = onednn.primitive_attr_set_post_ops(attributes, chain);
      }
      onednn.post_ops_destroy(chain);
    }
  }
  if (status != dnnl_success) {
    onednn.primitive_attr_destroy(attributes);
    return status;
  }
  *out = attributes;
  return dnnl_success;
}

/// An operation descriptor of any kind: the library tells them apart by their first field.
typedef union {
  dnnl_convolution_desc_t convolution;
  dnnl_deconvolution_desc_t deconvolution;
  dnnl_matmul_desc_t matmul;
  dnnl_inner_product_desc_t inner_product;
  dnnl_pooling_v2_desc_t pooling;
  dnnl_eltwise_desc_t eltwise;
  dnnl_binary_desc_t binary;
  dnnl_softmax_desc_t softmax;
  dnnl_logsoftmax_desc_t logsoftmax;
  dnnl_layer_normalization_desc_t layer_normalization;
} operation;

static dnnl_status_t describe_operation(const onednn_problem *p, operation *out) {
  dnnl_memory_desc_t source, weights, bias, destination;
  onednn_describe(&p->source, &source);
  onednn_describe(&p->destination, &destination);
  const bool has_bias = p->bias.rank > 0;
  if (p->weights.rank > 0) {
    onednn_describe(&p->weights, &weights);
  }
  if (has_bias) {
    onednn_describe(&p->bias, &bias);
  }
  const dnnl_memory_desc_t *given_bias = has_bias ? &bias : NULL;
  dnnl_dims_t dilations;  // the library counts the gaps: 0 is dense
  for (int i = 0; i < 3; i++) {
    dilations[i] = p->dilations[i] - 1;
  }
  const dnnl_prop_kind_t inference = dnnl_forward_inference;
  switch (p->kind) {
    case OneDNNKindConvolution:
      return onednn.dilated_convolution_forward_desc_init(&out->convolution, inference, dnnl_convolution_direct,
                                                          &source, &weights, given_bias, &destination, p->strides,
                                                          dilations, p->padsBegin, p->padsEnd);
    case OneDNNKindDeconvolution:
      return onednn.dilated_deconvolution_forward_desc_init(&out->deconvolution, inference,
                                                            dnnl_deconvolution_direct, &source, &weights, given_bias,
                                                            &destination, p->strides, dilations, p->padsBegin,
                                                            p->padsEnd);
    case OneDNNKindMatmul:
      return onednn.matmul_desc_init(&out->matmul, &source, &weights, given_bias, &destination);
    case OneDNNKindInnerProduct:
      return onednn.inner_product_forward_desc_init(&out->inner_product, inference, &source, &weights, given_bias,
                                                    &destination);
    case OneDNNKindMaxPooling:
    case OneDNNKindAverageWithPadding:
    case OneDNNKindAverageWithoutPadding: {
      dnnl_alg_kind_t algorithm = p->kind == OneDNNKindMaxPooling             ? dnnl_pooling_max
                                  : p->kind == OneDNNKindAverageWithPadding ? dnnl_pooling_avg_include_padding
                                                                            : dnnl_pooling_avg_exclude_padding;
      return onednn.pooling_v2_forward_desc_init(&out->pooling, inference, algorithm, &source, &destination,
                                                 p->strides, p->window, dilations, p->padsBegin, p->padsEnd);
    }
    case OneDNNKindFunction:
      return onednn.eltwise_forward_desc_init(&out->eltwise, inference, function_algorithm(p->function), &source,
                                              p->alpha, p->beta);
    case OneDNNKindCombination:
      return onednn.binary_desc_init(&out->binary, combination_algorithm(p->combination), &source, &weights,
                                     &destination);
    case OneDNNKindSoftmax:
      return onednn.softmax_forward_desc_init(&out->softmax, inference, &source, p->axis);
    case OneDNNKindLogSoftmax:
      return onednn.logsoftmax_forward_desc_init(&out->logsoftmax, inference, &source, p->axis);
    case OneDNNKindLayerNormalization:
      return onednn.layer_normalization_forward_desc_init(
          &out->layer_normalization, inference, &source, NULL, p->epsilon,
          (p->weights.rank > 0 ? dnnl_use_scale : 0u) | (has_bias ? dnnl_use_shift : 0u));
    case OneDNNKindReorder:
      break;
  }
  return dnnl_invalid_arguments;
}

dnnl_primitive_desc_t onednn_descriptor(const onednn_problem *problem, char *error, size_t capacity) {
  dnnl_primitive_attr_t given;
  dnnl_status_t status = attributes(problem, &given);
  if (status != dnnl_success) {
    onednn_explain(error, capacity, "fused steps", status);
    return NULL;
  }
  dnnl_primitive_desc_t descriptor = NULL;
  if (problem->kind == OneDNNKindReorder) {
    dnnl_memory_desc_t from, to;
    onednn_describe(&problem->source, &from);
    onednn_describe(&problem->destination, &to);
    status = onednn.reorder_primitive_desc_create(&descriptor, &from, onednn.engine, &to, onednn.engine, given);
  } else {
    operation described;
    status = describe_operation(problem, &described);
    if (status == dnnl_success) {
      status = onednn.primitive_desc_create(&descriptor, &described, given, onednn.engine, NULL);
    }
  }
  onednn.primitive_attr_destroy(given);
  if (status != dnnl_success) {
    onednn_explain(error, capacity, "this problem", status);
    return NULL;
  }
  return descriptor;
}

#endif
