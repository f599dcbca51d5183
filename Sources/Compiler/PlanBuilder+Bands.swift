import IR
import Kernels
import Runtime
import Tensors

/// What was found out about a chain of nodes that could run in row bands.
struct BandDecision {
  var nodes: [String]
  /// Rows of a band; nil: the nodes run one after the other on whole images.
  var rows: Int?
  /// Nanoseconds of the nodes on whole images and in bands, where they were raced.
  var times: (whole: Double, bands: Double)?

  var text: String {
    func milliseconds(_ nanoseconds: Double) -> String {
      let thousandths = Int((nanoseconds / 1_000).rounded())
      return "\(thousandths / 1_000).\("\(1_000 + thousandths % 1_000)".dropFirst()) ms"
    }
    let chain = nodes.joined(separator: " → ")
    let how = rows.map { "in bands of \($0) rows: \(chain)" } ?? "not in bands: \(chain)"
    guard let times, times.whole.isFinite, times.bands.isFinite else { return how + " (predicted)" }
    return how + " (in bands \(milliseconds(times.bands)), whole \(milliseconds(times.whole)))"
  }
}

// Chains of steps that hand on to each other more than the second-level cache holds run a few rows at a time.
extension PlanBuilder {
  /// What lies between the members of a chain in bands: about half of a second-level cache leaves room for weights.
  private static let bandByteCount = 512 << 10
  /// Smaller images gain nothing.
  private static let largeByteCount = 1 << 20
  private static let fewestRows = 28
  /// What a chain hands on in all, that is taken in bands without measuring.
  private static let expectedByteCount = 2 << 20

  /// Joins steps into chains that run in bands, where that is no slower in a race, or else expected to be faster.
  mutating func joinBands(outputs: [Physical]) {
    var fixedRows: Int?
    switch options.rowBands {
    case .never: return
    case .measured: break
    case .always(let rows): fixedRows = rows
    }
    var joined = pending.map(Optional.some)
    for chain in chains(outputs: outputs, ofAnySize: fixedRows != nil) {
      let steps = chain.map { pending[$0] }
      guard let candidate = BandCandidate(steps),
        let kernel = candidate.kernel(
          rows: fixedRows
            ?? max(1, Self.bandByteCount / max(1, candidate.betweenByteCount / candidate.height)),
          threads: options.threads)
      else { continue }
      var decision = BandDecision(nodes: steps.map(\.label.node), rows: kernel.bandHeight)
      if let recordedBands, fixedRows == nil {
        let i = bandDecisions.count
        if i >= recordedBands.count || !recordedBands[i] { decision.rows = nil }
      } else if fixedRows == nil {
        let times = tuner?.times(
          of: steps.map { $0.request?.costText ?? "" }.joined(separator: " | "), "bands",
          variants: [0, kernel.bandHeight],
          budget: tuner?.isSpent ?? true ? 0 : 20_000_000
        ) { raceTimes([candidate.plan(nil), candidate.plan(kernel)], threads: options.threads, budget: $0) }
        decision.times = times.map { ($0[0], $0[1]) }
        // Threads make the rows between their parts twice.
        let isExpected = options.threads == 1 && candidate.betweenByteCount > Self.expectedByteCount
        let isTaken = times.map { $0[1] <= $0[0] } ?? isExpected
        if !isTaken { decision.rows = nil }
      }
      bandDecisions.append(decision)
      guard decision.rows != nil else { continue }
      for i in chain.dropLast() { joined[i] = nil }
      joined[chain[chain.count - 1]] = candidate.step(kernel)
    }
    pending = joined.compactMap { $0 }
  }

