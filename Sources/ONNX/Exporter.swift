import IR
import Operators
import Tensors

/// How a model is written.
package struct ExportOptions: Sendable {
  /// The version of ONNX's own operators; nil: the lowest that has a form for every node.
  package var operatorSet: Int64?
  /// Weights go to a file of their own, `NAME.data` beside the model; else only where one file would be too large.
  package var separatesWeights = false
  /// The most bytes of one file: what readers of protocol buffers take.
  package var fileByteLimit = Int(Int32.max)
  package var producerVersion = ""
  package var documentation = ""
  package var metadata: [StringEntryProto] = []

  package init() {}
}

/// What was written.
package struct ExportedFile: Sendable {
  package var operatorSet: Int64
  package var irVersion: Int64
  /// Versions of other domains, by name.
  package var domains: [(name: String, version: Int64)]
  /// Nodes by operator, with those of regions, sorted by name.
  package var operatorCounts: [(name: String, count: Int)]
  package var nodeCount: Int { operatorCounts.reduce(0) { $0 + $1.count } }
  package var constantCount: Int
  package var byteCount: Int
  /// The file of weights, where there is one.
  package var data: (path: String, byteCount: Int)?
}

/// Writes graphs as ONNX models: every node as the operators of the standard that it stands for.
///
/// Inputs, outputs and nodes keep their names; each constant is written once, computed when its turn comes and dropped.
package enum Exporter {
  /// Versions of ONNX's own operators that can be written.
  package static let operatorSets: ClosedRange<Int64> = 18...28
  /// Most readers know this version; newer ones are written where a node needs them. From 21 on ONNX Runtime (1.31)
  /// gives up on quantized models that move data behind a DequantizeLinear.
  package static let usualOperatorSet: Int64 = 20
  /// Constants below this size stay in the model.
  private static let separateByteCount = 1024

  /// `declared`: what the outputs' types are said to be, unknown where nothing is.
  package static func write(
    _ graph: Graph, declaredOutputs declared: [ValueType] = [], to path: String,
    _ options: ExportOptions = ExportOptions()
  ) throws(ExportError) -> ExportedFile {
    if let asked = options.operatorSet, !operatorSets.contains(asked) {
      throw .opset(asked, known: operatorSets)
    }
    let outputs = graph.outputs.enumerated().map { i, port in
      var info = ValueInfoProto()
      info.name = port.name
      info.type =
        graph.mapType(of: port)
        ?? PortTypes.output(port, declared: i < declared.count ? declared[i] : .unknown, in: graph)
      return info
    }
    // What nodes need is known once they are written; the forms of some depend on it.
    var version = options.operatorSet ?? max(usualOperatorSet, ElementVersions.needed(by: graph))
    while true {
      let session = ExportSession(version: version, asked: options.operatorSet)
      let main = GraphExport(session, graph)
      try main.writeMain(outputs)
      session.checkDomains()
      if !session.problems.isEmpty { throw .unwritable(session.problems) }
      if session.needed == version { return try write(main, to: path, options) }
      version = session.needed
    }
  }

  private static func irVersion(_ operatorSet: Int64) -> Int64 {
    switch operatorSet {
    case ...18: 8
    case 19...20: 9
    case 21...22: 10
    case 23: 11
    case 24: 12
    case 25...27: 13
    default: 14
    }
  }

  // MARK: - The file

  private static func write(
    _ main: GraphExport, to path: String, _ options: ExportOptions
  ) throws(ExportError) -> ExportedFile {
    let session = main.session
    let domains = session.domains.map { (name: $0.key, version: $0.value) }.sorted { $0.name < $1.name }
    var header = WireWriter()
    let ir = irVersion(session.version)
    header.int(1, ir)
    header.string(2, "needletail")
    header.text(3, options.producerVersion)
    header.text(6, options.documentation)
    for (name, version) in [(name: "", version: session.version)] + domains {
      header.message(8) {
        $0.text(1, name)
        $0.int(2, version)
      }
    }
    for entry in options.metadata {
      header.message(14) {
        $0.string(1, entry.key)
        $0.string(2, entry.value)
      }
    }
    var weights: [Weight] = []
    for (name, constant) in session.constants { weights.append(try Weight(constant, named: name)) }

    var location: String?
    var total = header.bytes.count + main.message.bytes.count
    for weight in weights {
      let (sum, overflow) = total.addingReportingOverflow(weight.message.byteCount + 32)
      total = overflow ? .max : sum
    }
    if options.separatesWeights || total > options.fileByteLimit {
      location = (path.split(separator: "/").last.map(String.init) ?? "model") + ".data"
    }
    let data = try location.map { (name) throws(ExportError) in
      let file = try draftFile("\(path).data")
      for i in weights.indices { try weights[i].move(to: file, location: name, from: separateByteCount) }
      try file.finish()
      return file
    }

    var graph = main.message.bytes.count
    for weight in weights {
      var key = WireWriter()
      key.key(5, .length)
      key.varint(UInt64(weight.message.byteCount))
      graph += key.bytes.count + weight.message.byteCount
    }
    if graph > options.fileByteLimit {
      throw .constant(
        name: "graph", reason: "\(graph) bytes are more than \(options.fileByteLimit), which readers take")
    }
    header.key(7, .length)
    header.varint(UInt64(graph))
    let file = try draftFile(path)
    try file.write(header.bytes)
    try file.write(main.message.bytes)
    for weight in weights { try weight.write(to: file) }
    try file.finish()
    try data?.commit()
    try file.commit()
    return ExportedFile(
      operatorSet: session.version, irVersion: ir, domains: domains,
      operatorCounts: session.nodeCounts.map { (name: $0.key, count: $0.value) }.sorted { $0.name < $1.name },
      constantCount: weights.count, byteCount: file.byteCount,
      data: data.map { ("\(path).data", $0.byteCount) })
  }
}

