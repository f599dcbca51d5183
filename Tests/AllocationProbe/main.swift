import Glibc

// Counts the heap allocations of bound runs after the first, alone in a process of its own:
// AllocationProbe MODEL BACKEND THREADS RUNS [trace]

exit(probe(CommandLine.arguments))
