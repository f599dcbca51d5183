import Host
import Needletail
import ONNX
import Tensors

/// A model with recorded runs beside it: `test_data_set_K/input_J.pb` and `output_J.pb`.
package struct RecordedModel: Sendable, CustomStringConvertible {
  package let name: String
  package let path: String
  /// Folders of the recorded runs.
  package let sets: [String]

  package var description: String { name }
  package var byteCount: Int { Folders.byteCount(of: path) }

  /// Every folder below `root` that holds a model, by name; those without recorded runs too.
  package static func all(below root: String, prefix: String = "") -> [RecordedModel] {
    var found: [RecordedModel] = []
    for name in Folders.entries(of: root) where Folders.isFolder(root + "/" + name) {
      let folder = root + "/" + name
      let entries = Folders.entries(of: folder)
      if let file = entries.first(where: { $0.hasSuffix(".onnx") }) {
        let sets = entries.filter { $0.hasPrefix("test_data_set_") }.map { folder + "/" + $0 }
        found.append(RecordedModel(name: prefix + name, path: folder + "/" + file, sets: sets))
      } else {
        found += all(below: folder, prefix: prefix + name + "/")
      }
    }
    return found
  }

  /// One recorded run, read as the types of the model's ports say.
  package static func run(at folder: String, of model: Model) throws -> RecordedRun {
    var inputs: [String: RuntimeValue] = [:]
    for (j, port) in model.inputs.enumerated() {
      let path = "\(folder)/input_\(j).pb"
      // An optional without a value may be recorded as an empty file, or not at all.
      if case .optional = port.type, Folders.byteCount(of: path) == 0 {
        inputs[port.name] = .absent
        continue
      }
      inputs[port.name] = try TensorFile.read(path, as: port.type)
    }
    var outputs: [(name: String, value: RuntimeValue)] = []
    for (j, port) in model.outputs.enumerated() {
      outputs.append((port.name, try TensorFile.read("\(folder)/output_\(j).pb", as: port.type)))
    }
    return RecordedRun(inputs: inputs, outputs: outputs)
  }
}

package struct RecordedRun: Sendable {
  package var inputs: [String: RuntimeValue]
  package var outputs: [(name: String, value: RuntimeValue)]

  /// What is wrong with `found`, or nil.
  package func mismatch(_ found: [String: RuntimeValue], _ tolerance: Tolerance) -> String? {
    for (name, expected) in outputs {
      guard let value = found[name] else { return "output '\(name)' is missing" }
      if let what = tolerance.mismatch(value, expected) { return "output '\(name)': \(what)" }
    }
    return nil
  }
}
