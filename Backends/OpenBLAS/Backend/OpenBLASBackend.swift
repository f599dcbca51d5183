import COpenBLAS
import Glibc
import Kernels

/// Products of matrices, and convolutions as such products, through an OpenBLAS that is opened at run time.
/// Each call of the library runs on one thread; the engine's workers share out blocks of the result.
package struct OpenBLASBackend: Backend {
  package let id = BackendID.openBLAS
  package let kernels: [Kernel]
  /// What the library says of itself: version, options, kernels in use.
  package let identity: String
  package var summary: String { identity }

  package static func load(limit: InstructionSet?) throws(BackendUnavailable) -> OpenBLASBackend {
    try load(names: [], limit: limit)
  }

  /// Opens the first of `names`, as `dlopen` understands them; none: the usual ones.
  package static func load(
    names: [String], limit: InstructionSet? = nil
  ) throws(BackendUnavailable) -> OpenBLASBackend {
    let instructions: OpenBLASInstructions =
      switch limit {
      case .portable: .SSE4
      case .avx2: .AVX2
      case .avx512, .neon, nil: .all
      }
    var copies = names.map { UnsafePointer(strdup($0)!) }  // a name of a few bytes: no memory means the end
    defer { copies.forEach { free(UnsafeMutablePointer(mutating: $0)) } }
    var error = [CChar](repeating: 0, count: 768)
    let handle = copies.withUnsafeMutableBufferPointer {
      openblas_load($0.baseAddress, names.count, instructions, &error, error.count)
    }
    guard let handle else {
      throw BackendUnavailable(
        String(decoding: error.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
    return OpenBLASBackend(Library(handle))
  }

  private init(_ library: Library) {
    identity = library.identity
    kernels =
      [ProductKernel.gemm(library), ProductKernel.matMul(library)]
      + [ConvolutionKernel.channelsLast(library), ConvolutionKernel.rowMajor(library)]
  }
}

/// An opened library.
///
/// Unchecked: the table behind the pointer is constant and lives as long as the process.
struct Library: @unchecked Sendable {
  let handle: OpaquePointer

  init(_ handle: OpaquePointer) { self.handle = handle }

  var identity: String {
    let origin = String(cString: openblas_core_origin(handle))
    return
      "\(String(cString: openblas_configuration(handle))), kernels for \(String(cString: openblas_core(handle)))"
      + (origin.isEmpty ? "" : " (\(origin))")
  }

  /// c = alpha · op(a) · op(b), all row-major; `aStride` and `bStride` are of the matrices as they lie.
  @inline(__always)
  func multiply(
    m: Int, n: Int, k: Int, alpha: Float, _ a: UnsafePointer<Float>, aStride: Int, transA: Bool,
    _ b: UnsafePointer<Float>, bStride: Int, transB: Bool, into c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    if m == 1 && !transA {
      // y = op(b)' · x: a matrix that is read once needs no packing.
      let (rows, columns) = transB ? (n, k) : (k, n)
      openblas_sgemv(handle, !transB, Int32(rows), Int32(columns), alpha, b, Int32(bStride), a, 0, c)
    } else {
      openblas_sgemm(
        handle, transA, transB, Int32(m), Int32(n), Int32(k), alpha, a, Int32(aStride), b, Int32(bStride), 0,
        c,
        Int32(cStride))
    }
  }
}

extension KernelRequest {
  /// Why this backend cannot look at the request at all; nil: it can.
  var commonRefusal: String? {
    let placements = inputs.compactMap { $0?.placement } + outputs.compactMap { $0 }
    if body != nil { return "a group" }
    if outputs.dropFirst().contains(where: { $0 != nil }) { return "more than one result" }
    if placements.contains(where: { $0.isEmpty }) { return "an empty tensor" }
    if placements.contains(where: {
      $0.dataType != .float32 || $0.format.storage != .float32 || $0.strides != nil
    }) {
      return "elements other than dense 32-bit floats"
    }
    if placements.contains(where: { $0.elementCount > Int(Int32.max) }) {
      return "more elements than BLAS can count"
    }
    return nil
  }
}
