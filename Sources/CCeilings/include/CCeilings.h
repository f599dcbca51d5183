#pragma once

#include <stddef.h>
#include <stdint.h>

// Loops that do nothing but what a ceiling counts. They are assembly where it matters: an optimizer may neither
// drop them nor, when it is switched off, fill them with other work.
//
// `isa` is 0 for plain C, 1 for AVX2 with FMA, 2 for AVX-512; the caller knows that the processor has it.

/// Runs `rounds` rounds of independent multiply-adds of float and returns the operations done, two for each.
double nt_ceiling_multiply_add(int32_t isa, size_t rounds);

/// Loads `bytes` bytes, a multiple of 4096, from `base`, which is aligned to 64, `passes` times over.
void nt_ceiling_read(int32_t isa, const void *base, size_t bytes, size_t passes);
