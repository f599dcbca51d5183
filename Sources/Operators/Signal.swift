import IR
import Tensors

/// ONNX `DFT` along one axis of x […, 1 or 2], whose last axis holds real and imaginary parts. Operands: x,
/// length? (x is cut or filled with zeros), axis? (counted in x).
package struct DFT: Operator {
  package static let name = "DFT"
  /// For opset < 20; nil: the operand, or the last axis but one.
  package var axis: Int?
  package var inverse: Bool
  /// Of a real signal the first half of the spectrum and one more; inverse: a real signal from these.
  package var onesided: Bool

  package init(axis: Int? = nil, inverse: Bool = false, onesided: Bool = false) {
    self.axis = axis
    self.inverse = inverse
    self.onesided = onesided
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `STFT`. Operands: signal [N, length, 1 or 2], step, window [frame]?, frame length?. Result: [N, frames,
/// bins, 2].
package struct STFT: Operator {
  package static let name = "STFT"
  package var onesided: Bool
  package init(onesided: Bool = true) { self.onesided = onesided }
  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `HannWindow`, `HammingWindow` and `BlackmanWindow`: a0 − a1 · cos(τ·i/n) + a2 · cos(2·τ·i/n) for i from 0
/// to before the size, the operand; n is the size, or one less where the window is symmetric.
package struct CosineWindow: Operator {
  package enum Kind: String, Hashable, Codable, Sendable { case hann, hamming, blackman }
  package static let name = "CosineWindow"
  package var kind: Kind
  package var periodic: Bool
  package var dataType: DataType

  package init(_ kind: Kind, periodic: Bool = true, dataType: DataType = .float32) {
    self.kind = kind
    self.periodic = periodic
    self.dataType = dataType
  }

  package var traits: OperatorTraits { [.pure] }
}

/// ONNX `MelWeightMatrix`: triangles on the mel scale 2595 · log10(1 + f/700). Operands: bands, length of the DFT,
/// sample rate, lowest and highest frequency in hertz. Result: [length/2 + 1, bands].
package struct MelWeightMatrix: Operator {
  package static let name = "MelWeightMatrix"
  package var dataType: DataType
  package init(dataType: DataType = .float32) { self.dataType = dataType }
  package var traits: OperatorTraits { [.pure] }
}
