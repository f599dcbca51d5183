import Glibc
import Host
import Needletail
import Reports
import Terminal

/// A model whose thresholds are kept.
package struct ThresholdModel: Sendable, CustomStringConvertible {
  package var name: String
  /// Whether it lies in the repository: the others come with the shared data.
  package var isBundled: Bool

  package var description: String { name }

  package static let all: [ThresholdModel] =
    ["mnist_mlp", "mnist_cnn_bn", "keras_mnist_cnn"].map { ThresholdModel(name: $0, isBundled: true) }
    + [
      "mobilenet_v2_1.0_224_float", "squeezenet_v1.0", "nv_residual_block", "ultraface_version-RFB-320",
      "mnist_vit",
    ]
    .map { ThresholdModel(name: $0, isBundled: false) }

  /// `package`: the folder of the repository; `data`: that of the shared data.
  package func path(package: String, data: String?) -> String? {
    isBundled ? "\(package)/Models/\(name)/\(name).onnx" : data.map { "\($0)/models/\(name)/model.onnx" }
  }

  package func file(package: String, isa: String) -> String {
    "\(package)/Benchmarks/Thresholds/\(isa)/\(name).json"
  }
}

private let writeOption = Option<Bool>.flag("--write", "replace the files by what is found")

private let dataOption = Option<String?>.value(
  "--data", "DIR", "the shared data, which holds models/NAME/model.onnx", default: nil,
  defaultText: "NEEDLETAIL_DATA, or ../shared/data"
) { (text) throws(UsageError) in text }

let thresholdsCommand = CommandDeclaration(
  name: "thresholds",
  summary: "Compares steps, reorders, arena bytes and allocations of plans with the committed ones.",
  discussion:
    "To be run in the package's folder. The numbers are exact and stand in Benchmarks/Thresholds, by "
    + "instruction set and model; the test suite holds them too. Allocations are counted by AllocationProbe, which is "
    + "built beside this program.",
  options: [writeOption.declaration, dataOption.declaration],
  examples: ["thresholds", "thresholds --write"], exitCodes: [.success, .failure, .regression],
  run: thresholds)

private func thresholds(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
  let isWriting = try arguments.value(of: writeOption)
  guard let isa = ThresholdFile.isa else {
    throw ToolError("NEEDLETAIL_ISA is set: thresholds are those of the processor")
  }
  let named = try arguments.value(of: dataOption) ?? environmentVariable("NEEDLETAIL_DATA")
  let data = named ?? "../shared/data"
  #if DEBUG
    if isWriting { throw ToolError("numbers are written by a release build: swift build -c release") }
    console.warn("allocations are not compared: without optimization the compiler allocates closures")
    let probe: String? = nil
  #else
    let probe: String? = try allocationProbe()
  #endif
  var differences: [String] = []
  for model in ThresholdModel.all {
    guard let path = model.path(package: ".", data: data), access(path, R_OK) == 0 else {
      console.warn("\(model.name) is not at \(data): left out")
      continue
    }
    var found = try ThresholdFile(of: path, named: model.name, isa: isa, probe: probe)
    let file = model.file(package: ".", isa: isa)
    let isRecorded = access(file, R_OK) == 0
    let old = isRecorded ? try ThresholdFile(JSON.parse(readText(file)), name: file) : nil
    let changes = old.map { found.changes(from: $0) }
    for line in changes?.skipped ?? [] { console.warn(line) }
    let lines = changes?.differences ?? ["\(model.name): not recorded"]
    for line in lines { console.print(line) }
    if isWriting {
      // What is not there keeps its numbers.
      found.rows += (old?.rows ?? []).filter { row in !found.rows.contains { $0.backend == row.backend } }
      _ = mkdir(parentFolder(of: file), 0o755)
      try writeFile(file, Array(found.json.text.utf8))
    } else {
      differences += lines
    }
  }
  if isWriting { return .success }
  if !differences.isEmpty {
    console.print("if this is meant: needletail-benchmarks thresholds --write")
    return .regression
  }
  console.print("all as recorded")
  return .success
}

/// The program beside this one that counts allocations.
private func allocationProbe() throws -> String {
  var buffer = [CChar](repeating: 0, count: 4096)
  let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
  let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  let probe = parentFolder(of: own) + "/AllocationProbe"
  guard access(probe, X_OK) == 0 else {
    throw ToolError("no AllocationProbe beside this program: build it with 'swift build', without --product")
  }
  return probe
}
