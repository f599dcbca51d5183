#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

onednn_tensor onednn_tensor_make(int32_t rank, const int64_t *sizes, const int64_t *strides) {
  onednn_tensor tensor = {.rank = rank, .opaque = !strides};
  for (int32_t i = 0; i < rank && i < onednn_rank_limit; i++) {
    tensor.sizes[i] = sizes[i];
    tensor.strides[i] = strides ? strides[i] : 0;
  }
  return tensor;
}

bool onednn_problem_append(onednn_problem *problem, const onednn_step *step) {
  if (problem->stepCount >= onednn_step_limit) {
    return false;
  }
  problem->steps[problem->stepCount++] = *step;
  return true;
}

#if ONEDNN_HEADERS == 2

onednn_table onednn;
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;          // guarded by `loading`
static char identity[64];    // constant once loaded
static _Thread_local int threads_of_this_thread;

static const char *isa_name(dnnl_cpu_isa_t isa) {
  switch (isa) {
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
    default: return NULL;
  }
}

/// Keeps the library to some instructions, which it allows until it has first looked at the processor.
static bool limit(onednn_table *table, const char *name, OneDNNInstructions most, char *problem, size_t capacity) {
  if (most == OneDNNInstructionsAll) {
    return true;
  }
  dnnl_cpu_isa_t isa = most == OneDNNInstructionsAVX2 ? dnnl_cpu_isa_avx2 : dnnl_cpu_isa_sse41;
  table->set_max_cpu_isa(isa);
  dnnl_cpu_isa_t effective = table->get_effective_cpu_isa();
  // Each set is a set of bits, which holds those of the sets before it.
  if (effective != dnnl_cpu_isa_all && !(effective & ~isa)) {
    return true;
  }
  const char *found = isa_name(effective);
  snprintf(problem, capacity, "%s: uses %s and cannot be kept to %s any more", name, found ? found : "other instructions",
           isa_name(isa));
  return false;
}

/// Fills a table and the identity from `name`.
static bool open_one(const char *name, OneDNNInstructions most, onednn_table *table, char text[static 64],
                     char *problem, size_t capacity) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(problem, capacity, "%s; install the Debian package libdnnl-dev", reason ? reason : name);
    return false;
  }
#define F(function)                                                       \
  table->function = (__typeof__(table->function))dlsym(handle, "dnnl_" #function); \
  if (!table->function) {                                                 \
    snprintf(problem, capacity, "%s: has no dnnl_" #function, name);      \
    dlclose(handle);                                                      \
    return false;                                                         \
  }
  ONEDNN_FUNCTIONS(F)
#undef F
  const dnnl_version_t *version = table->version();
  // The structures compiled in are those of the header: a newer minor version only appends to its
  // enumerations.
  if (version->major != DNNL_VERSION_MAJOR || version->minor < DNNL_VERSION_MINOR) {
    snprintf(problem, capacity, "%s: version %d.%d.%d, but the headers were those of %d.%d", name, version->major,
             version->minor, version->patch, DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR);
    dlclose(handle);
    return false;
  }
  if (!limit(table, name, most, problem, capacity)) {
    dlclose(handle);
    return false;
  }
  dnnl_status_t status = table->engine_create(&table->engine, dnnl_cpu, 0);
  if (status != dnnl_success) {
    onednn_explain(problem, capacity, "no CPU engine", status);
    dlclose(handle);
    return false;
  }
  // Looked up through the library's own handle: its OpenMP runtime is not visible to the rest of the process.
  table->set_threads = (void (*)(int))dlsym(handle, "omp_set_num_threads");
  table->get_threads = (int (*)(void))dlsym(handle, "omp_get_max_threads");
  dnnl_cpu_isa_t isa = table->get_effective_cpu_isa();
  const char *isa_text = isa_name(isa);
  char number[16];
  snprintf(number, sizeof number, "isa%x", (unsigned)isa);
  snprintf(text, 64, "%d.%d.%d %s", version->major, version->minor, version->patch,
           isa_text ? isa_text : number);
  return true;
}

bool onednn_load(const char *const *names, size_t count, OneDNNInstructions most, char *error, size_t capacity) {
  static const char *const usual_names[] = {"libdnnl.so.2", "libdnnl.2.dylib"};
  char problem[512] = "", first[512] = "";
  bool asked = names && count;
  if (!asked) {
    names = usual_names;
    count = sizeof usual_names / sizeof usual_names[0];
  }
  pthread_mutex_lock(&loading);
  // A name that the caller chose is tried even when a library is open, so that a wrong one is reported.
  bool found = loaded && !asked;
  for (size_t i = 0; i < count && !found; i++) {
    onednn_table table = {0};
    char text[64];
    found = open_one(names[i], most, &table, text, problem, sizeof problem);
    if (found && !loaded) {
      onednn = table;
      memcpy(identity, text, sizeof identity);
      loaded = true;
    }
    if (!found && !first[0]) {
      memcpy(first, problem, sizeof first);
    }
  }
  pthread_mutex_unlock(&loading);
  if (!found && capacity) {
    snprintf(error, capacity, "oneDNN could not be opened (%s)", first);
  }
  return found;
}

const char *onednn_identity(void) { return identity; }

void onednn_use_threads(int count) { threads_of_this_thread = count; }

int onednn_enter(void) {
  if (!onednn.set_threads || !onednn.get_threads) {
    return 0;
  }
  int found = onednn.get_threads(), wanted = threads_of_this_thread ? threads_of_this_thread : 1;
  if (found == wanted) {
    return 0;
  }
  onednn.set_threads(wanted);
  return found;
}

void onednn_leave(int entered) {
  if (entered) {
    onednn.set_threads(entered);
  }
}

void onednn_explain(char *error, size_t capacity, const char *what, dnnl_status_t status) {
  if (!capacity) {
    return;
  }
  const char *reason = "an error of the library";
  switch (status) {
    case dnnl_out_of_memory: reason = "out of memory"; break;
    case dnnl_invalid_arguments: reason = "the library calls it invalid"; break;
    case dnnl_unimplemented: reason = "the library has no implementation"; break;
    default: break;
  }
  snprintf(error, capacity, "%s: %s", what, reason);
}

#endif
