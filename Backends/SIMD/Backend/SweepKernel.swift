import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Elementwise programs over an operand of the result's own size: unary and binary functions, clips, scales
/// and shifts, with whatever follows them.
struct SweepKernel: PreparedKernel {
  private enum First: Sendable {
    case unary(UnaryCode)
    case binary(Int32, FusedEpilogue.Source, OperandAccess, swapped: Bool)
  }

  private let kernels: Microkernels
  /// The operand of full size.
  private let operand: Int
  private let first: First
  private let rest: FusedEpilogue
  private let rows: Int
  private let columns: Int
  private let rowsPerImage: Int
  /// Whether all is one row, and the step of the other operand along it.
  private let isFlat: Bool
  private let flatStep: Int
  /// Rows of the space in one row of an image.
  private let pixelsPerRow: Int

  var scratchByteCount: Int { 0 }

  fileprivate init(_ program: Program, fusedSteps: Int, kernels: Microkernels) {
    self.kernels = kernels
    operand = program.operand
    var steps = program.steps
    switch steps.removeFirst() {
    case .unary(let code): first = .unary(code)
    case .binary(let f, let source, let access, let swapped):
      first = .binary(f, source, access, swapped: swapped)
    }
    rest = FusedEpilogue(steps, space: program.space, registers: [])
    columns = program.space.columns
    rowsPerImage = max(program.space.rowsPerImage, 1)
    rows = program.space.images * program.space.rowsPerImage
    pixelsPerRow = program.space.sizes.last ?? 1
    switch first {
    case .unary:
      isFlat = rest.isEmpty
      flatStep = 1
    case .binary(_, _, let access, _):
      let isWhole =
        !access.perImage && access.rowStride == columns && (access.columnStride == 1 || columns == 1)
      let isScalar = !access.perImage && access.rowStride == 0 && access.columnStride == 0
      isFlat = rest.isEmpty && (isWhole || isScalar)
      flatStep = isWhole ? 1 : 0
    }
  }

  func run(_ call: borrowing KernelCall) {
    withWork(call) { work in
      call.workers.forEach((work.units + work.unitsPerPart - 1) / work.unitsPerPart, work)
    }
  }

  private func withWork(_ call: borrowing KernelCall, _ body: (Work) -> Void) {
    let x = call.input(operand).pointer(to: Float.self)
    let y = call.output(0).pointer(to: Float.self)
    var other: UnsafePointer<Float>?
    if case .binary(_, let source, _, _) = first { other = source.address(in: call) }
    rest.withProgram(call) { program in
      var work = Work(kernel: self, x: x, y: y, other: other, program: program)
      work.unitsPerPart = max(1, isFlat ? 16384 : 16384 / max(columns, 1))
      body(work)
    }
  }

  private struct Work: ParallelWork {
    let kernel: SweepKernel
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let other: UnsafePointer<Float>?
    var program: nt_epilogue
    var unitsPerPart = 1

    /// Elements of a flat run, rows of another.
    var units: Int { kernel.isFlat ? kernel.rows * kernel.columns : kernel.rows }

    func run(chunk: Int) { run(chunk * unitsPerPart..<min((chunk + 1) * unitsPerPart, units)) }

    func run(_ units: Interval) {
      let k = kernel
      if k.isFlat {
        flat(units)
        return
      }
      // Blocks that stay in the first-level cache while the program passes over them.
      let block = max(1, 2048 / max(k.columns, 1))
      var row = units.lowerBound
      while row < units.upperBound {
        let end = min(row + block, units.upperBound)
        switch k.first {
        case .unary(let code):
          k.kernels.unary(code, x + row * k.columns, y + row * k.columns, count: (end - row) * k.columns)
        case .binary(let function, _, let access, let swapped):
          binaryRows(function, access, swapped: swapped, row..<end)
        }
        if program.step_count > 0 {
          withUnsafePointer(to: program) {
            k.kernels.steps(
              $0, y + row * k.columns, stride: k.columns, rows: row..<end, columns: 0..<k.columns)
          }
        }
        row = end
      }
    }

    private func flat(_ elements: Interval) {
      let k = kernel
      let start = elements.lowerBound
      switch k.first {
      case .unary(let code): k.kernels.unary(code, x + start, y + start, count: elements.count)
      case .binary(let f, _, _, let swapped):
        guard let other else { return }
        let step = Int32(k.flatStep)
        let at = other + start * k.flatStep
        if swapped {
          k.kernels.binary(f, at, step, x + start, 1, y + start, count: elements.count)
        } else {
          k.kernels.binary(f, x + start, 1, at, step, y + start, count: elements.count)
        }
      }
    }

