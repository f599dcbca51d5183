import IR
import Kernels
import Operators
import Runtime
import Tensors

/// Turns assigned nodes into a plan: reorders where formats meet, prepared kernels, homes and offsets.
struct PlanBuilder {
  /// A value in one format, as bytes of a root.
  struct Physical {
    var root: Int
    var placement: Placement
    /// Where it begins, as a part of a Concat's result.
    var byteOffset = 0
  }

  /// A range of bytes that one step writes, or that is given.
  struct Root {
    enum Kind {
      case computed, input(Int), constant(Tensor)
    }
    var kind: Kind
    var byteCount: Int
  }

  struct Pending {
    var kernel: any PreparedKernel
    var inputs: [Physical?]
    var epilogueInputs: [Physical?]
    var outputs: [Physical?]
    var overlays: [Overlay]
    var label: ExecutionPlan.Label
    /// The kernel as one that computes row bands, and what was asked of it.
    var banded: (any BandedKernel)?
    var request: KernelRequest?
  }

  let graph: Graph
  let options: PlanOptions
  let backends: BackendSet
  let packed: PackedWeights

  var roots: [Root] = []
  var pending: [Pending] = []
  var reorderCount = 0
  /// Measures chains in row bands; nil: they are chosen by expectation.
  var tuner: Tuner?
  /// For each chain, whether it ran in bands when this was decided before.
  var recordedBands: [Bool]?
  var bandDecisions: [BandDecision] = []
  /// Values that are written into the result of a Concat.
  private var parts: [ValueID: ConcatPart] = [:]
  /// Constants that steps read as they are, and those that these are derived from.
  private(set) var readConstants: Set<ConstantID> = []
  /// Constants of the model as it was compiled: their packed forms serve other sizes too.
  var sharedConstants: Set<ConstantID> = []
  /// Bytes of constants that were made for this plan alone.
  private(set) var ownedByteCount = 0
  private var given: [ValueID: Physical] = [:]
  private var copies: [ValueID: [Physical]] = [:]

  init(graph: Graph, options: PlanOptions, backends: BackendSet, packed: PackedWeights) {
    self.graph = graph
    self.options = options
    self.backends = backends
    self.packed = packed
  }

  mutating func build(_ assigned: [Assigned]) throws(GraphError) -> ExecutionPlan {
    var inputs: [Placement] = []
    let formats = options.hasFreeEnds ? firstFormats(assigned) : [:]
    for (i, port) in graph.inputs.enumerated() {
      var placement = try placement(of: port.value)
      if let format = formats[port.value] { placement = placement.with(format) }
      inputs.append(placement)
      given[port.value] = Physical(root: addRoot(.input(i), placement), placement: placement)
    }
    parts = ConcatPart.parts(of: assigned, in: graph, options)
    for item in assigned {
      do throws(GraphError) { try add(item) } catch { throw error.at(item.node.name) }
    }
    var outputs: [Physical] = []
    for port in graph.outputs {
      let plain = Format.rowMajor(try placement(of: port.value).dataType)
      let made = options.hasFreeEnds ? given[port.value]?.placement.format : nil
      outputs.append(try resolve(port.value, made ?? plain))
    }
    joinBands(outputs: outputs)
    return try finish(inputs: inputs, outputs: outputs)
  }

  /// What the first reader of each value wants.
  private func firstFormats(_ assigned: [Assigned]) -> [ValueID: Format] {
    var formats: [ValueID: Format] = [:]
    for item in assigned {
      let wanted = item.candidate.offer.complete(for: item.request).inputs
      let ids: [ValueID?] = item.node.inputs + item.node.epilogueInputs.map { $0 }
      for (id, format) in zip(ids, wanted) {
        if let id, let format, formats[id] == nil { formats[id] = format }
      }
    }
    return formats
  }

  // MARK: Values

  private func placement(of id: ValueID) throws(GraphError) -> Placement {
    guard let type = graph[id].type.tensor, let sizes = type.sizes,
      let count = try? Tensor.elementCount(of: sizes),
      let byteCount = type.dataType.byteCount(of: count)
    else { throw GraphError(.malformed("\(graph[id].name) has no known size")) }
    if byteCount > options.memoryLimit { throw overLimit(byteCount, graph[id].name) }
    return Placement(dataType: type.dataType, sizes: sizes)
  }

