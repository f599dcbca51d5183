import Glibc

// Counts the heap allocations of bound runs after the first, alone in a process of its own:
// AllocationProbe MODEL BACKEND THREADS RUNS [trace]
//
// Or tells how memory grows while a model runs on ever new sizes:
// AllocationProbe shapes MODEL BACKEND COUNT PLANBYTES

let arguments = CommandLine.arguments
exit(arguments.dropFirst().first == "shapes" ? probeShapes(arguments) : probe(arguments))