/// A constant on its way into a file.
private struct Weight {
  let name: String
  let constant: Constant
  var message: TensorMessage
  private var isMoved = false

  init(_ constant: Constant, named name: String) throws(ExportError) {
    self.name = name
    self.constant = constant
    guard let sizes = constant.type.sizes else {
      throw .constant(name: name, reason: "its sizes are not known")
    }
    if constant.type.dataType == .string {
      message = TensorMessage(strings: try Self.tensor(constant, name).strings, named: name, sizes)
      return
    }
    guard let count = try? Tensor.elementCount(of: sizes),
      let bytes = constant.type.dataType.byteCount(of: count)
    else {
      throw .constant(name: name, reason: "its size does not fit")
    }
    message = TensorMessage(raw: bytes, named: name, constant.type.dataType, sizes)
  }

  private static func tensor(_ constant: Constant, _ name: String) throws(ExportError) -> Tensor {
    do throws(GraphError) { return try constant.tensor() } catch {
      throw .constant(name: name, reason: "\(error)")
    }
  }

  private func elements(to file: DraftFile<ExportError>, count: Int) throws(ExportError) {
    let tensor = try Self.tensor(constant, name)
    let dense: Tensor
    do throws(TensorError) { dense = try tensor.reordered(to: .rowMajor(constant.type.dataType)) } catch {
      throw .constant(name: name, reason: "\(error)")
    }
    if dense.byteCount != count || dense.dataType != constant.type.dataType {
      throw .constant(name: name, reason: "expected \(count) bytes, found \(dense.byteCount)")
    }
    try dense.withBytes { (bytes) throws(ExportError) in
      try file.write(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
    }
  }

  /// Writes the elements of a large constant to the file of weights, a page from the next one.
  mutating func move(to file: DraftFile<ExportError>, location: String, from least: Int) throws(ExportError) {
    let count = message.rawByteCount
    guard count >= least, let sizes = constant.type.sizes else { return }
    try file.align(to: count >= 1 << 16 ? 4096 : 64)
    let offset = file.byteCount
    try elements(to: file, count: count)
    message = TensorMessage(
      external: location, offset: offset, byteCount: count, named: name, constant.type.dataType, sizes)
  }

  func write(to file: DraftFile<ExportError>) throws(ExportError) {
    var head = WireWriter()
    head.key(5, .length)
    head.varint(UInt64(message.byteCount))
    head.append(message.head)
    try file.write(head.bytes)
    if message.rawByteCount > 0 { try elements(to: file, count: message.rawByteCount) }
  }
}

/// Element types that came late.
enum ElementVersions {
  /// The first version whose operators take a type as a rule.
  static func version(of type: DataType) -> Int64 {
    switch type {
    case .int2, .uint2: 25
    case .float8E8M0: 24
    case .float4E2M1: 23
    case .bfloat16: 22
    case .int4, .uint4, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ: 21
    default: 1
    }
  }

