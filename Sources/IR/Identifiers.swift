import Tensors

/// A node of one graph: dense, never reused.
package struct NodeID: Hashable, Sendable, Comparable {
  package let index: Int32
  package init(_ index: Int) { self.index = Int32(index) }
  package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// A value of one graph: dense, never reused.
package struct ValueID: Hashable, Sendable, Comparable {
  package let index: Int32
  package init(_ index: Int) { self.index = Int32(index) }
  package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// The names in the file that a node or value came from, as sorted indices into `Graph.originNames`.
///
/// At most `limit` of them, the first ones: what stands for a chain of thousands of nodes would otherwise be merged anew
/// at each of them.
package struct Origins: Hashable, Sendable {
  package var indices: [Int32]

  package static let limit = 128

  package init(_ indices: [Int32] = []) {
    var sorted = indices.sorted()
    var count = 0
    for index in sorted where count == 0 || sorted[count - 1] != index {
      sorted[count] = index
      count += 1
    }
    self.indices = Array(sorted.prefix(min(count, Self.limit)))
  }

  package func union(_ other: Origins) -> Origins {
    if other.indices.isEmpty || other == self { return self }
    if indices.isEmpty { return other }
    var merged: [Int32] = []
    merged.reserveCapacity(indices.count + other.indices.count)
    var i = 0
    var j = 0
    while merged.count < Self.limit, i < indices.count || j < other.indices.count {
      if j == other.indices.count || (i < indices.count && indices[i] < other.indices[j]) {
        merged.append(indices[i])
        i += 1
      } else {
        if i < indices.count && indices[i] == other.indices[j] { i += 1 }
        merged.append(other.indices[j])
        j += 1
      }
    }
    var result = Origins()
    result.indices = merged
    return result
  }
}

/// 128 bits of provenance: an initializer of a file, or an operator applied to other constants.
///
/// The same in every binding and every run, so packed weights can be shared and kept.
package struct ConstantID: Hashable, Codable, Sendable {
  package let high, low: UInt64
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The identity that follows from a text, by FNV-1a over two seeds. Deterministic across processes.
  package init(of text: String, _ parts: [ConstantID] = []) {
    var high: UInt64 = 0xcbf2_9ce4_8422_2325
    var low: UInt64 = 0x9ae1_6a3b_2f90_404f
    func mix(_ byte: UInt8) {
      high = (high ^ UInt64(byte)) &* 0x100_0000_01b3
      low = (low ^ UInt64(byte)) &* 0x100_0000_01b3
      low ^= low >> 29
    }
    for byte in text.utf8 { mix(byte) }
    for part in parts {
      for word in [part.high, part.low] {
        for shift in stride(from: 0, to: 64, by: 8) { mix(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
      }
    }
    self.init(high: high, low: low)
  }

  package var text: String {
    func hex(_ word: UInt64) -> String {
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }
    return hex(high) + hex(low)
  }
}