  func overLimit(_ byteCount: Int, _ what: String) -> GraphError {
    GraphError(.budget("\(what) needs \(byteCount) bytes, the limit is \(options.memoryLimit)"))
  }

  mutating func addRoot(_ kind: Root.Kind, _ placement: Placement) -> Int {
    roots.append(Root(kind: kind, byteCount: placement.byteCount))
    return roots.count - 1
  }

  /// The value in `format`: as it stands, as a constant made here, as a copy made before, or by a new Reorder.
  private mutating func resolve(_ id: ValueID, _ format: Format) throws(GraphError) -> Physical {
    if let constant = graph[id].constant {
      if let known = copies[id]?.first(where: { $0.placement.sameBytes(as: format) }) { return known }
      let tensor = try materialize(constant, format)
      let made = Physical(root: addRoot(.constant(tensor), tensor.placement), placement: tensor.placement)
      copies[id, default: []].append(made)
      return made
    }
    guard let source = given[id] else {
      throw GraphError(.malformed("\(graph[id].name) is read before it is made"))
    }
    for known in [source] + (copies[id] ?? []) where known.placement.sameBytes(as: format) {
      return Physical(root: known.root, placement: known.placement.with(format))
    }
    let copy = try reorder(source, to: format, name: graph[id].name)
    copies[id, default: []].append(copy)
    return copy
  }

  private mutating func reorder(_ source: Physical, to format: Format, name: String) throws(GraphError)
    -> Physical
  {
    let target = source.placement.with(format)
    let request = KernelRequest(
      op: Reorder(to: format), inputs: [Slot(source.placement)], outputs: [target], threads: options.threads)
    var kernel: (any PreparedKernel)?
    var kernelName = "naive.reorder.copy"
    var ignored: [Consideration] = []
    for candidate in backends.candidates(for: request, options, considerations: &ignored) where kernel == nil
    {
      guard case .kernel(let row) = candidate.method, case .planned(let prepare) = row.implementation else {
        continue
      }
      kernel = try? prepare(request, candidate.offer, [nil], packed)
      if kernel != nil { kernelName = row.name }
    }
    guard let ready = kernel ?? CopyKernel(source.placement, from: source.placement.format, to: format) else {
      throw GraphError(.malformed("no kernel brings \(source.placement.format) to \(format)"))
    }
    let copy = Physical(root: addRoot(.computed, target), placement: target)
    reorderCount += 1
    pending.append(
      Pending(
        kernel: ready, inputs: [source], epilogueInputs: [], outputs: [copy], overlays: [],
        label: ExecutionPlan.Label(
          node: name, operatorName: Reorder.name, kernel: kernelName, origins: [], work: .copying(target))))
    return copy
  }

  /// The constant's bytes in `format`, aligned for its elements; shared with other plans.
  private mutating func materialize(_ constant: Constant, _ format: Format) throws(GraphError) -> Tensor {
    readConstants.formUnion(constant.lineage)
    let tensor = try constant.tensor()
    let alignment = min(8, max(1, (format.storage.bitWidth ?? 8) / 8))
    if tensor.placement.sameBytes(as: format), tensor.bytes.isAligned(to: alignment) {
      if constant.stored == nil || !sharedConstants.contains(constant.id) {
        ownedByteCount += tensor.byteCount
      }
      do { return try tensor.reordered(to: format) } catch { throw GraphError(.malformed("\(error)")) }
    }
    do {
      let storage = try packed.packed(
        PackKey([constant.id], format: "tensor \(format)"), byteCount: tensor.byteCount
      ) {
        (bytes) throws(KernelError) in
        do {
          let ordered = try tensor.reordered(to: format)
          ordered.withBytes { bytes.base.copyMemory(from: $0.base, byteCount: $0.count) }
        } catch { throw KernelError("\(error)") }
      }
      return try Tensor(dataType: tensor.dataType, sizes: tensor.sizes, format: format, storage: storage)
    } catch let error as KernelError { throw GraphError(.malformed(error.reason)) } catch {
      throw GraphError(.malformed("\(error)"))
    }
  }

