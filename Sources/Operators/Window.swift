import IR
import Tensors

/// How padding of a window is found.
package enum AutoPad: String, Hashable, Codable, Sendable { case explicit, sameUpper, sameLower, valid }

/// The sliding window of convolutions and pooling, one entry per spatial axis.
///
/// Kernels see `.explicit` windows only: `resolved(for:)` is applied once sizes are bound.
package struct Window: Hashable, Codable, Sendable {
  package var kernel: [Int]
  package var strides: [Int]
  package var dilations: [Int]
  package var padsBegin: [Int]
  package var padsEnd: [Int]
  package var autoPad: AutoPad

  package init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBegin: [Int]? = nil,
    padsEnd: [Int]? = nil,
    autoPad: AutoPad = .explicit
  ) {
    let ones = [Int](repeating: 1, count: kernel.count)
    let zeros = [Int](repeating: 0, count: kernel.count)
    self.kernel = kernel
    self.strides = strides ?? ones
    self.dilations = dilations ?? ones
    self.padsBegin = padsBegin ?? zeros
    self.padsEnd = padsEnd ?? zeros
    self.autoPad = autoPad
  }
}
