import Tensors

/// A digest of 128 bits that is the same in every process: identities of constants are made of it.
///
/// Two lanes fold full-width products of the input with odd constants; it resists accidents, not attackers.
package struct Digest: Sendable {
  package private(set) var high: UInt64 = 0x9E37_79B9_7F4A_7C15
  package private(set) var low: UInt64 = 0xD1B5_4A32_D192_ED03
  private var count: UInt64 = 0

  package init() {}

  package mutating func add(_ word: UInt64) {
    count &+= 1
    high = Self.fold(high ^ word, 0xA24B_AED4_963E_E407) &+ low
    low = Self.fold(low ^ (word &+ count), 0x9FB2_1C65_1E98_DF25) ^ high
  }

  package mutating func add(_ bytes: Bytes) {
    add(UInt64(bytes.count))
    var offset = 0
    while offset + 8 <= bytes.count {
      add(bytes.base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var rest: UInt64 = 0
    var shift: UInt64 = 0
    while offset < bytes.count {
      rest |= UInt64(bytes.base.load(fromByteOffset: offset, as: UInt8.self)) << shift
      shift += 8
      offset += 1
    }
    add(rest)
  }

  package mutating func add(_ text: String) {
    var word: UInt64 = 0
    var filled = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      filled += 1
      if filled % 8 == 0 {
        add(word)
        word = 0
      }
    }
    add(word)
    add(UInt64(filled))
  }

  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low ^ a
  }
}
