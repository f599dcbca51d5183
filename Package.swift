// swift-tools-version: 6.1
import PackageDescription

/// A Swift module; dependencies are the arrows of docs/architecture.md, which only point down.
func module(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: [.swiftLanguageMode(.v6)])
}

func backend(_ name: String, folder: String, c: [Target.Dependency] = []) -> Target {
  module(name, path: "Backends/\(folder)", c + ["Kernels", "Operators", "IR", "Tensors"])
}

func program(_ name: String, path: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: path, swiftSettings: [.swiftLanguageMode(.v6)])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude,
    swiftSettings: [.swiftLanguageMode(.v6)])
}

// MARK: - Vocabulary

let vocabulary: [Target] = [
  module("Tensors"),
  module("IR", ["Tensors"]),
  module("Operators", ["IR", "Tensors"]),
  module("ONNX", ["Operators", "IR", "Tensors"]),
]

// MARK: - Engine

let engine: [Target] = [
  module("Host"),
  .target(name: "CFutex"),
  module("Kernels", ["CFutex", "Host", "Operators", "IR", "Tensors"]),
  module("Passes", ["Operators", "IR", "Tensors"]),
  module("Runtime", ["Kernels", "Host", "Operators", "IR", "Tensors"]),
  module("Compiler", ["Passes", "Runtime", "Kernels", "Host", "Operators", "IR", "Tensors"]),
  module("CompiledFile", ["Compiler", "Kernels", "ONNX", "Operators", "IR", "Tensors"]),
]

// MARK: - Backends

let backends: [Target] = [
  .target(name: "CLeptonica", path: "Backends/Leptonica/CLeptonica"),
  backend("NaiveKernels", folder: "Naive", c: ["CLeptonica"]),
  .target(name: "SIMDMicrokernels", path: "Backends/SIMD/Microkernels"),
  backend("SIMDKernels", folder: "SIMD/Backend", c: ["SIMDMicrokernels"]),
  .target(name: "COpenBLAS", path: "Backends/OpenBLAS/COpenBLAS"),
  backend("OpenBLASKernels", folder: "OpenBLAS/Backend", c: ["COpenBLAS"]),
  .target(name: "COneDNN", path: "Backends/OneDNN/COneDNN"),
  backend("OneDNNKernels", folder: "OneDNN/Backend", c: ["COneDNN"]),
]
let backendModules: [Target.Dependency] = ["NaiveKernels", "SIMDKernels", "OpenBLASKernels", "OneDNNKernels"]

// MARK: - Product

let core: [Target.Dependency] = [
  "CompiledFile", "Compiler", "Passes", "Runtime", "Kernels", "Host", "ONNX", "Operators", "IR", "Tensors",
]
let reporting: [Target.Dependency] = ["Measurement", "Reports", "Terminal"]
let product: [Target] = [
  module("Measurement", ["Host"]),
  module("Reports", ["Measurement", "Host"]),
  module("Terminal", ["Reports", "Measurement", "Host"]),
  .target(name: "CCeilings"),
  module("Needletail", core + ["Measurement", "CCeilings"] + backendModules),
  program("NeedletailTool", path: "Sources/CommandLine", ["Needletail"] + reporting + core),
  program("NeedletailBenchmarks", path: "Benchmarks/Harness", ["Needletail"] + reporting + core),
]

// MARK: - Tests

let testTargets: [Target] = [
  module("TestSupport", path: "Tests/TestSupport", ["Kernels", "Operators", "IR", "Tensors"]),
  module(
    "OperatorSuite", path: "Tests/OperatorSuite", ["TestSupport", "Kernels", "Operators", "IR", "Tensors"]),
  tests("TensorsTests", ["Tensors", "TestSupport"]),
  tests("IRTests", ["Operators", "IR", "Tensors"]),
  tests("OperatorsTests", ["Operators", "IR", "Tensors"]),
  tests(
    "NaiveTests", ["NaiveKernels", "OperatorSuite", "TestSupport", "Kernels", "Operators", "IR", "Tensors"]),
  tests("BackendTests", ["Needletail", "OperatorSuite", "TestSupport"] + core + backendModules),
  tests("SIMDTests", ["SIMDKernels", "NaiveKernels", "Kernels", "Operators", "IR", "Tensors"]),
  tests("KernelsTests", ["Kernels", "Tensors", "Host"]),
  tests("MeasurementTests", ["Measurement", "TestSupport", "Host"]),
  tests("ReportsTests", ["Reports", "Measurement", "Host"]),
  tests("CompilerTests", ["Compiler", "TestSupport", "Tensors", "Host"]),
  tests(
    "PassesTests", ["Passes", "ONNX", "NaiveKernels", "Kernels", "Operators", "IR", "Tensors"],
    exclude: ["Goldens"]),
  tests(
    "NeedletailTests",
    [
      "Needletail", "CompiledFile", "ONNX", "IR", "RecordedData", "Kernels", "Operators", "Host", "Tensors",
      "TestSupport",
    ]),
  tests("HostileTests", ["NeedletailTool", "TestSupport"]),
  tests("CommandLineTests", ["NeedletailTool", "TestSupport"] + reporting),
  tests(
    "BenchmarksTests",
    ["NeedletailBenchmarks", "NeedletailTool", "RecordedData", "TestSupport", "Needletail"] + reporting
      + core,
    exclude: ["fake_worker.py"]),
  tests("ONNXTests", ["ONNX", "Operators", "IR", "Tensors"]),
  tests(
    "ForeignTests",
    ["OpenBLASKernels", "OneDNNKernels", "NaiveKernels", "Kernels", "Operators", "IR", "Tensors"]),
  module("RecordedData", path: "Tests/RecordedData", ["Host"]),
  tests("ModelTests", ["RecordedData", "TestSupport", "Needletail", "Host"]),
  tests("ConformanceTests", ["RecordedData", "TestSupport", "Needletail", "Host"]),
  .target(name: "CAllocationCount", path: "Tests/CAllocationCount"),
  program("AllocationProbe", path: "Tests/AllocationProbe", ["CAllocationCount", "Needletail"]),
  program("ProcessProbe", path: "Tests/ProcessProbe", ["Needletail"]),
]

let package = Package(
  name: "Needletail",
  products: [
    .library(name: "Needletail", targets: ["Needletail"]),
    .executable(name: "needletail", targets: ["NeedletailTool"]),
    .executable(name: "needletail-benchmarks", targets: ["NeedletailBenchmarks"]),
  ],
  targets: vocabulary + engine + backends + product + testTargets
)
