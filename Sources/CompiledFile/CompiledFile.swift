import Compiler
import IR
import Kernels
import ONNX
import Operators
import Tensors

/// A compiled model as a file: the graph after its portable passes, its constants, the choices of kernels that were
/// made for some bindings, and the weights packed for them.
///
/// Nothing of a plan is stored but choices: reading makes plans again, from kernels that are asked anew, so that no
/// address, offset or size in a plan comes from the file. Constants and packed weights stay mapped, and are checked
/// when they are first used.
///
/// ```
/// 0   magic            8 bytes
/// 8   version of the format, offset, count and checksum of the description, bytes of the file, checksum of these
/// 64  constants and packed weights, each at a multiple of 64
/// …   the description
/// ```
package struct CompiledFile: Sendable {
  /// What a plan depends on beside the model: the engine's version, its kernels, the processor's instructions, libraries.
  package struct KeyPart: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// What the ONNX file said of itself.
  package struct Origin: Sendable {
    package var irVersion: Int64
    package var operatorSets: [OperatorSetProto]
    package var producer: String
    package var operatorCounts: [(name: String, count: Int)]
    package var nodeCount: Int

    package init(
      irVersion: Int64, operatorSets: [OperatorSetProto], producer: String,
      operatorCounts: [(name: String, count: Int)], nodeCount: Int
    ) {
      self.irVersion = irVersion
      self.operatorSets = operatorSets
      self.producer = producer
      self.operatorCounts = operatorCounts
      self.nodeCount = nodeCount
    }
  }

  package var key: [KeyPart]
  package var origin: Origin
  /// Options of the compilation, by name.
  package var options: [KeyPart]
  package var graph: Graph
  package var choices: [PlanChoices.Key: PlanChoice]
  package var packed: [PackKey: PackedWeights.Stored]
  package var byteCount: Int

  package init(
    key: [KeyPart], origin: Origin, options: [KeyPart], graph: Graph, choices: [PlanChoices.Key: PlanChoice],
    packed: [PackKey: TensorStorage]
  ) {
    self.key = key
    self.origin = origin
    self.options = options
    self.graph = graph
    self.choices = choices
    self.packed = packed.mapValues { PackedWeights.Stored(storage: $0, checksum: 0) }
    byteCount = 0
  }

  /// Constants that the choices never need: they are in packed weights, and in nothing else that a plan reads.
  package var constantsOnlyPacked: Set<ConstantID> {
    let read = choices.values.reduce(into: Set<ConstantID>()) { $0.formUnion($1.constants) }
    return Set(packed.keys.filter { !$0.format.hasPrefix("tensor ") }.flatMap(\.constants)).subtracting(read)
  }

  static let magic: [UInt8] = [0x4E, 0x54, 0x4C, 0x21, 0x0D, 0x0A, 0x1A, 0x0A]
  static let version = 1
  static let headerByteCount = 64

  package static func isCompiled(_ path: String) -> Bool {
    (try? MappedFile(path: path)).map(hasMagic) ?? false
  }

  static func hasMagic(_ file: MappedFile) -> Bool {
    file.bytes.count >= magic.count
      && magic.indices.allSatisfy { file.bytes.base.load(fromByteOffset: $0, as: UInt8.self) == magic[$0] }
  }
}

/// Where a constant or packed weights lie in the file.
struct Section: Sendable {
  static let alignment = 64

  var offset: Int
  var byteCount: Int
  var checksum: UInt64

  /// The bytes in `file`. Throws when they are not all within it.
  func storage(in file: MappedFile) throws(CompiledFileError) -> TensorStorage {
    guard offset >= CompiledFile.headerByteCount, offset % Self.alignment == 0, byteCount >= 0,
      offset <= file.bytes.count, file.bytes.count - offset >= byteCount
    else { throw .damaged("a part lies outside of it") }
    return file.storage(offset..<offset + byteCount)
  }
}

extension ConstantID {
  func put(_ writer: inout ByteWriter) {
    writer.put(high)
    writer.put(low)
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    let high = try reader.word()
    self.init(high: high, low: try reader.word())
  }
}

