import COneDNN
import Glibc
import Kernels

/// Kernels of oneDNN 2, opened at run time. Each primitive runs on one thread; the engine's workers share out
/// the parts of a problem (docs/adr/0002-foreign-threads.md).
package struct OneDNNBackend: Backend {
  package let id = BackendID.oneDNN
  package let kernels: [Kernel]
  /// Version and instruction set: `2.6.3 avx512_core`.
  package let identity: String
  package var summary: String { "oneDNN \(identity)" }

  package static func load(limit: InstructionSet?) throws(BackendUnavailable) -> OneDNNBackend {
    try load(names: [], limit: limit)
  }

  /// Opens the first of `names`, as `dlopen` understands them; none: the usual ones.
  package static func load(
    names: [String], limit: InstructionSet? = nil
  ) throws(BackendUnavailable) -> OneDNNBackend {
    let most: OneDNNInstructions =
      switch limit {
      case .portable: .SSE41
      case .avx2: .AVX2
      case .avx512, .neon, nil: .all
      }
    var copies = names.map { UnsafePointer(strdup($0)!) }  // a name of a few bytes: no memory means the end
    defer { copies.forEach { free(UnsafeMutablePointer(mutating: $0)) } }
    let problem = explained { error, capacity in
      copies.withUnsafeMutableBufferPointer {
        onednn_load($0.baseAddress, names.count, most, error, capacity)
      }
    }
    if let problem { throw BackendUnavailable(problem) }
    return OneDNNBackend(identity: String(cString: onednn_identity()))
  }

  private init(identity: String) {
    self.identity = identity
    kernels = [
      ConvolutionKernel.row, DeconvolutionKernel.row, MatmulKernel.gemm, MatmulKernel.matMul,
      PoolingKernel.maximum, PoolingKernel.average, PoolingKernel.globalMaximum, PoolingKernel.globalAverage,
      RowsKernel.softmax, RowsKernel.logSoftmax, RowsKernel.layerNormalization,
      ElementwiseKernel.unary, ElementwiseKernel.clip, ElementwiseKernel.binary, ReorderKernel.row,
    ]
  }
}

/// Calls a function that explains its failure; nil when it succeeded.
func explained(_ call: (UnsafeMutablePointer<CChar>, Int) -> Bool) -> String? {
  withUnsafeTemporaryAllocation(of: CChar.self, capacity: 768) { text in
    text.initialize(repeating: 0)
    guard let base = text.baseAddress else { return "no memory" }
    return call(base, text.count) ? nil : String(cString: base)
  }
}
