import Glibc
import Needletail

// Forks and ends processes while a model runs: ProcessProbe fork|exit MODEL BACKEND COUNT
//
// fork: children, one after the other, each of which computes what its parent did, and exits while it runs.
// exit: the process itself exits while it runs; COUNT is how many microseconds it runs before.

exit(try probe(CommandLine.arguments))
