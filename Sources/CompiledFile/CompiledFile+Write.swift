import IR
import Kernels
import ONNX
import Tensors

extension CompiledFile {
  /// Writes the file at once or not at all: under another name first, which then takes the place of `path`.
  ///
  /// Constants are computed one after the other. Those in `leftOut` are named without their elements.
  package func write(to path: String, leavingOut leftOut: Set<ConstantID> = []) throws(CompiledFileError) {
    let output = try Output(path) { .writing(call: $0, code: $1) }
    try write(to: output, leavingOut: leftOut)
    try output.finish()
    try output.commit()
  }

  private func write(to output: Output, leavingOut leftOut: Set<ConstantID>) throws(CompiledFileError) {
    try output.write([UInt8](repeating: 0, count: Self.headerByteCount))
    var writer = ByteWriter()
    writer.put(key) { $1.put(&$0) }
    origin.put(&writer)
    writer.put(options) { $1.put(&$0) }

    let constants = graph.allConstants
    // Small ones together: reading them touches few pages.
    let ordered = constants.filter(\.isSmall) + constants.filter { !$0.isSmall }
    writer.put(ordered.count)
    for constant in ordered {
      constant.id.put(&writer)
      writer.put(constant.type.dataType.rawValue)
      writer.put(constant.type.sizes ?? []) { $0.put($1) }
      let isKept = !leftOut.contains(constant.id)
      writer.put(isKept ? 1 : 0)
      if !isKept { continue }
      let tensor: Tensor
      do {
        tensor = try constant.tensor()
        if tensor.dataType == .string {
          var strings = ByteWriter()
          strings.put(tensor.strings) { $0.put(raw: $1) }
          let bytes = strings.bytes
          try output.section(bytes).put(&writer)
        } else {
          let dense = try tensor.reordered(to: .rowMajor(tensor.dataType))
          try output.section(dense).put(&writer)
        }
      } catch let error as CompiledFileError { throw error } catch { throw .constant("\(error)") }
    }

    var text = GraphText.Options()
    text.elementLimit = 0
    writer.put(graph.text(text))
    let provenance: Provenance
    do { provenance = try graph.provenance() } catch { throw .constant("\(error)") }
    provenance.put(&writer)

    let chosen = choices.sorted {
      ($0.key.region.text, $0.key.options, $0.key.threads) < (
        $1.key.region.text, $1.key.options, $1.key.threads
      )
    }
    writer.put(chosen) {
      $1.key.put(&$0)
      $1.value.put(&$0)
    }
    let blobs = packed.sorted {
      ($0.key.format, $0.key.constants.map(\.text).joined()) < (
        $1.key.format, $1.key.constants.map(\.text).joined()
      )
    }
    writer.put(blobs.count)
    for (key, blob) in blobs {
      writer.put(key.constants) { $1.put(&$0) }
      writer.put(key.format)
      try output.section(blob.storage).put(&writer)
    }

    let description = writer.bytes
    let section = try output.section(description)
    var header = ByteWriter()
    for value in [Self.version, section.offset, section.byteCount] { header.put(value) }
    header.put(section.checksum)
    header.put(output.byteCount)
    header.put(Checksum.of(Self.magic + header.bytes))
    try output.write(Self.magic + header.bytes, at: 0)
  }
}

extension Graph {
  /// Every constant of the graph and its regions, each once, in the order of the text.
  package var allConstants: [Constant] {
    var found: [Constant] = []
    var known: Set<ConstantID> = []
    func visit(_ graph: Graph) {
      for id in graph.valueIDs {
        if let constant = graph[id].constant, known.insert(constant.id).inserted { found.append(constant) }
      }
      for node in graph.liveNodes { for region in node.regions { visit(region) } }
    }
    visit(self)
    return found
  }
}

extension Constant {
  /// Held with its elements as soon as the graph is read: shapes and scalars that inference and passes ask for.
  var isSmall: Bool {
    guard type.dataType != .string, let sizes = type.sizes, let count = try? Tensor.elementCount(of: sizes)
    else {
      return false
    }
    return (type.dataType.byteCount(of: count) ?? .max) <= Constant.storedLimit
  }
}

private typealias Output = DraftFile<CompiledFileError>

extension Output {
  fileprivate func section(_ bytes: [UInt8]) throws(CompiledFileError) -> Section {
    let offset = try align(forPart: bytes.count)
    try write(bytes)
    return Section(offset: offset, byteCount: bytes.count, checksum: Checksum.of(bytes))
  }

  fileprivate func section(_ tensor: Tensor) throws(CompiledFileError) -> Section {
    defer { withExtendedLifetime(tensor) {} }
    return try section(tensor.bytes)
  }

  fileprivate func section(_ storage: TensorStorage) throws(CompiledFileError) -> Section {
    defer { withExtendedLifetime(storage) {} }
    return try section(storage.bytes)
  }

  private func section(_ bytes: Bytes) throws(CompiledFileError) -> Section {
    let offset = try align(forPart: bytes.count)
    try write(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    return Section(offset: offset, byteCount: bytes.count, checksum: Checksum.of(bytes))
  }

  /// Large parts start on a page of their own.
  private func align(forPart count: Int) throws(CompiledFileError) -> Int {
    try align(to: count >= 1 << 16 ? 4096 : Section.alignment)
    return byteCount
  }
}
