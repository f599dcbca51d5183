#define _GNU_SOURCE
#include "CAllocationCount.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

// The names that the C library keeps for its own allocator, so that another may stand before it.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_int counting;
static atomic_int tracing;
static atomic_long own, libraries;

// Whether the code at an address is a library's that backends call: its C++ allocates through libstdc++, and its variables
// per thread through the loader.
static int is_library(void *caller) {
  static const char *const names[] = {"libdnnl", "libopenblas", "libblas", "libgomp", "libstdc++", "libgfortran",
                                      "ld-linux"};
  Dl_info info;
  if (!dladdr(caller, &info) || !info.dli_fname) return 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strstr(info.dli_fname, names[i])) return 1;
  return 0;
}

static void note(void *caller) {
  if (!atomic_load_explicit(&counting, memory_order_relaxed)) return;
  atomic_fetch_add_explicit(is_library(caller) ? &libraries : &own, 1, memory_order_relaxed);
  if (atomic_load_explicit(&tracing, memory_order_relaxed)) {
    atomic_store(&counting, 0);
    void *frames[24];
    backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
    atomic_store(&counting, 1);
  }
}

void *malloc(size_t size) { note(__builtin_return_address(0)); return __libc_malloc(size); }
void *calloc(size_t n, size_t size) { note(__builtin_return_address(0)); return __libc_calloc(n, size); }
void *realloc(void *old, size_t size) { note(__builtin_return_address(0)); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { note(__builtin_return_address(0)); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { note(__builtin_return_address(0)); return __libc_memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
  note(__builtin_return_address(0));
  void *memory = __libc_memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  return 0;
}

void allocation_count_trace(int enabled) { atomic_store(&tracing, enabled); }

void allocation_count_start(void) {
  atomic_store(&own, 0);
  atomic_store(&libraries, 0);
  atomic_store(&counting, 1);
}

void allocation_count_stop(void) { atomic_store(&counting, 0); }

long allocation_count_own(void) { return atomic_load(&own); }

long allocation_count_libraries(void) { return atomic_load(&libraries); }