  // MARK: Nodes

  private mutating func add(_ item: Assigned) throws(GraphError) {
    let (operandFormats, resultFormats) = item.candidate.offer.complete(for: item.request)
    let node = item.node
    guard case .kernel(let kernel) = item.candidate.method else {
      guard let input = node.inputs.first ?? nil, let from = operandFormats[0],
        let output = node.outputs.first ?? nil,
        let to = resultFormats[0]
      else { throw GraphError(.malformed("a view without operand or result")) }
      let source = try resolve(input, from)
      try setGiven(output, Physical(root: source.root, placement: try placement(of: output).with(to)))
      return
    }
    // A Concat whose operands are in their places is done.
    if node.op is Concat, let first = node.inputs.first ?? nil, parts[first] != nil { return }
    let part = node.outputs.first.flatMap { $0 }.flatMap { parts[$0] }
    var operands: [Physical?] = []
    let ids: [ValueID?] = node.inputs + node.epilogueInputs.map { $0 }
    for (i, id) in ids.enumerated() {
      guard let id, let format = operandFormats[i], !item.candidate.offer.consumedConstants.contains(i) else {
        operands.append(nil)
        continue
      }
      operands.append(try resolve(id, format))
    }
    let prepared = try prepare(kernel, item, pitch: part?.pitch)
    var results: [Physical?] = []
    for (i, output) in node.outputs.enumerated() {
      guard let output, let format = resultFormats[i] else {
        results.append(nil)
        continue
      }
      let placement = try placement(of: output).with(format)
      if let part {
        results.append(
          Physical(
            root: try root(ofWhole: part.whole, format), placement: placement, byteOffset: part.byteOffset))
        continue
      }
      results.append(Physical(root: addRoot(.computed, placement), placement: placement))
    }
    let label = ExecutionPlan.Label(
      node: node.name, operatorName: node.op.name, kernel: kernel.name,
      origins: node.origins.indices.map { graph.originNames[Int($0)] }, work: item.request.work)
    // A step whose results are all empty computes nothing.
    if results.contains(where: { $0.map { !$0.placement.isEmpty } ?? false }) {
      pending.append(
        Pending(
          kernel: prepared, inputs: Array(operands.prefix(node.inputs.count)),
          epilogueInputs: Array(operands.dropFirst(node.inputs.count)), outputs: results,
          overlays: part == nil ? item.candidate.offer.overlays : [], label: label,
          banded: part == nil && item.candidate.offer.rowBands ? prepared as? any BandedKernel : nil,
          request: item.request))
    }
    for (output, result) in zip(node.outputs, results) {
      if let output, let result { try setGiven(output, result) }
    }
  }

  private mutating func setGiven(_ id: ValueID, _ physical: Physical) throws(GraphError) {
    given[id] = physical
    let plain = Format.rowMajor(physical.placement.dataType)
    if options.keepsFileLayout, !physical.placement.sameBytes(as: plain) {
      given[id] = try reorder(physical, to: plain, name: graph[id].name)
    }
  }

  /// The root of a Concat's result, which its first part makes.
  private mutating func root(ofWhole id: ValueID, _ format: Format) throws(GraphError) -> Int {
    if let known = given[id] { return known.root }
    let placement = try placement(of: id).with(format)
    let whole = Physical(root: addRoot(.computed, placement), placement: placement)
    given[id] = whole
    return whole.root
  }

  private func prepare(_ kernel: Kernel, _ item: Assigned, pitch: Int?) throws(GraphError)
    -> any PreparedKernel
  {
    var offer = item.candidate.offer
    offer.outputPitch = pitch
    guard case .planned(let prepare) = kernel.implementation else {
      throw GraphError(.malformed("\(kernel.name) cannot be planned"))
    }
    do { return try prepare(item.request, offer, graph.constants(of: item.node), packed) } catch {
      throw GraphError(.malformed("\(kernel.name) cannot be prepared: \(error.reason)"))
    }
  }
}
