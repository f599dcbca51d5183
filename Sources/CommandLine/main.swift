import Glibc

// The engine calls OpenBLAS from threads of its own: the library's would only spin beside the first run.
setenv("OPENBLAS_NUM_THREADS", "1", 0)
tool.runAndExit()
