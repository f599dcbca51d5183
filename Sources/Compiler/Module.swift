// The Compiler module.
