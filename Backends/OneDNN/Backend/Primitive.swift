import COneDNN
import IR
import Kernels
import Tensors

/// A compiled problem of the library.
///
/// Unchecked: the library's primitive is immutable, and what a run needs of its own is taken through atomics.
final class Primitive: @unchecked Sendable {
  let handle: OpaquePointer
  let scratchByteCount: Int
  let weightsByteCount: Int
  /// Tells the order of bytes of the weights.
  let weightsDigest: UInt64
  let implementation: String

  init(_ problem: onednn_problem) throws(KernelError) {
    var made: OpaquePointer?
    let reason = explained { error, capacity in
      made = withUnsafePointer(to: problem) { onednn_prepare($0, error, capacity) }
      return made != nil
    }
    guard let handle = made else { throw KernelError("oneDNN: \(reason ?? "no primitive")") }
    self.handle = handle
    scratchByteCount = (onednn_scratch_bytes(handle) + 63) & ~63
    weightsByteCount = onednn_weights_bytes(handle)
    weightsDigest = onednn_weights_digest(handle)
    implementation = String(cString: onednn_implementation(handle))
  }

  deinit { onednn_release(handle) }
}

/// Weights that are known now and that the library may keep in an order of its own.
struct ConstantWeights {
  let constant: Constant

  /// The part of the constant that `view` describes, in the primitive's order, made once and shared between
  /// plans.
  func packed(
    for primitive: Primitive, from view: View, elementOffset: Int, in packs: PackedWeights
  ) throws(KernelError) -> TensorStorage {
    let digest = String(primitive.weightsDigest, radix: 16)
    let identity = String(cString: onednn_identity())
    let format =
      "onednn \(identity) weights \(digest) from \(view.sizes) \(view.strides ?? []) at \(elementOffset)"
    return try packs.packed(PackKey([constant.id], format: format), byteCount: primitive.weightsByteCount) {
      (target) throws(KernelError) in
      let source = try alignedRowMajor(constant)
      var tensor = view.tensor
      let reason = explained { error, capacity in
        onednn_pack_weights(
          primitive.handle, &tensor, source.bytes.base + elementOffset * 4, target.base, error, capacity)
      }
      withExtendedLifetime(source) {}
      if let reason { throw KernelError("oneDNN: \(reason)") }
    }
  }
}

/// The constant's elements in row-major order at an address that floats may have.
func alignedRowMajor(_ constant: Constant) throws(KernelError) -> Tensor {
  do {
    let tensor = try constant.tensor().reordered(to: .rowMajor(.float32))
    if tensor.bytes.isAligned(to: 4) { return tensor }
    let copy = try Tensor(uninitialized: .float32, sizes: tensor.sizes)
    guard let target = copy.mutableBytes else { throw KernelError("no memory for a copy of the weights") }
    target.base.copyMemory(from: tensor.bytes.base, byteCount: tensor.byteCount)
    return copy
  } catch let error as KernelError {
    throw error
  } catch { throw KernelError("\(error)") }
}
