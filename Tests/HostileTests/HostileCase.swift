import TestSupport
import Testing

/// A model that asks for more than it should get, and what the tool must answer.
struct HostileCase: Sendable, CustomTestStringConvertible {
  var name: String
  /// Files by name: `model.onnx` and those that `words` name.
  var files: [String: [UInt8]]
  var command = "run"
  var words: [String] = []
  /// Exit codes that are right: 0 a result, 1 the run was refused, 2 the model was refused, 64 wrong usage.
  var codes: Set<Int32> = [0, 1, 2]
  /// Words of which the message of a refusal holds one.
  var says: [String] = []

  var testDescription: String { name }

  init(
    _ name: String, _ model: [UInt8], _ words: [String] = [], files: [String: [UInt8]] = [:],
    command: String = "run", codes: Set<Int32> = [0, 1, 2], says: [String] = []
  ) {
    self.name = name
    self.files = files.merging(["model.onnx": model]) { $1 }
    self.words = words
    self.command = command
    self.codes = codes
    self.says = says
  }
}

typealias M = ModelBytes

/// A model of one node that reads `inputs` and constants, with the result `y`.
func single(
  _ operatorName: String, _ operands: [String], _ attributes: [String: M.Attribute] = [:],
  inputs: [[UInt8]] = [], constants: [[UInt8]] = [], type: M.Element = .float, opset: Int = 21
) -> [UInt8] {
  M.model(
    [M.node(operatorName, operands, ["y"], attributes)], inputs, [M.port("y", type)], constants, opset: opset)
}

/// The body of a Loop that carries `v`: its condition goes on, and `nodes` make `w` and what is scanned.
func body(
  _ nodes: [[UInt8]], _ type: M.Element = .float, scanned: [[UInt8]] = [], constants: [[UInt8]] = [],
  sizes: [M.Size]? = nil
) -> [UInt8] {
  M.graph(
    [M.node("Identity", ["c"], ["d"])] + nodes,
    [M.port("i", .int64, []), M.port("c", .bool, []), M.port("v", type, sizes)],
    [M.port("d", .bool, []), M.port("w", type, sizes)] + scanned, constants)
}

/// An `.npy` file that may promise more elements than `bytes` holds.
func npy(_ type: String, _ sizes: [Int], _ bytes: [UInt8] = []) -> [UInt8] {
  let shape = sizes.map { "\($0)," }.joined()
  var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }"
  while (header.utf8.count + 11) % 64 != 0 { header += " " }
  header += "\n"
  let count = header.utf8.count
  return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)] + Array(header.utf8)
    + bytes
}

let large = Int.max