  private static let short: Set<DataType> = [.int16, .uint16]
  private static let rare: Set<DataType> = [
    .bfloat16, .float4E2M1, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .int2,
    .uint2,
    .int4, .uint4,
  ]

  /// Operators that took types later than others.
  // swift-format-ignore
  private static let late: [String: (types: Set<DataType>, since: Int64)] = [
    "BitShift": ([.int8, .int16, .int32, .int64], 28), "Celu": ([.float16, .bfloat16, .float64], 28),
    "Compress": ([.bfloat16], 28),                     "Einsum": ([.bfloat16], 28),
    "OneHot": ([.bfloat16], 28),                       "ReverseSequence": ([.bfloat16], 28),
    "Unique": ([.bfloat16], 28),                       "Range": ([.float16, .bfloat16], 27),
    "TopK": ([.bfloat16], 24),                         "SplitToSequence": ([.bfloat16], 24),
    "QuantizeLinear": (short, 21),                     "DequantizeLinear": (short, 21),
    "Optional": (rare, 28),                            "OptionalGetElement": (rare, 28),
    "OptionalHasElement": (rare, 28),                  "QLinearMatMul": ([.float16, .bfloat16], 21),
  ]

  static func needed(by operatorName: String, of types: [ValueType]) -> Int64 {
    guard let row = late[operatorName] else { return 1 }
    return types.contains { $0.element.map { row.types.contains($0) } ?? false } ? row.since : 1
  }

  static func needed(by graph: Graph) -> Int64 {
    var needed: Int64 = 1
    for id in graph.valueIDs {
      if let type = graph[id].type.tensor { needed = max(needed, version(of: type.dataType)) }
    }
    for node in graph.liveNodes {
      for region in node.regions { needed = max(needed, Self.needed(by: region)) }
    }
    return needed
  }
}

extension ValueType {
  /// The type of the elements, at whatever depth.
  fileprivate var element: DataType? {
    switch self {
    case .tensor(let type): type.dataType
    case .sequence(let inner), .optional(let inner): inner.element
    case .unknown: nil
    }
  }
}

extension Graph {
  /// The type of a sequence of maps, which a graph has no word for.
  fileprivate func mapType(of port: Port) -> TypeProto? {
    guard let producer = producer(of: port.value), producer.op is ZipMap, producer.inputs.count > 1,
      let labels = producer.inputs[1], let key = self[labels].type.tensor?.dataType
    else { return nil }
    var scores = TensorTypeProto()
    scores.elementType = Int32(DataType.float32.onnx)
    scores.shape = []
    return .sequence(.map(key: Int32(key.onnx), value: .tensor(scores)))
  }
}

private func draftFile(_ path: String) throws(ExportError) -> DraftFile<ExportError> {
  try DraftFile(path) { .writing(path: path, call: $0, code: $1) }
}
