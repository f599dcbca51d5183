import Kernels

/// Our own kernels for 32-bit floats: C micro-kernels for AVX-512, AVX2 and NEON, Swift's vectors elsewhere.
///
/// Images are channels-last, everything else row-major.
package struct SIMDBackend: Backend {
  package let id = BackendID.simd
  package let kernels: [Kernel]
  package let isa: InstructionSet
  package var summary: String { "\(isa) of this processor" }

  package static func load(limit: InstructionSet?) throws(BackendUnavailable) -> SIMDBackend {
    let allowed = InstructionSet.available.filter { set in limit.map { set <= $0 } ?? true }
    return SIMDBackend(isa: allowed.max() ?? .portable)
  }

  /// Precondition: this processor has `isa`.
  package init(isa: InstructionSet) {
    self.isa = isa
    let micro = Microkernels(isa)
    kernels =
      [DepthwiseKernel.row(micro), ConvolutionKernel.row(micro)] + WinogradKernel.rows(micro)
      + MatrixKernel.rows(micro)
      + StrassenKernel.rows(micro) + [AttentionKernel.row(micro)] + SweepKernel.rows(micro)
      + PoolingKernel.rows(micro) + RowsKernel.rows(micro) + ReduceKernel.rows(micro) + [
        ConcatKernel.row(micro)
      ]
      + ReorderKernel.rows(micro) + [ConvTransposeKernel.row(micro), ResizeKernel.row(micro)]
  }
}
