import IR
import Kernels
import Operators
import Tensors

/// One way to run a node: a kernel with one of its offers, or no kernel at all where the bytes stay as they are.
struct Candidate: Sendable {
  enum Method: Sendable {
    case kernel(Kernel)
    /// The result is the operand's bytes under another shape or order of axes.
    case view
  }

  var method: Method
  var offer: Offer
  /// Position among the kernels of its backend: earlier ones are preferred.
  var rank: Int

  var name: String {
    switch method {
    case .kernel(let kernel): kernel.name
    case .view: "view"
    }
  }
}

/// What a kernel said of a node: for `why`.
package struct Consideration: Sendable {
  package var kernel: String
  /// Formats of the offers, or the reason of the refusal.
  package var accepted: Bool
  package var detail: String
  package var nanoseconds: Double?
  package var isMeasured: Bool
}

extension Graph {
  /// The request of a node whose sizes are all known; nil when one is not, or is no dense numeric tensor.
  package func request(for node: Node, threads: Int) -> KernelRequest? {
    func placement(_ id: ValueID) -> Placement? {
      guard let type = self[id].type.tensor, type.dataType != .string, let sizes = type.sizes,
        sizes.allSatisfy({ $0 >= 0 }), let count = try? Tensor.elementCount(of: sizes),
        type.dataType.byteCount(of: count) != nil
      else { return nil }
      return Placement(dataType: type.dataType, sizes: sizes)
    }
    var inputs: [Slot?] = []
    for input in node.inputs {
      guard let input else {
        inputs.append(nil)
        continue
      }
      guard let placement = placement(input) else { return nil }
      inputs.append(Slot(placement, isConstant: self[input].constant != nil))
    }
    var epilogueInputs: [Slot] = []
    for input in node.epilogueInputs {
      guard let placement = placement(input) else { return nil }
      epilogueInputs.append(Slot(placement, isConstant: self[input].constant != nil))
    }
    var outputs: [Placement?] = []
    for output in node.outputs {
      guard let output else {
        outputs.append(nil)
        continue
      }
      guard let placement = placement(output) else { return nil }
      outputs.append(placement)
    }
    return KernelRequest(
      op: node.op, inputs: inputs, epilogueInputs: epilogueInputs, outputs: outputs, epilogue: node.epilogue,
      threads: threads)
  }

  /// Constants of a node's inputs, then of its epilogue inputs.
  func constants(of node: Node) -> [Constant?] {
    node.inputs.map { $0.flatMap { self[$0].constant } } + node.epilogueInputs.map { self[$0].constant }
  }
}

/// Ways to serve `request` without moving a byte.
func viewCandidates(_ request: KernelRequest) -> [Candidate] {
  guard request.epilogue.isEmpty, let input = request.inputs.first ?? nil,
    let output = request.outputs.first ?? nil,
    !request.outputs.dropFirst().contains(where: { $0 != nil })
  else { return [] }
  func view(_ from: Layout, _ to: Layout) -> Candidate {
    Candidate(
      method: .view,
      offer: Offer(
        inputs: [Format(storage: input.placement.dataType, layout: from)]
          + request.inputs.dropFirst().map { $0.map { .rowMajor($0.placement.dataType) } },
        outputs: [Format(storage: output.dataType, layout: to)]),
      rank: 0)
  }
  let rank = input.placement.rank
  let op = request.op.base
  if op is Identity {
    return [view(.rowMajor, .rowMajor)]
      + (rank >= 3 ? [view(.channelsLast(rank: rank), .channelsLast(rank: rank))] : [])
  }
  if op is Reshape || op is Flatten || op is Squeeze || op is Unsqueeze {
    return [view(.rowMajor, .rowMajor)]
  }
  guard let transpose = op as? Transpose else { return [] }
  let permutation = transpose.permutation ?? Array((0..<rank).reversed())
  guard permutation.count == rank, Set(permutation) == Set(0..<rank) else { return [] }
  // Output axis i is input axis permutation[i]; the bytes stay, so the order of axes is renamed.
  var inverse = [Int](repeating: 0, count: rank)
  for (i, axis) in permutation.enumerated() { inverse[axis] = i }
  func outputLayout(for layout: Layout) -> Layout? {
    layout.order(rank: rank).map { .order($0.map { inverse[$0] }) }
  }
  func inputLayout(for layout: Layout) -> Layout? {
    layout.order(rank: rank).map { .order($0.map { permutation[$0] }) }
  }
  var pairs: [(Layout, Layout)] = []
  for layout in rank >= 3 ? [Layout.rowMajor, .channelsLast(rank: rank)] : [.rowMajor] {
    if let to = outputLayout(for: layout) { pairs.append((layout, to)) }
    if let from = inputLayout(for: layout) { pairs.append((from, layout)) }
  }
  var views: [Candidate] = []
  for (from, to) in pairs {
    let candidate = view(from, to)
    if !views.contains(where: { $0.offer == candidate.offer }) { views.append(candidate) }
  }
  return views
}

extension BackendSet {
  /// Every candidate for a request under a selection, and what each kernel said.
  func candidates(
    for request: KernelRequest, _ options: PlanOptions, considerations: inout [Consideration]
  ) -> [Candidate] {
    let views = viewCandidates(request)
    var accepted: [Candidate] = []
    let refusal = FastRange.refusal(of: request)
    for kernel in planned(request.op.base.name) {
      let verdict = kernel.backend == .naive ? nil : refusal.map { Verdict.declines($0) }
      switch verdict ?? kernel.consider(request) {
      case .declines(let reason):
        considerations.append(
          Consideration(
            kernel: kernel.name, accepted: false, detail: reason, nanoseconds: nil, isMeasured: false))
      case .accepts(let offers):
        let allowed = offers.filter { options.allowed.contains($0.numerics) }
        if allowed.isEmpty {
          considerations.append(
            Consideration(
              kernel: kernel.name, accepted: false, detail: "its numerics are not allowed", nanoseconds: nil,
              isMeasured: false))
        }
        let rank = accepted.count { $0.backend == kernel.backend }
        for offer in allowed { accepted.append(Candidate(method: .kernel(kernel), offer: offer, rank: rank)) }
      }
    }
    switch options.selection {
    case .auto:
      // Naive is the last resort: it is never the fastest.
      let fast = accepted.filter { $0.backend != .naive }
      return views + (fast.isEmpty && views.isEmpty ? accepted : fast)
    case .backend(let asked):
      for id in BackendSet.order(startingWith: asked) {
        let own = accepted.filter { $0.backend == id }
        if !own.isEmpty { return views + own }
      }
      return views
    }
  }
}

/// What the backends answered to the requests of one graph under one set of options, each asked once.
final class CandidateTable {
  private let backends: BackendSet
  private let options: PlanOptions
  private var known: [KernelRequest: (candidates: [Candidate], considerations: [Consideration])] = [:]

  init(_ backends: BackendSet, _ options: PlanOptions) {
    self.backends = backends
    self.options = options
  }

  /// Whether the answers are the same under `other`.
  func serves(_ other: PlanOptions) -> Bool {
    options.selection == other.selection && options.allowed == other.allowed
  }

  subscript(request: KernelRequest) -> (candidates: [Candidate], considerations: [Consideration]) {
    if let answer = known[request] { return answer }
    var considerations: [Consideration] = []
    let candidates = backends.candidates(for: request, options, considerations: &considerations)
    known[request] = (candidates, considerations)
    return (candidates, considerations)
  }
}

extension Candidate {
  var backend: BackendID? {
    switch method {
    case .kernel(let kernel): kernel.backend
    case .view: nil
    }
  }
}