  /// Positions of steps that hand on to each other images that nobody else reads: large ones, or of any size.
  private func chains(outputs: [Physical], ofAnySize: Bool) -> [[Int]] {
    var readers = [Int](repeating: 0, count: roots.count)
    for step in pending {
      for case let operand? in step.inputs + step.epilogueInputs { readers[operand.root] += 1 }
    }
    for output in outputs { readers[output.root] += 2 }
    var maker = [Int?](repeating: nil, count: roots.count)
    var next = [Int?](repeating: nil, count: pending.count)
    var isContinued = [Bool](repeating: false, count: pending.count)
    for (i, step) in pending.enumerated() {
      guard let kernel = step.banded, !step.overlays.contains(where: \.required), step.outputs.count == 1,
        let output = step.outputs[0], output.isImages
      else { continue }
      for (o, operand) in (step.inputs + step.epilogueInputs).enumerated() {
        guard let operand, let before = maker[operand.root], readers[operand.root] == 1, !isContinued[i],
          kernel.operandRows(o, for: 0..<1) != nil, operand.isImages,
          pending[before].outputs[0]?.placement.sizes == operand.placement.sizes,
          ofAnySize
            || operand.placement.byteCount / operand.placement.sizes[0] > Self.largeByteCount
              && operand.placement.sizes[2] >= Self.fewestRows
        else { continue }
        next[before] = i
        isContinued[i] = true
      }
      maker[output.root] = i
    }
    var chains: [[Int]] = []
    for i in pending.indices where !isContinued[i] && next[i] != nil {
      var chain = [i]
      var step = i
      while let following = next[step] {
        // Where the images are smallest, one chain ends and another begins.
        if chain.count > 1, byteCount(step, -1) > byteCount(step, 0),
          byteCount(step, 0) < byteCount(following, 0)
        {
          chains.append(chain)
          chain = []
        }
        chain.append(following)
        step = following
      }
      chains.append(chain)
    }
    return chains.filter { $0.count > 1 }
  }

  /// Bytes of a step's result (0), or of its first operand (−1).
  private func byteCount(_ step: Int, _ offset: Int) -> Int {
    let physical = offset == 0 ? pending[step].outputs[0] : pending[step].inputs.first ?? nil
    return physical?.placement.byteCount ?? 0
  }
}

extension PlanBuilder.Physical {
  /// Whether these are images with channels innermost.
  fileprivate var isImages: Bool {
    placement.rank == 4 && !placement.isEmpty
      && placement.sameBytes(as: .channelsLast(placement.format.storage, rank: 4))
  }
}

/// A chain of steps and what it reads from elsewhere.
private struct BandCandidate {
  let steps: [PlanBuilder.Pending]
  let given: [PlanBuilder.Physical]
  let result: PlanBuilder.Physical
  private let members: [BandsKernel.Member]
  private let images: Int

  init?(_ steps: [PlanBuilder.Pending]) {
    var given: [PlanBuilder.Physical] = []
    var members: [BandsKernel.Member] = []
    var before: PlanBuilder.Physical?
    for step in steps {
      guard let kernel = step.banded, let output = step.outputs[0] else { return nil }
      let sizes = output.placement.sizes
      let operands = (step.inputs + step.epilogueInputs).map { operand -> BandsKernel.Operand in
        guard let operand else { return .none }
        if operand.root == before?.root { return .previous }
        given.append(operand)
        return .given(given.count - 1)
      }
      members.append(
        BandsKernel.Member(
          kernel: kernel, operands: operands, inputCount: step.inputs.count, height: sizes[2],
          rowByteCount: output.placement.byteCount / (sizes[0] * sizes[2])))
      before = output
    }
    guard let before, steps.allSatisfy({ $0.outputs[0]?.placement.sizes[0] == before.placement.sizes[0] })
    else {
      return nil
    }
    self.steps = steps
    self.given = given
    self.members = members
    result = before
    images = before.placement.sizes[0]
  }

  /// Rows of the last result in one image.
  var height: Int { result.placement.sizes[2] }

  /// Bytes of one image that pass between the members.
  var betweenByteCount: Int {
    steps.dropLast().reduce(0) { $0 + ($1.outputs[0]?.placement.byteCount ?? 0) / images }
  }