    private func binaryRows(_ f: Int32, _ access: OperandAccess, swapped: Bool, _ rows: Interval) {
      let k = kernel
      guard let other else { return }
      let step = Int32(access.columnStride)
      var row = rows.lowerBound
      while row < rows.upperBound {
        let image = access.perImage ? row / k.rowsPerImage : 0
        let inside = row - image * k.rowsPerImage
        let count = min(rows.upperBound - row, access.perImage ? k.rowsPerImage - inside : .max)
        let at = other + inside * access.rowStride + image * access.imageStride
        let start = row * k.columns
        if swapped {
          k.kernels.binary(
            f, at, stride: access.rowStride, step, x + start, stride: k.columns, 1, y + start,
            stride: k.columns,
            rows: count, count: k.columns)
        } else {
          k.kernels.binary(
            f, x + start, stride: k.columns, 1, at, stride: access.rowStride, step, y + start,
            stride: k.columns,
            rows: count, count: k.columns)
        }
        row += count
      }
    }
  }
}

extension SweepKernel: BandedKernel {
  func operandRows(_ operand: Int, for rows: Interval) -> Interval? { operand == self.operand ? rows : nil }

  func scratchByteCount(rows: Int) -> Int { 0 }

  func run(_ call: borrowing KernelCall, rows: Interval) {
    let step = pixelsPerRow * (isFlat ? columns : 1)
    withWork(call) { $0.run(rows.lowerBound * step..<rows.upperBound * step) }
  }
}

// MARK: - Programs

extension SweepKernel {
  /// An elementwise node as steps over one operand, the operator's own ones first.
  fileprivate struct Program {
    var operand: Int
    var space: RowSpace
    var steps: [FusedEpilogue.Step]
    var own: Int
    var inputs: [Format?]
    var epilogueInputs: [Format]
    var isExact: Bool

    var fusedSteps: Int { steps.count - own }

    /// Gives the first two steps the scale and shift of a batch normalization: γ / √(σ² + ε) and β − μ ·
    /// scale.
    mutating func normalize(_ constants: [Constant?], epsilon: Double) throws(KernelError) {
      var values: [[Float]] = []
      for i in 1...4 {
        guard let tensor = try constants[i]?.float32() else {
          throw KernelError("a parameter that is no constant")
        }
        values.append(
          tensor.withBytes { bytes in
            (0..<tensor.elementCount).map { bytes.base.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
          })
      }
      let scale = zip(values[0], values[3]).map { Double($0) / (Double($1) + epsilon).squareRoot() }
      let shift = zip(zip(values[1], values[2]), scale).map { Double($0.0) - Double($0.1) * $1 }
      for (i, numbers) in [scale, shift].enumerated() {
        guard case .binary(let f, _, let access, let swapped) = steps[i] else { continue }
        do {
          let stored = try Tensor(numbers.map { Float($0) }, sizes: [numbers.count])
          steps[i] = .binary(f, .stored(stored.storage), access, swapped: swapped)
        } catch { throw KernelError("\(error)") }
      }
    }
  }

  /// Ways to count elements of a result in `layout`, one of which suits most broadcasts.
  private static func spaces(_ sizes: [Int], _ layout: Layout) -> [RowSpace] {
    if layout != .rowMajor { return [.channelsLast(sizes)] }
    return sizes.count >= 3
      ? [.rows(sizes, layout: layout), .matrices(sizes), .planes(sizes)] : [.matrices(sizes)]
  }

  /// The program with most fused steps in `layout`.
  fileprivate static func program(_ request: KernelRequest, layout: Layout) -> Program? {
    guard let output = request.outputs[0] else { return nil }
    var best: Program?
    for space in spaces(output.sizes, layout) {
      guard let own = ownSteps(request, space: space) else { continue }
      let (steps, formats) = request.fusable(into: space, limit: FusedEpilogue.maximumSteps - own.steps.count)
      let program = Program(
        operand: own.operand, space: space, steps: own.steps + steps, own: own.steps.count,
        inputs: own.inputs,
        epilogueInputs: formats, isExact: own.isExact)
      if best.map({ $0.fusedSteps < program.fusedSteps }) ?? true { best = program }
    }
    return best
  }

  private static func ownSteps(
    _ request: KernelRequest, space: RowSpace
  ) -> (operand: Int, steps: [FusedEpilogue.Step], inputs: [Format?], isExact: Bool)? {
    let full = Format(storage: .float32, layout: space.layout)
    var inputs: [Format?] = request.inputs.map { $0.map { _ in full } }
    func access(_ i: Int, as sizes: [Int]? = nil) -> OperandAccess? {
      guard i < request.inputs.count, let slot = request.inputs[i],
        let access = space.access(to: sizes ?? slot.placement.sizes)
      else { return nil }
      inputs[i] = Format(storage: .float32, layout: sizes == nil ? access.layout : .rowMajor)
      return access
    }
    guard let x = request.inputs.first ?? nil else { return nil }
    switch request.op.base {
    case let op as Unary:
      guard let code = UnaryCode(op.function) else { return nil }
      return (0, [.unary(code)], inputs, UnaryCode.isExact(op.function))
    case let op as Clip:
      guard request.inputs.dropFirst().allSatisfy({ $0 == nil }) else { return nil }
      let code = UnaryCode.clamp(op.lower?.float ?? -.infinity, op.upper?.float ?? .infinity)
      return (0, [.unary(code)], inputs, true)
    case let op as Binary:
      guard let code = binaryCode(op.function), request.inputs.count == 2, let y = request.inputs[1] else {
        return nil
      }
      let whole = x.placement.sizes == space.sizes ? 0 : y.placement.sizes == space.sizes ? 1 : nil
      guard let whole, let other = access(1 - whole) else { return nil }
      return (whole, [.binary(code, .input(1 - whole), other, swapped: whole == 1)], inputs, true)
    case is BatchNormalization:
      // Scale and shift follow from the four constants when the kernel is prepared.
      guard request.inputs.count == 5, request.inputs.dropFirst().allSatisfy({ $0?.isConstant == true }),
        request.outputs.dropFirst().allSatisfy({ $0 == nil }), space.sizes.count >= 2
      else { return nil }
      let along = space.sizes.indices.map { $0 == 1 ? space.sizes[1] : 1 }
      guard (1...4).allSatisfy({ request.inputs[$0]?.placement.elementCount == space.sizes[1] }),
        let scale = access(1, as: along), let shift = access(2, as: along)
      else { return nil }
      for i in 1...4 { inputs[i] = .rowMajor(.float32) }
      return (
        0,
        [
          .binary(Int32(NT_MUL), .input(1), scale, swapped: false),
          .binary(Int32(NT_ADD), .input(2), shift, swapped: false),
        ], inputs, false
      )
    case let op as ScaleShift:
      guard request.inputs.count == 3, op.axis >= 0, op.axis < space.sizes.count else { return nil }
      let along = space.sizes.indices.map { $0 == op.axis ? space.sizes[$0] : 1 }
      guard let scale = access(1, as: along), let shift = access(2, as: along) else { return nil }
      return (
        0,
        [
          .binary(Int32(NT_MUL), .input(1), scale, swapped: false),
          .binary(Int32(NT_ADD), .input(2), shift, swapped: false),
        ], inputs, true
      )
    default: return nil
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    let words = [
      ("unary", Unary.name), ("clip", Clip.name), ("binary", Binary.name), ("scaleshift", ScaleShift.name),
      ("batchnorm", BatchNormalization.name),
    ]
    return words.map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.any.sweep.\(kernels.isa)", operatorName: operatorName,
        consider: { consider($0) },
        implementation: .planned { (request, offer, constants, _) throws(KernelError) in
          guard let layout = offer.outputs[0]?.layout, var program = program(request, layout: layout) else {
            throw KernelError("another request than considered")
          }
          if let op = request.op.base as? BatchNormalization {
            try program.normalize(constants, epsilon: op.epsilon.value)
          }
          program.steps = Array(program.steps.prefix(program.own + offer.fusedSteps))
          return SweepKernel(program, fusedSteps: offer.fusedSteps, kernels: kernels)
        })
    }
  }

