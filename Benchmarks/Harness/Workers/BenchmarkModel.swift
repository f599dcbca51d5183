import Glibc
import Host
import Measurement
import Reports
import Tensors
import Terminal

/// A model made by `Benchmarks/models/make`: a folder of files in each engine's format, and what `model.json` says.
package struct BenchmarkModel: Sendable {
  package struct Input: Sendable {
    package var name: String
    /// nil: the batch.
    package var shape: [Int?]
    package var dataType: DataType
    /// Random elements lie within.
    package var range: ClosedRange<Double>
  }

  /// Where an accuracy comes from.
  package struct Accuracy: Sendable {
    package var value: Double
    /// Otherwise somebody else's, of other weights.
    package var isMeasured: Bool
    package var source: String
  }

  package var name: String
  package var folder: String
  package var inputs: [Input]
  package var accuracy: Accuracy?

  package init(folder: String) throws {
    self.folder = folder
    name = folder.split(separator: "/").last.map(String.init) ?? folder
    let path = folder + "/model.json"
    guard let text = readSmallFile(path) else {
      throw ToolError("\(path): \(String(cString: strerror(errno)))")
    }
    func wrong(_ what: String) -> ToolError { ToolError("\(path): \(what)") }
    let json: JSON
    do { json = try JSON.parse(text) } catch { throw wrong("\(error)") }
    guard let inputs = json["inputs"]?.array, !inputs.isEmpty else { throw wrong("expected 'inputs'") }
    self.inputs = try inputs.map { input in
      guard let name = input["name"]?.string, let shape = input["shape"]?.array, !shape.isEmpty,
        let type = input["dtype"]?.string
      else { throw wrong("an input lacks its name, shape or dtype") }
      guard let dataType = DataType(rawValue: type), dataType != .string, !dataType.isComplex else {
        throw wrong("input '\(name)': elements of type '\(type)' cannot be made up")
      }
      let sizes = try shape.map { size -> Int? in
        if size.string != nil { return nil }
        guard let size = size.integer, size > 0 else {
          throw wrong("input '\(name)': a size that is no number")
        }
        return size
      }
      let low = input["minimum"]?.double ?? -1
      let high = input["maximum"]?.double ?? 1
      guard low <= high else { throw wrong("input '\(name)': from \(low) to \(high)") }
      return Input(name: name, shape: sizes, dataType: dataType, range: low...high)
    }
    if let accuracy = json["accuracy"], let value = accuracy["value"]?.double {
      self.accuracy = Accuracy(
        value: value, isMeasured: accuracy["kind"]?.string == "measured",
        source: accuracy["source"]?.string ?? "")
    }
  }

  /// The models named, or all that are there. Throws for one that is not.
  package static func models(_ names: [String], in folder: String) throws -> [BenchmarkModel] {
    try names.map { name in
      guard isFolder("\(folder)/\(name)") else {
        let known = folderEntries(folder)
        throw ToolError(
          "no model '\(name)' in \(folder); "
            + (known.isEmpty
              ? "make the models with Benchmarks/models/make" : "there are \(known.joined(separator: ", "))"))
      }
      return try BenchmarkModel(folder: "\(folder)/\(name)")
    }
  }

  /// Writes `input_0.npy`, … of so many items: the same elements each time.
  package func writeInputs(batch: Int, to folder: String) throws {
    for (i, input) in inputs.enumerated() {
      let sizes = input.shape.map { $0 ?? batch }
      let count = try Tensor.elementCount(of: sizes)
      var random = SplitMix(seed: 1, input.name)
      let (low, width) = (input.range.lowerBound, input.range.upperBound - input.range.lowerBound)
      let tensor: Tensor
      if input.dataType.isFloatingPoint {
        tensor = try .fromFloats(
          (0..<count).map { _ in Float(low + width * Double(random.next() >> 11) / Double(1 << 53)) },
          dataType: input.dataType, sizes: sizes)
      } else {
        let span = UInt64(width) + 1
        tensor = try .fromInt64s(
          (0..<count).map { _ in Int64(low) + Int64(random.next() % span) }, dataType: input.dataType,
          sizes: sizes)
      }
      try tensor.write(npyFile: "\(folder)/input_\(i).npy")
    }
  }

  package func byteCount(of file: String) -> Int? {
    var status = stat()
    return stat("\(folder)/\(file)", &status) == 0 ? Int(status.st_size) : nil
  }
}
