import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// The steps that a kernel applies to its result before anybody else reads it.
///
/// A bias, a residual and a clamp that lead the program are applied in registers where the kernel can; the
/// rest is a sweep over what was just stored.
struct FusedEpilogue: Sendable {
  /// Where an operand lies at run time.
  enum Source: Sendable {
    case input(Int), epilogue(Int), stored(TensorStorage)

    func address(in call: borrowing KernelCall) -> UnsafePointer<Float> {
      switch self {
      case .input(let i): call.input(i).pointer(to: Float.self)
      case .epilogue(let i): call.epilogueInput(i).pointer(to: Float.self)
      case .stored(let storage): storage.bytes.pointer(to: Float.self)
      }
    }
  }

  enum Step: Sendable {
    case unary(UnaryCode)
    case binary(Int32, Source, OperandAccess, swapped: Bool)
  }

  /// What a kernel can do in registers.
  struct Registers: OptionSet {
    let rawValue: Int
    static let bias = Registers(rawValue: 1)
    static let residual = Registers(rawValue: 2)
    static let clamp = Registers(rawValue: 4)
  }

  static let maximumSteps = 8

  private(set) var bias: Source?
  private(set) var residual: Source?
  private var residualStride = 0
  private var lower = -Float.infinity
  private var upper = Float.infinity
  private var steps: [Step]
  private let rowsPerImage: Int
  let rowCount: Int

  init(_ program: [Step], space: RowSpace, registers: Registers) {
    rowsPerImage = max(space.rowsPerImage, 1)
    rowCount = space.images * space.rowsPerImage
    var rest = program[...]
    if registers.contains(.bias), case .binary(let f, let source, let access, _)? = rest.first,
      f == Int32(NT_ADD),
      access.columnStride == 1 || space.columns == 1, access.rowStride == 0, !access.perImage
    {
      bias = source
      rest = rest.dropFirst()
    }
    if registers.contains(.residual), case .binary(let f, let source, let access, _)? = rest.first,
      f == Int32(NT_ADD),
      access.columnStride == 1, !access.perImage
    {
      residual = source
      residualStride = access.rowStride
      rest = rest.dropFirst()
    }
    if registers.contains(.clamp), case .unary(let code)? = rest.first {
      if code.function == Int32(NT_RELU) {
        lower = 0
        rest = rest.dropFirst()
      } else if code.function == Int32(NT_CLAMP) {
        lower = code.p0
        upper = code.p1
        rest = rest.dropFirst()
      }
    }
    steps = Array(rest)
  }

  var isEmpty: Bool {
    bias == nil && residual == nil && lower == -.infinity && upper == .infinity && steps.isEmpty
  }

  /// Calls `body` with the program bound to the operands of this run.
  func withProgram(_ call: borrowing KernelCall, _ body: (nt_epilogue) -> Void) {
    let biasAddress = bias?.address(in: call)
    let residualAddress = residual?.address(in: call)
    withUnsafeTemporaryAllocation(of: nt_step.self, capacity: max(steps.count, 1)) { table in
      for (i, step) in steps.enumerated() {
        var entry = nt_step()
        switch step {
        case .unary(let code):
          entry.function = code.function
          entry.p0 = code.p0
          entry.p1 = code.p1
        case .binary(let function, let source, let access, let swapped):
          entry.binary = 1
          entry.function = function
          entry.swapped = swapped ? 1 : 0
          entry.operand = source.address(in: call)
          entry.column_stride = Int32(access.columnStride)
          entry.row_stride = access.rowStride
          entry.image_stride = access.imageStride
          entry.per_image = access.perImage ? 1 : 0
        }
        table.initializeElement(at: i, to: entry)
      }
      var program = nt_epilogue()
      program.bias = biasAddress
      program.residual = residualAddress
      program.residual_stride = residualStride
      program.lower = lower
      program.upper = upper
      program.steps = UnsafePointer(table.baseAddress)
      program.step_count = Int32(steps.count)
      program.rows_per_image = rowsPerImage
      body(program)
    }
  }
}

extension KernelRequest {
  /// The longest prefix of the epilogue that can be fused into a result counted by `space`, and the formats
  /// of its operands.
  func fusable(into space: RowSpace, limit: Int = FusedEpilogue.maximumSteps) -> (
    steps: [FusedEpilogue.Step], formats: [Format]
  ) {
    var steps: [FusedEpilogue.Step] = []
    var formats = epilogueInputs.map { Format.rowMajor($0.placement.dataType) }
    var chosen = [Layout?](repeating: nil, count: formats.count)
    for step in epilogue.steps.prefix(limit) {
      switch step {
      case .unary(let function):
        guard let code = UnaryCode(function) else { return (steps, formats) }
        steps.append(.unary(code))
      case .clamp(let lower, let upper):
        steps.append(.unary(.clamp(lower.float, upper.float)))
      case .binary(let function, let i, let swapped):
        guard let code = binaryCode(function), i < epilogueInputs.count else { return (steps, formats) }
        let operand = epilogueInputs[i].placement
        guard operand.dataType == .float32, let access = space.access(to: operand.sizes),
          chosen[i] == nil || chosen[i] == access.layout
        else { return (steps, formats) }
        chosen[i] = access.layout
        formats[i] = Format(storage: .float32, layout: access.layout)
        steps.append(.binary(code, .epilogue(i), access, swapped: swapped))
      case .quantize, .convert:
        return (steps, formats)
      }
    }
    return (steps, formats)
  }

  /// The epilogue operand whose memory the result may take over: a residual that is added in registers and
  /// read by no other step.
  func residualOverlay(_ epilogue: FusedEpilogue, fusedSteps: Int) -> [Overlay] {
    // A single row is stored before its residual is read.
    guard case .epilogue(let i)? = epilogue.residual, let output = outputs.first ?? nil,
      epilogue.rowCount > 1,
      epilogueInputs[i].placement.sizes == output.sizes, !epilogueInputs[i].isConstant
    else { return [] }
    let uses = self.epilogue.steps.prefix(fusedSteps).filter { step in
      if case .binary(_, i, _) = step { return true }
      return false
    }
    return uses.count == 1 ? [Overlay(operand: inputs.count + i)] : []
  }

  /// True when every present operand and result holds 32-bit floats.
  var isFloat32: Bool {
    inputs.allSatisfy { $0 == nil || $0?.placement.dataType == .float32 }
      && outputs.allSatisfy { $0 == nil || $0?.dataType == .float32 }
  }

  /// True when nothing is to be computed.
  var isEmpty: Bool {
    outputs.contains { $0?.isEmpty == true } || inputs.contains { $0?.placement.isEmpty == true }
  }
}
