import Glibc
import Host
import ONNX
import Tensors

/// A folder of recorded inputs and outputs: `input_0.pb`, `output_0.pb`, … in the order of the graph, or `.npy`.
package struct RecordedSet: Hashable, Sendable {
  package let name: String
  package let folder: String

  package init(folder: String) {
    self.folder = folder
    name = folder.split(separator: "/").last.map(String.init) ?? folder
  }

  /// The sets beside a model, by number.
  package static func sets(in folder: String) -> [RecordedSet] {
    let prefix = "test_data_set_"
    return folderEntries(folder).filter { $0.hasPrefix(prefix) }
      .sorted {
        (Int($0.dropFirst(prefix.count)) ?? .max, $0) < (Int($1.dropFirst(prefix.count)) ?? .max, $1)
      }
      .map { RecordedSet(folder: folder + "/" + $0) }
  }
}

extension RecordedSet {
  package func inputs(of model: Model) throws(EngineError) -> [String: RuntimeValue] {
    var values: [String: RuntimeValue] = [:]
    for (i, port) in model.inputs.enumerated() {
      if let value = try value("input_\(i)", port.type) { values[port.name] = value }
    }
    return values
  }

  /// Expected values by position; nil: not recorded.
  package func outputs(of model: Model) throws(EngineError) -> [RuntimeValue?] {
    var values: [RuntimeValue?] = []
    for (i, port) in model.outputs.enumerated() { values.append(try value("output_\(i)", port.type)) }
    return values
  }

  private func value(_ name: String, _ type: ValueType) throws(EngineError) -> RuntimeValue? {
    for ending in ["pb", "npy"] {
      let path = "\(folder)/\(name).\(ending)"
      if access(path, R_OK) == 0 { return try readValue(path, as: type) }
    }
    return nil
  }
}

/// Reads a `.npy` or `.pb` file. Throws `wrongInput` for what is neither.
package func readValue(_ path: String, as type: ValueType) throws(EngineError) -> RuntimeValue {
  if path.hasSuffix(".npy") {
    do throws(TensorError) { return .tensor(try Tensor(npyFile: path)) } catch {
      throw EngineError(.wrongInput, subject: "", expectation: "", finding: error.description)
    }
  }
  guard path.hasSuffix(".pb") else {
    throw EngineError(
      .wrongInput, subject: path, expectation: "a .npy or .pb file", finding: "another ending")
  }
  do throws(ImportError) { return try TensorFile.read(path, as: type) } catch {
    throw EngineError(.wrongInput, subject: "", expectation: "", finding: error.description)
  }
}
