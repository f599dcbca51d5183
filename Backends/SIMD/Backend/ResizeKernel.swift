import IR
import Kernels
import Operators
import Tensors

/// Enlargement of channels-last images by whole factors, each element repeated.
struct ResizeKernel: PreparedKernel {
  private let batch: Int
  private let height: Int
  private let width: Int
  private let channels: Int
  private let factorY: Int
  private let factorX: Int

  var scratchByteCount: Int { 0 }

  func run(_ call: borrowing KernelCall) {
    let work = Work(
      kernel: self, x: call.input(0).pointer(to: Float.self), y: call.output(0).pointer(to: Float.self))
    call.workers.forEach(batch * height, work)
  }

  /// All output rows of one input row.
  private struct Work: ParallelWork {
    let kernel: ResizeKernel
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>

    func run(chunk: Int) {
      let k = kernel
      let line = k.width * k.factorX * k.channels
      let from = x + chunk * k.width * k.channels
      let first = y + chunk * k.factorY * line
      var to = first
      for column in 0..<k.width {
        for _ in 0..<k.factorX {
          to.update(from: from + column * k.channels, count: k.channels)
          to += k.channels
        }
      }
      for copy in 1..<max(k.factorY, 1) { (first + copy * line).update(from: first, count: line) }
    }
  }

  static func row(_ kernels: Microkernels) -> Kernel {
    Kernel(
      name: "simd.resize.f32.nhwc.repeats.\(kernels.isa)", operatorName: Resize.name,
      consider: { request in
        guard make(request) != nil, let output = request.outputs[0] else {
          return .declines("not an enlargement by whole factors to the nearest element")
        }
        let format = Format.channelsLast(.float32, rank: output.rank)
        var offer = Offer.rowMajor(request)
        offer.inputs[0] = format
        offer.outputs[0] = format
        offer.unalignedConstants = true
        return .accepts([offer])
      },
      implementation: .planned { (request, _, _, _) throws(KernelError) in
        guard let kernel = make(request) else { throw KernelError("another request than considered") }
        return kernel
      })
  }

  private static func make(_ request: KernelRequest) -> ResizeKernel? {
    guard let op = request.op.base as? Resize, op.mode == .nearest, let x = request.inputs.first ?? nil,
      x.placement.dataType == .float32, let output = request.outputs[0], !output.isEmpty,
      output.dataType == .float32,
      x.placement.rank == 3 || x.placement.rank == 4, op.axes == nil, op.scales != nil || op.sizes != nil,
      op.aspectPolicy == .stretch
    else { return nil }
    let sizes = x.placement.sizes
    guard sizes.prefix(2) == output.sizes.prefix(2),
      zip(sizes, output.sizes).allSatisfy({ $0 > 0 && $1 % $0 == 0 })
    else { return nil }
    let factors = zip(sizes, output.sizes).map { $1 / $0 }
    // A scale that is given may differ from the quotient of the sizes only by what rounding took.
    if let scales = op.scales,
      scales.count != sizes.count || zip(scales, factors).contains(where: { $0.value != Double($1) })
    {
      return nil
    }
    switch (op.coordinates, op.rounding) {
    case (.asymmetric, .floor): break
    case (.halfPixel, .roundPreferFloor), (.halfPixel, .roundPreferCeil): break
    default: return nil
    }
    return ResizeKernel(
      batch: sizes[0], height: sizes.count == 4 ? sizes[2] : 1, width: sizes[sizes.count - 1],
      channels: sizes[1],
      factorY: sizes.count == 4 ? factors[2] : 1, factorX: factors[sizes.count - 1])
  }
}
