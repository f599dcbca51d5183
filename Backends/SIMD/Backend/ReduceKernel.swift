import IR
import Kernels
import Operators
import SIMDMicrokernels
import Tensors

/// Sums, means and maxima over axes that are neighbours in memory, global pooling among them.
struct ReduceKernel: PreparedKernel {
  private enum Function: Sendable { case sum(scale: Float), mean, maximum }

  private let kernels: Microkernels
  private let function: Function
  /// outer × reduced × inner, in the order of memory.
  private let outer: Int
  private let reduced: Int
  private let inner: Int

  var scratchByteCount: Int { 0 }

  private var columnParts: Int { max(1, min((inner + 63) / 64, reduced * inner / 8192)) }
  private var rowsPerPart: Int { max(1, 8192 / max(reduced, 1)) }

  func run(_ call: borrowing KernelCall) {
    let work = Work(
      kernel: self, x: call.input(0).pointer(to: Float.self), y: call.output(0).pointer(to: Float.self))
    call.workers.forEach(inner == 1 ? (outer + rowsPerPart - 1) / rowsPerPart : outer * columnParts, work)
  }

  private struct Work: ParallelWork {
    let kernel: ReduceKernel
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>

    func run(chunk: Int) {
      let k = kernel
      if k.inner == 1 {
        let first = chunk * k.rowsPerPart
        for row in first..<min(first + k.rowsPerPart, k.outer) {
          let from = x + row * k.reduced
          switch k.function {
          case .sum(let scale): y[row] = k.kernels.sum(from, count: k.reduced) * scale
          case .mean: y[row] = k.kernels.sum(from, count: k.reduced) / Float(k.reduced)
          case .maximum: y[row] = k.kernels.maximum(from, count: k.reduced)
          }
        }
        return
      }
      let row = chunk / k.columnParts
      let columns = part(chunk % k.columnParts, of: k.columnParts, in: k.inner, step: 64)
      let from = x + row * k.reduced * k.inner + columns.lowerBound
      let to = y + row * k.inner + columns.lowerBound
      switch k.function {
      case .sum(let scale):
        k.kernels.columnSum(from, stride: k.inner, rows: k.reduced, columns: columns.count, scale: scale, to)
      case .mean:
        k.kernels.columnSum(
          from, stride: k.inner, rows: k.reduced, columns: columns.count, scale: 1 / Float(k.reduced), to)
      case .maximum:
        to.update(from: from, count: columns.count)
        for r in 1..<max(k.reduced, 1) {
          k.kernels.binary(Int32(NT_MAX), from + r * k.inner, 1, to, 1, to, count: columns.count)
        }
      }
    }
  }

  // MARK: The rows of the table

  private static func function(_ request: KernelRequest) -> (Function, axes: [Int])? {
    guard let sizes = request.inputs.first??.placement.sizes else { return nil }
    switch request.op.base {
    case is GlobalAveragePool: return sizes.count > 2 ? (.mean, Array(2..<sizes.count)) : nil
    case is GlobalMaxPool: return sizes.count > 2 ? (.maximum, Array(2..<sizes.count)) : nil
    case let op as Reduce:
      guard request.inputs.count == 1 || request.inputs.dropFirst().allSatisfy({ $0 == nil }) else {
        return nil
      }
      let given = op.axes ?? []
      if given.isEmpty && op.noopWithEmptyAxes { return nil }
      let axes = given.isEmpty ? Array(sizes.indices) : given.map { $0 < 0 ? $0 + sizes.count : $0 }
      guard axes.allSatisfy(sizes.indices.contains) else { return nil }
      switch op.function {
      case .sum: return (.sum(scale: 1), axes)
      case .mean: return (.mean, axes)
      case .max: return (.maximum, axes)
      default: return nil
      }
    default: return nil
    }
  }

  private static func make(_ request: KernelRequest, layout: Layout, kernels: Microkernels) -> ReduceKernel? {
    guard let (function, axes) = function(request), let sizes = request.inputs.first??.placement.sizes,
      let order = layout.order(rank: sizes.count)
    else { return nil }
    // Axes of one element may stand anywhere.
    let moving = order.filter { sizes[$0] != 1 }
    let positions = moving.indices.filter { axes.contains(moving[$0]) }
    guard let first = positions.first, let last = positions.last else { return nil }
    guard last - first + 1 == positions.count else { return nil }
    func product(_ axes: ArraySlice<Int>) -> Int { axes.reduce(1) { $0 * sizes[$1] } }
    return ReduceKernel(
      kernels: kernels, function: function, outer: product(moving[..<first]),
      reduced: product(moving[first...last]),
      inner: product(moving[(last + 1)...]))
  }

  static func rows(_ kernels: Microkernels) -> [Kernel] {
    let words = [
      ("reduce", Reduce.name), ("globalaveragepool", GlobalAveragePool.name),
      ("globalmaxpool", GlobalMaxPool.name),
    ]
    return words.map { word, operatorName in
      Kernel(
        name: "simd.\(word).f32.any.sums.\(kernels.isa)", operatorName: operatorName,
        consider: { consider($0, kernels) },
        implementation: .planned { (request, offer, _, _) throws(KernelError) in
          guard let layout = offer.inputs[0]?.layout,
            let kernel = make(request, layout: layout, kernels: kernels)
          else {
            throw KernelError("another request than considered")
          }
          return kernel
        })
    }
  }

  private static func consider(_ request: KernelRequest, _ kernels: Microkernels) -> Verdict {
    guard request.isFloat32 else { return .declines("not float32") }
    guard !request.isEmpty, let output = request.outputs[0],
      let sizes = request.inputs.first??.placement.sizes
    else {
      return .declines("nothing to compute")
    }
    var offers: [Offer] = []
    if make(request, layout: .rowMajor, kernels: kernels) != nil { offers.append(.rowMajor(request)) }
    let channelsLast = Layout.channelsLast(rank: sizes.count)
    if sizes.count >= 3, make(request, layout: channelsLast, kernels: kernels) != nil {
      // The result keeps the order of the axes that remain: row-major as soon as only batch and channels do.
      let kept = output.sizes.indices.filter { output.sizes[$0] != 1 }
      if output.rank == sizes.count {
        var offer = Offer.rowMajor(request)
        offer.inputs[0] = Format(storage: .float32, layout: channelsLast)
        offer.outputs[0] = kept.allSatisfy { $0 < 2 } ? .rowMajor(.float32) : offer.inputs[0]
        offers.append(offer)
      } else if function(request)?.axes.sorted() == Array(2..<sizes.count) {
        var offer = Offer.rowMajor(request)
        offer.inputs[0] = Format(storage: .float32, layout: channelsLast)
        offers.append(offer)
      }
    }
    for i in offers.indices {
      offers[i].numerics = .reassociated
      offers[i].unalignedConstants = true
    }
    return offers.isEmpty
      ? .declines("a function without a vector form, or axes that are apart") : .accepts(offers)
  }
}
