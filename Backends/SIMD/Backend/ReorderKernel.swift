import IR
import Kernels
import Operators
import Tensors

/// Changes of layout and transpositions of f32: copies from one order of axes to another.
struct ReorderKernel: PreparedKernel {
  private let kernels: Microkernels
  private let plan: StridedCopy

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    let work = Work(
      kernels: kernels, plan: plan, from: call.input(0).pointer(to: Float.self),
      to: call.output(0).pointer(to: Float.self))
    call.workers.forEach(plan.parts, work)
  }

  private struct Work: ParallelWork {
    let kernels: Microkernels
    let plan: StridedCopy
    let from: UnsafePointer<Float>
    let to: UnsafeMutablePointer<Float>

    func run(chunk: Int) {
      let units = part(chunk, of: plan.parts, in: plan.outerCount * plan.slices)
      for unit in units {
        let (source, target) = plan.offsets(of: unit / plan.slices)
        let rows = part(unit % plan.slices, of: plan.slices, in: plan.rows, step: 16)
        if plan.isTransposed {
          kernels.transpose(
            from + source + rows.lowerBound * plan.sourceRow, stride: plan.sourceRow,
            to + target + rows.lowerBound, stride: plan.targetColumn, rows: rows.count, columns: plan.columns)
        } else {
          for row in rows {
            (to + target + row * plan.targetRow).update(
              from: from + source + row * plan.sourceRow, count: plan.columns)
          }
        }
      }
    }
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    let reorder = Kernel(
      name: "simd.reorder.f32.any.blocks.\(kernels.isa)", operatorName: Reorder.name,
      consider: { request in
        guard let op = request.op.base as? Reorder, let x = request.inputs.first ?? nil, request.isFloat32,
          op.format.storage == .float32, x.placement.format.storage == .float32
        else { return .declines("not float32") }
        guard plan(x.placement, to: op.format.layout) != nil else { return .declines("a blocked layout") }
        var offer = Offer(inputs: [x.placement.format], outputs: [op.format])
        offer.unalignedConstants = true
        return .accepts([offer])
      },
      implementation: .planned { (request, offer, _, _) throws(KernelError) in
        guard let x = request.inputs.first ?? nil, let from = offer.inputs[0], let to = offer.outputs[0],
          let plan = plan(x.placement.with(from), to: to.layout)
        else { throw KernelError("another request than considered") }
        return ReorderKernel(kernels: kernels, plan: plan)
      })
    let transpose = Kernel(
      name: "simd.transpose.f32.rowmajor.blocks.\(kernels.isa)", operatorName: Transpose.name,
      consider: { request in
        guard request.isFloat32 else { return .declines("not float32") }
        guard plan(transposing: request) != nil else { return .declines("a permutation of another rank") }
        var offer = Offer.rowMajor(request)
        offer.unalignedConstants = true
        return .accepts([offer])
      },
      implementation: .planned { (request, _, _, _) throws(KernelError) in
        guard let plan = plan(transposing: request) else { throw KernelError("another request than considered") }
        return ReorderKernel(kernels: kernels, plan: plan)
      })
    return [reorder, transpose]
  }

  private static func plan(_ x: Placement, to layout: Layout) -> StridedCopy? {
    guard !x.isEmpty, let from = x.elementStrides, let to = layout.strides(of: x.sizes) else { return nil }
    return StridedCopy(sizes: x.sizes, from: from, to: to)
  }

  private static func plan(transposing request: KernelRequest) -> StridedCopy? {
    guard let op = request.op.base as? Transpose, let x = request.inputs.first??.placement, !x.isEmpty,
      let strides = Layout.rowMajor.strides(of: x.sizes)
    else { return nil }
    let permutation = op.permutation ?? x.sizes.indices.reversed()
    guard permutation.sorted() == Array(x.sizes.indices) else { return nil }
    let sizes = permutation.map { x.sizes[$0] }
    guard let to = Layout.rowMajor.strides(of: sizes) else { return nil }
    return StridedCopy(sizes: sizes, from: permutation.map { strides[$0] }, to: to)
  }
}

/// A copy between two orders of the same elements, as a loop over matrices that are copied row by row or transposed.
struct StridedCopy: Sendable {
  /// Loops around the matrices: size, source stride, target stride; outermost first.
  private var outer: [(size: Int, source: Int, target: Int)]
  let rows: Int
  let columns: Int
  /// Strides of a row in the source and the target, and, transposed, of a column in the target.
  let sourceRow: Int
  let targetRow: Int
  let targetColumn: Int
  let isTransposed: Bool

  /// nil where neither innermost axis moves by one element. Precondition: no size is 0.
  init?(sizes: [Int], from: [Int], to: [Int]) {
    // Axes in the target's order; neighbours that are neighbours in the source too become one.
    var axes: [(size: Int, source: Int, target: Int)] = []
    for axis in sizes.indices.filter({ sizes[$0] > 1 }).sorted(by: { to[$0] > to[$1] }) {
      if let last = axes.last, last.source == from[axis] * sizes[axis], last.target == to[axis] * sizes[axis] {
        axes[axes.count - 1] = (last.size * sizes[axis], from[axis], to[axis])
      } else {
        axes.append((sizes[axis], from[axis], to[axis]))
      }
    }
    guard let innermost = axes.popLast() else {
      outer = []
      (rows, columns, sourceRow, targetRow, targetColumn, isTransposed) = (1, 1, 1, 1, 1, false)
      return
    }
    guard innermost.target == 1 else { return nil }
    if innermost.source == 1 {
      let row = axes.popLast() ?? (1, innermost.size, innermost.size)
      (rows, columns, sourceRow, targetRow, targetColumn) = (row.size, innermost.size, row.source, row.target, 1)
      isTransposed = false
    } else {
      guard let i = axes.firstIndex(where: { $0.source == 1 }) else { return nil }
      let column = axes.remove(at: i)
      (rows, columns) = (innermost.size, column.size)
      (sourceRow, targetRow, targetColumn) = (innermost.source, 1, column.target)
      isTransposed = true
    }
    outer = axes
  }

  var outerCount: Int { outer.reduce(1) { $0 * $1.size } }
  /// Slices of rows that a large matrix is cut into.
  var slices: Int { max(1, min((rows + 15) / 16, rows * columns / 16384)) }
  var parts: Int { max(1, min(outerCount * slices, 32, outerCount * rows * columns / 8192)) }

  func offsets(of index: Int) -> (source: Int, target: Int) {
    var rest = index
    var source = 0
    var target = 0
    for axis in outer.reversed() {
      source += rest % axis.size * axis.source
      target += rest % axis.size * axis.target
      rest /= axis.size
    }
    return (source, target)
  }
}
