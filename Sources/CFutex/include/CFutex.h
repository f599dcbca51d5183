#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Sleeps while the word holds `value`; may return early. The word is read by the system, not by the caller.
void futex_wait(uint32_t *word, uint32_t value);

/// Wakes one thread that sleeps on the word.
void futex_wake(uint32_t *word);

/// Tells the processor that a loop waits for another thread.
static inline void spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

#pragma clang assume_nonnull end
