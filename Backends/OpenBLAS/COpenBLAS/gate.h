#pragma once
#include <stdbool.h>

/// The gate before the library's functions, which keeps its own end and a fork from meeting a running call.
///
/// `exit` gives back the library's memory, and a child of `fork` keeps the state of its locks: neither may happen while a
/// call is inside. Prepares the gate; the first call must come after the library was opened, so that the end of the
/// process closes the gate before the library ends.
void gate_prepare(void);

/// Whether the calling thread may call the library, and must then call `gate_leave`. False at the end of the process.
bool gate_enter(void);
void gate_leave(void);
