tool.runAndExit()
