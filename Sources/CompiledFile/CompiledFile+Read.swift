import Compiler
import IR
import Kernels
import ONNX
import Operators
import Synchronization
import Tensors

extension CompiledFile {
  /// Maps the file at `path` and reads its description. Throws for anything that no writer wrote; never traps.
  package init(contentsOf path: String) throws(CompiledFileError) {
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(path: path) } catch { throw .file(error) }
    try self.init(file)
  }

  package init(_ file: MappedFile) throws(CompiledFileError) {
    var reader = ByteReader(try Self.description(of: file).bytes)
    key = try reader.list { (reader) throws(CompiledFileError) in try KeyPart(&reader) }
    origin = try Origin(&reader)
    options = try reader.list { (reader) throws(CompiledFileError) in try KeyPart(&reader) }
    var constants: [ConstantID: Constant] = [:]
    for constant in try reader.list({ (reader) throws(CompiledFileError) in
      try Self.constant(&reader, in: file)
    }) {
      constants[constant.id] = constant
    }
    let text = try reader.text()
    do throws(GraphError) {
      graph = try Graph(text: text, constants: constants, operatorNamed: Catalog.type(named:))
    } catch { throw .damaged("its graph: \(error)") }
    guard graph.allConstants.allSatisfy({ constants[$0.id] != nil }) else {
      throw .damaged("its graph names a constant that is not there")
    }
    let provenance = try Provenance(&reader)
    do throws(GraphError) { try graph.restore(provenance) } catch { throw .damaged("\(error)") }
    choices = [:]
    for (key, choice) in try reader.list({ (reader) throws(CompiledFileError) in
      let key = try PlanChoices.Key(&reader)
      return (key, try PlanChoice(&reader))
    }) {
      choices[key] = choice
    }
    packed = [:]
    for (key, section) in try reader.list({ (reader) throws(CompiledFileError) in
      let constants = try reader.list { (reader) throws(CompiledFileError) in try ConstantID(&reader) }
      let key = PackKey(constants, format: try reader.text())
      return (key, try Section(&reader))
    }) {
      packed[key] = PackedWeights.Stored(storage: try section.storage(in: file), checksum: section.checksum)
    }
    try reader.expectEnd()
    byteCount = file.bytes.count
  }

  /// The description, whose checksum is right.
  private static func description(of file: MappedFile) throws(CompiledFileError) -> TensorStorage {
    guard hasMagic(file) else { throw .foreign }
    guard file.bytes.count >= headerByteCount else { throw ByteReader.cut }
    var reader = ByteReader(Bytes(base: file.bytes.base + magic.count, count: headerByteCount - magic.count))
    let found = try reader.count()
    if found != version { throw .version(found) }
    let section = try Section(&reader)
    let total = try reader.count()
    let header = Bytes(base: file.bytes.base, count: magic.count + 40)
    guard try reader.word() == Checksum.of(header) else { throw .damaged("its head has another checksum") }
    guard total == file.bytes.count else {
      throw .damaged("it was written with \(total) bytes and has \(file.bytes.count)")
    }
    let storage = try section.storage(in: file)
    guard Checksum.of(storage.bytes) == section.checksum else {
      throw .damaged("its description has another checksum")
    }
    return storage
  }

  private static func constant(_ reader: inout ByteReader, in file: MappedFile) throws(CompiledFileError)
    -> Constant
  {
    let id = try ConstantID(&reader)
    let word = try reader.text()
    guard let dataType = DataType(rawValue: word) else {
      throw .damaged("no type of elements is called '\(word)'")
    }
    let sizes = try reader.list { (reader) throws(CompiledFileError) in try reader.count() }
    guard sizes.count <= Tensor.rankLimit, let count = try? Tensor.elementCount(of: sizes) else {
      throw .damaged("a constant has impossible sizes")
    }
    let type = TensorType(dataType, sizes: sizes)
    guard try reader.word() != 0 else {
      return Constant(
        id: id, type: type,
        recipe: .computed { () throws(GraphError) in
          throw GraphError(
            .malformed("the file was written without its original weights: compile the model again"))
        })
    }
    let section = try Section(&reader)
    let storage = try section.storage(in: file)
    if dataType != .string, dataType.byteCount(of: count) != section.byteCount {
      throw .damaged("a constant of \(type) has \(section.byteCount) bytes")
    }
    let checked = CheckedSection(storage: storage, checksum: section.checksum, type: type)
    let constant = Constant(
      id: id, type: type, recipe: .computed { () throws(GraphError) in try checked.tensor() })
    guard constant.isSmall else { return constant }
    do throws(GraphError) { return Constant(id: id, try checked.tensor()) } catch {
      throw .damaged("\(error)")
    }
  }
}

/// A constant in a file, whose checksum is compared when it is first asked for.
private final class CheckedSection: Sendable {
  private let storage: TensorStorage
  private let checksum: UInt64
  private let type: TensorType
  private let isChecked = Atomic(false)

  init(storage: TensorStorage, checksum: UInt64, type: TensorType) {
    self.storage = storage
    self.checksum = checksum
    self.type = type
  }

  func tensor() throws(GraphError) -> Tensor {
    if !isChecked.load(ordering: .relaxed) {
      guard Checksum.of(storage.bytes) == checksum else {
        throw GraphError(.malformed("a constant is not the one that was written: the file is damaged"))
      }
      isChecked.store(true, ordering: .relaxed)
    }
    do {
      if type.dataType != .string {
        return try Tensor(dataType: type.dataType, sizes: type.sizes ?? [], storage: storage)
      }
      var reader = ByteReader(storage.bytes)
      let strings = try reader.list { (reader) throws(CompiledFileError) in try reader.raw() }
      return try Tensor(strings: strings, sizes: type.sizes ?? [])
    } catch { throw GraphError(.malformed("a constant cannot be read: \(error)")) }
  }
}
