runTool()
