import Tensors

// Attributes whose synthesized form would be long or unreadable.

extension Window {
  private enum CodingKeys: String, CodingKey { case kernel, strides, dilations, padsBegin, padsEnd, autoPad }

  /// Leaves out what is as usual: strides and dilations of one, no padding.
  package func encode(to encoder: any Encoder) throws {
    let usual = Window(kernel: kernel)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kernel, forKey: .kernel)
    if strides != usual.strides { try container.encode(strides, forKey: .strides) }
    if dilations != usual.dilations { try container.encode(dilations, forKey: .dilations) }
    if padsBegin != usual.padsBegin { try container.encode(padsBegin, forKey: .padsBegin) }
    if padsEnd != usual.padsEnd { try container.encode(padsEnd, forKey: .padsEnd) }
    if autoPad != usual.autoPad { try container.encode(autoPad, forKey: .autoPad) }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      kernel: try container.decode([Int].self, forKey: .kernel),
      strides: try container.decodeIfPresent([Int].self, forKey: .strides),
      dilations: try container.decodeIfPresent([Int].self, forKey: .dilations),
      padsBegin: try container.decodeIfPresent([Int].self, forKey: .padsBegin),
      padsEnd: try container.decodeIfPresent([Int].self, forKey: .padsEnd),
      autoPad: try container.decodeIfPresent(AutoPad.self, forKey: .autoPad) ?? .explicit)
    guard [strides, dilations, padsBegin, padsEnd].allSatisfy({ $0.count == kernel.count }) else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath, debugDescription: "a window has one entry per axis of its kernel"))
    }
  }
}

extension Scalar {
  /// `3` for an integer, `3.0` for a real number.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .real(let value): try container.encode(value.text)
    case .integer(let value): try container.encode("\(value)")
    }
  }

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    if let integer = Int64(text) {
      self = .integer(integer)
    } else if let real = Double(text) {
      self = .real(Real(real))
    } else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "not a number: \(text)"))
    }
  }
}
