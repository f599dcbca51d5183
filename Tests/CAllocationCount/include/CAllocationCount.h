#pragma once

// Counts the heap allocations of this process, by standing before the C library's allocator.

/// Starts counting from zero, on all threads.
void allocation_count_start(void);

void allocation_count_stop(void);

/// How often our own code asked for memory, the language's runtime among it.
long allocation_count_own(void);

/// How often the libraries behind backends did.
long allocation_count_libraries(void);

/// Prints where each further allocation comes from to standard error, while counting.
void allocation_count_trace(int enabled);
