benchmarks.runAndExit()