extension Section {
  func put(_ writer: inout ByteWriter) {
    writer.put(offset)
    writer.put(byteCount)
    writer.put(checksum)
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    offset = try reader.count()
    byteCount = try reader.count()
    checksum = try reader.word()
  }
}

extension Provenance {
  func put(_ writer: inout ByteWriter) {
    func put(_ writer: inout ByteWriter, _ entry: Entry) {
      writer.put(entry.origins) { $0.put($1) }
      writer.put(entry.mirrors ?? -1)
    }
    writer.put(originNames) { $0.put($1) }
    writer.put(nodes, put)
    writer.put(values, put)
    writer.put(regions) { $1.put(&$0) }
  }

  init(_ reader: inout ByteReader, depth: Int = 0) throws(CompiledFileError) {
    if depth > 64 { throw .damaged("its regions nest too deeply") }
    func entry(_ reader: inout ByteReader) throws(CompiledFileError) -> Entry {
      let origins = try reader.list { (reader) throws(CompiledFileError) in try reader.int32() }
      let mirrors = try reader.int32()
      return Entry(origins: origins, mirrors: mirrors < 0 ? nil : mirrors)
    }
    self.init(
      originNames: try reader.list { (reader) throws(CompiledFileError) in try reader.text() },
      nodes: try reader.list(entry), values: try reader.list(entry),
      regions: try reader.list { (reader) throws(CompiledFileError) in
        try Provenance(&reader, depth: depth + 1)
      })
  }
}

extension CompiledFile.KeyPart {
  func put(_ writer: inout ByteWriter) {
    writer.put(name)
    writer.put(value)
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    let name = try reader.text()
    self.init(name: name, value: try reader.text())
  }
}

extension CompiledFile.Origin {
  func put(_ writer: inout ByteWriter) {
    writer.put(irVersion)
    writer.put(operatorSets) {
      $0.put($1.domain)
      $0.put($1.version)
    }
    writer.put(producer)
    writer.put(operatorCounts) {
      $0.put($1.name)
      $0.put($1.count)
    }
    writer.put(nodeCount)
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    irVersion = Int64(try reader.number())
    operatorSets = try reader.list { (reader) throws(CompiledFileError) in
      let domain = try reader.text()
      return OperatorSetProto(domain: domain, version: Int64(try reader.number()))
    }
    producer = try reader.text()
    operatorCounts = try reader.list { (reader) throws(CompiledFileError) in
      let name = try reader.text()
      return (name, try reader.count())
    }
    nodeCount = try reader.count()
  }
}

extension PlanChoices.Key {
  func put(_ writer: inout ByteWriter) {
    region.put(&writer)
    writer.put(options)
    writer.put(threads)
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    let region = try ConstantID(&reader)
    let options = try reader.text()
    self.init(region: region, options: options, threads: try reader.count())
  }
}

extension PlanChoice {
  func put(_ writer: inout ByteWriter) {
    writer.put(backend)
    writer.put(rounds) { $0.put($1) { $0.put($1) } }
    writer.put(kernels) { $0.put($1) }
    writer.put(bands) { $0.put($1 ? 1 : 0) }
    writer.put(constants.sorted { $0.text < $1.text }) { $1.put(&$0) }
  }

  init(_ reader: inout ByteReader) throws(CompiledFileError) {
    let backend = try reader.optionalText()
    let rounds = try reader.list { (reader) throws(CompiledFileError) in
      try reader.list { (reader) throws(CompiledFileError) in try reader.int32() }
    }
    let kernels = try reader.list { (reader) throws(CompiledFileError) in try reader.text() }
    let bands = try reader.list { (reader) throws(CompiledFileError) in try reader.word() != 0 }
    let constants = try reader.list { (reader) throws(CompiledFileError) in try ConstantID(&reader) }
    self.init(backend: backend, rounds: rounds, kernels: kernels, bands: bands, constants: Set(constants))
  }
}