  private static func consider(_ request: KernelRequest) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0] else { return .declines("nothing to compute") }
    var layouts = [Layout.rowMajor]
    if output.rank >= 3 { layouts.append(.channelsLast(rank: output.rank)) }
    let offers = layouts.compactMap { layout in program(request, layout: layout).map { offer(request, $0) } }
    return offers.isEmpty ? .declines("a function or broadcast without a vector form") : .accepts(offers)
  }

  private static func offer(_ request: KernelRequest, _ program: Program) -> Offer {
    var offer = Offer(
      inputs: program.inputs, epilogueInputs: program.epilogueInputs,
      outputs: request.outputs.enumerated().map {
        $0.offset == 0 ? Format(storage: .float32, layout: program.space.layout) : nil
      },
      fusedSteps: program.fusedSteps)
    // A later step would read an operand of full size after the result was stored over it.
    let readsLater = program.steps.dropFirst().contains { step in
      if case .binary(_, _, let access, _) = step { return access.columnStride == 1 && access.rowStride != 0 }
      return false
    }
    if !readsLater && request.inputs[program.operand]?.isConstant == false {
      offer.overlays = [Overlay(operand: program.operand)]
    }
    offer.rowBands = program.space.layout == .channelsLast(rank: 4) && program.space.sizes.count == 4
    if request.op.base is BatchNormalization { offer.consumedConstants = [1, 2, 3, 4] }
    offer.unalignedConstants = true
    offer.numerics = program.isExact && program.fusedSteps == 0 ? .exact : .reassociated
    return offer
  }
}
