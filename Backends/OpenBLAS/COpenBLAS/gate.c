#include "gate.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

enum { is_open, is_paused, is_closed };
enum { place_count = 64, place_bytes = 64 };

/// Calls inside, counted in many places so that threads do not share a cache line.
typedef struct {
  _Alignas(place_bytes) atomic_int inside;
} place;

static atomic_int state;
static place places[place_count];
static atomic_int threads_seen;
static _Thread_local int own_place;  // counted from 1; 0: none yet

static atomic_int *own(void) {
  if (!own_place) {
    own_place = atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed) % place_count + 1;
  }
  return &places[own_place - 1].inside;
}

bool gate_enter(void) {
  atomic_int *inside = own();
  while (true) {
    // In one order with the other side's store and loads: one of the two sees the other.
    atomic_fetch_add(inside, 1);
    int now = atomic_load(&state);
    if (now == is_open) {
      return true;
    }
    atomic_fetch_sub(inside, 1);
    if (now == is_closed) {
      return false;
    }
    sched_yield();
  }
}

void gate_leave(void) { atomic_fetch_sub_explicit(own(), 1, memory_order_release); }

static bool is_empty(void) {
  for (int i = 0; i < place_count; i++) {
    if (atomic_load(&places[i].inside) != 0) {
      return false;
    }
  }
  return true;
}

/// Waits for the calls inside, but not for ever: a thread may have been stopped in the middle of one.
static void shut(int how) {
  atomic_store(&state, how);
  for (int i = 0; i < 20000 && !is_empty(); i++) {
    nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  }
}

static void close_at_exit(void) { shut(is_closed); }

static void pause_for_fork(void) {
  if (atomic_load(&state) == is_open) {
    shut(is_paused);
  }
}

static void reopen(void) {
  int expected = is_paused;
  atomic_compare_exchange_strong(&state, &expected, is_open);
}

/// Threads that were still inside are not in the child.
static void reopen_in_child(void) {
  for (int i = 0; i < place_count; i++) {
    atomic_store(&places[i].inside, 0);
  }
  reopen();
}

static void prepare(void) {
  atexit(close_at_exit);
  pthread_atfork(pause_for_fork, reopen, reopen_in_child);
}

void gate_prepare(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, prepare);
}