  func kernel(rows: Int, threads: Int) -> BandsKernel? {
    BandsKernel(members, givenCount: given.count, images: images, rows: rows, threads: threads)
  }

  /// The steps as one.
  func step(_ kernel: BandsKernel) -> PlanBuilder.Pending {
    let labels = steps.map(\.label)
    var overlays: [Overlay] = []
    if let last = steps.last, let own = members.last?.operands {
      // The result may take the place of what is read by the same rows of the last member only.
      overlays = last.overlays.compactMap { overlay in
        guard case .given(let i) = own[overlay.operand] else { return nil }
        let root = given[i].root
        return given.count { $0.root == root } == 1 ? Overlay(operand: i) : nil
      }
    }
    return PlanBuilder.Pending(
      kernel: kernel, inputs: given, epilogueInputs: [], outputs: [result], overlays: overlays,
      label: ExecutionPlan.Label(
        bandsOf: kernel.bandHeight, labels, betweenByteCount: betweenByteCount * images))
  }

  /// A plan of the chain alone: as one kernel, or on whole images.
  func plan(_ bands: BandsKernel?) -> ExecutionPlan {
    var places = given.enumerated().map { ExecutionPlan.Place(.input($0), byteCount: $1.placement.byteCount) }
    let output = ExecutionPlan.Place(.output(0), byteCount: result.placement.byteCount)
    var arena = 0
    var planned: [ExecutionPlan.Step] = []
    if let bands {
      places.append(output)
      planned.append(
        ExecutionPlan.Step(
          kernel: bands, firstPlace: 0, inputCount: given.count, epilogueCount: 0, outputCount: 1,
          scratchOffset: 0))
      arena = bands.scratchByteCount
    } else {
      let own = places
      places = []
      func take(_ byteCount: Int) -> Int {
        defer { arena += TensorStorage.aligned(byteCount) }
        return arena
      }
      let scratch = take(steps.map(\.kernel.scratchByteCount).max() ?? 0)
      var before = ExecutionPlan.Place.none
      for (i, step) in steps.enumerated() {
        planned.append(
          ExecutionPlan.Step(
            kernel: step.kernel, firstPlace: places.count, inputCount: step.inputs.count,
            epilogueCount: step.epilogueInputs.count, outputCount: 1, scratchOffset: scratch))
        for operand in members[i].operands {
          switch operand {
          case .given(let given): places.append(own[given])
          case .previous: places.append(before)
          case .none: places.append(.none)
          }
        }
        let count = step.outputs[0]?.placement.byteCount ?? 0
        before = ExecutionPlan.Place(
          .arena, byteOffset: take(i == steps.count - 1 ? 0 : count), byteCount: count)
        places.append(i == steps.count - 1 ? output : before)
      }
    }
    return ExecutionPlan(
      steps: planned, places: places, arenaByteCount: arena, liveByteCount: arena, constants: [],
      inputs: given.map(\.placement), outputs: [result.placement], labels: [], reorderCount: 0)
  }
}

extension ExecutionPlan.Label {
  /// The label of a chain in bands of so many rows.
  fileprivate init(bandsOf rows: Int, _ members: [ExecutionPlan.Label], betweenByteCount: Int) {
    let words = members.map {
      $0.kernel.split(separator: ".").dropFirst().first.map(String.init) ?? $0.kernel
    }
    var work: Work? = members.reduce(Work(operations: 0, bytes: 0)) { sum, label in
      Work(
        operations: sum.operations + (label.work?.operations ?? 0),
        bytes: sum.bytes + (label.work?.bytes ?? 0))
    }
    if members.contains(where: { $0.work == nil }) { work = nil }
    // What passes between the members is neither written to memory nor read from it.
    work?.bytes -= 2 * Double(betweenByteCount)
    self.init(
      node: members.map(\.node).joined(separator: " → "), operatorName: "Group",
      kernel: "\(members.first?.backend ?? "").bands\(rows)[\(words.joined(separator: ","))]",
      origins: members.flatMap(\.origins), work: work)
  }
}
