import IR
import Tensors

/// What one import shares among all graphs of the model: tensors, versions, symbols, and everything found wrong.
final class ImportSession {
  /// Regions may be nested this deep: each level is inferred as often as those around it.
  static let nestingLimit = 16

  let path: String
  let tensors: TensorReader
  private var versions: [String: Int64]
  private let functions: [String: FunctionProto]
  /// Nodes that inlining may still add: functions that call each other grow without bound.
  private var inlinedNodesLeft = 1 << 17
  /// Branches and bodies of all nodes: each is optimized and planned for itself.
  private var regionsLeft = ImportSession.regionLimit
  static let regionLimit = 1 << 12
  private var symbolNames: Set<String> = []
  private(set) var unsupported: [Unsupported] = []
  private var tensorErrors: [(place: String, error: TensorDecodeError)] = []
  var tensorErrorCount: Int { tensorErrors.count }
  private var inferenceErrors: [(error: GraphError, operatorName: String, version: Int64)] = []
  var warnings: [String] = []
  /// Grows with everything found wrong: a region where it grew is not to be used.
  private(set) var problemCount = 0

  init(_ model: ModelProto, tensors: TensorReader, path: String) {
    self.path = path
    self.tensors = tensors
    var versions: [String: Int64] = [:]
    for set in model.operatorSets {
      let domain = Self.normal(set.domain)
      versions[domain] = max(versions[domain] ?? .min, set.version)
    }
    // Files before IR 3 name no operator set: the first one is meant.
    if model.operatorSets.isEmpty { versions[""] = 1 }
    self.versions = versions
    functions = Dictionary(
      model.functions.map { ("\(Self.normal($0.domain)):\($0.name):\($0.overload)", $0) },
      uniquingKeysWith: { first, _ in first })
  }

  static func normal(_ domain: String) -> String { domain == "ai.onnx" ? "" : domain }

  func version(of domain: String) -> Int64? { versions[Self.normal(domain)] }

  /// Notes a version of the standard that is not known. What else is wrong can be told of a newer one: it is read as the
  /// newest known.
  func checkVersion() throws(ImportError) {
    guard let version = version(of: ""), version < 1 || version > ImportRule.newestVersion else { return }
    note(.version(found: version, known: 1...ImportRule.newestVersion), "opset_import", "", version: version)
    if version < 1 { try throwProblems() }
    versions[""] = ImportRule.newestVersion
  }

  /// The function of the model that a node calls.
  func function(of node: NodeProto) -> FunctionProto? {
    functions["\(Self.normal(node.domain)):\(node.operatorName):\(node.overload)"]
  }

  func spendInlined(_ count: Int) throws(Unsupported.Reason) {
    inlinedNodesLeft -= count
    if inlinedNodesLeft < 0 { throw .form("functions of the model come to more than \(1 << 17) nodes") }
  }

  func spendRegions(_ count: Int) throws(Unsupported.Reason) {
    regionsLeft -= count
    if regionsLeft < 0 {
      throw .form("the model has more than \(Self.regionLimit) branches and bodies of loops")
    }
  }

  // MARK: - Problems

  func note(_ reason: Unsupported.Reason, _ subject: String, _ operatorName: String, version: Int64) {
    problemCount += 1
    unsupported.append(
      Unsupported(subject: subject, operatorName: operatorName, version: version, reason: reason))
  }

  func note(tensor error: TensorDecodeError, at place: String) {
    problemCount += 1
    tensorErrors.append((place, error))
  }

  func note(_ error: GraphError, operatorName: String, version: Int64) {
    problemCount += 1
    inferenceErrors.append((error, operatorName, version))
  }

  /// Whether `body` found that types do not fit, and nothing worse: that is forgotten then.
  func forgetsTypes(of body: () throws(StructureError) -> Void) throws(StructureError) -> Bool {
    let (count, named, broken, misfits) = (
      problemCount, unsupported.count, tensorErrors.count, inferenceErrors.count
    )
    try body()
    guard problemCount > count, unsupported.count == named, tensorErrors.count == broken else { return false }
    problemCount = count
    inferenceErrors.removeLast(inferenceErrors.count - misfits)
    return true
  }

  /// Throws what was found, all of it where there is more than one thing: broken tensors first.
  func throwProblems() throws(ImportError) {
    if problemCount == 1 {
      if let (place, error) = tensorErrors.first { throw .tensor(path: path, place: place, error) }
      if let error = inferenceErrors.first?.error { throw .inference(path: path, error) }
    }
    let broken = tensorErrors.map {
      Unsupported(subject: $0.place, operatorName: "", version: 0, reason: .data($0.error))
    }
    let misfits = inferenceErrors.map {
      Unsupported(
        subject: $0.error.node ?? "", operatorName: $0.operatorName, version: $0.version,
        reason: .operands($0.error.reason.description))
    }
    let all = broken + unsupported + misfits
    if !all.isEmpty { throw .unsupported(path: path, all) }
  }

  // MARK: - Types

  /// Symbols that the file names are taken first, so that ours never meet them.
  func reserveSymbols(of graph: GraphProto) {
    for input in graph.inputs {
      if let type = input.type { reserveSymbols(of: type) }
    }
  }

  private func reserveSymbols(of type: TypeProto) {
    switch type {
    case .tensor(let tensor), .sparseTensor(let tensor):
      for case .name(let name) in tensor.shape ?? [] { symbolNames.insert(name) }
    case .sequence(let element), .optional(let element): reserveSymbols(of: element)
    case .map, .opaque, .none: break
    }
  }

  /// The type of a graph input: the same name is the same size; an unknown size gets a symbol of its own.
  func inputType(_ proto: TypeProto, of input: String) throws(Unsupported.Reason) -> ValueType {
    switch proto {
    case .tensor(let tensor):
      guard let dataType = DataType(onnx: tensor.elementType) else {
        throw .type("element type \(tensor.elementType)")
      }
      guard let shape = tensor.shape else { return .tensor(dataType, nil) }
      if shape.count > TensorReader.rankLimit { throw .type("\(shape.count) axes") }
      return .tensor(dataType, shape.enumerated().map { axis, size in dimension(size, input, axis) })
    case .sequence(let element): return .sequence(try inputType(element, of: input))
    case .optional(let element): return .optional(try inputType(element, of: input))
    case .sparseTensor: throw .type("a sparse tensor")
    case .map: throw .type("a map")
    case .opaque(let domain, let name): throw .type("the opaque type \(domain).\(name)")
    case .none: throw .type("none is declared")
    }
  }

  private func dimension(_ size: TensorTypeProto.Size, _ input: String, _ axis: Int) -> Dimension {
    switch size {
    case .value(let value) where value >= 0: return Dimension(Int(value))
    case .name(let name) where !name.isEmpty: return Dimension(Symbol(name))
    case .value, .name, .missing:
      var name = "\(input)_\(axis)"
      while !symbolNames.insert(name).inserted { name += "_" }
      return Dimension(Symbol(name))
    }
  }
}
