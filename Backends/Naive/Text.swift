import Kernels
import Operators
import Tensors

extension Evaluation {
  /// Gives a result of strings, which always has memory of its own.
  mutating func setStrings(_ index: Int, _ sizes: [Int], _ strings: [[UInt8]]) throws(KernelFault) {
    try checkCount(strings.count, of: .int64)
    set(index, .tensor(try faulting { () throws(TensorError) in try Tensor(strings: strings, sizes: sizes) }))
  }

  func strings(_ index: Int) throws(KernelFault) -> Tensor {
    let x = try operand(index)
    guard x.dataType == .string else { throw .notRepresentable }
    return x
  }
}

extension StringConcat: NaiveOperator {
  static let naiveName = "string-concat"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let a = try call.strings(0)
    let b = try call.strings(1)
    let sizes = try broadcastSizes([a.sizes, b.sizes])
    let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: sizes) }
    try call.checkCount(count, of: .int64)
    let rows = try Rows(result: sizes, operands: [a.sizes, b.sizes])
    let (left, right) = (a.strings, b.strings)
    let (stepA, stepB) = (rows.step(0), rows.step(1))
    var joined: [[UInt8]] = []
    joined.reserveCapacity(count)
    rows.forEach { _, i, j, _ in
      for p in 0..<rows.rowCount { joined.append(left[i + p * stepA] + right[j + p * stepB]) }
    }
    try call.setStrings(0, sizes, joined)
  }
}

extension StringSplit: NaiveOperator {
  static let naiveName = "string-split"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.strings(0)
    if let maximumSplits, maximumSplits < 0 { throw .malformed }
    let parts = x.strings.map { delimiter.isEmpty ? atWhiteSpace($0) : atDelimiter($0) }
    let most = parts.map(\.count).max() ?? 0
    let sizes = x.sizes + [most]
    let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: sizes) }
    try call.checkCount(count, of: .int64)
    if call.isWanted(0) {
      var all: [[UInt8]] = []
      all.reserveCapacity(count)
      for part in parts { all += part + [[UInt8]](repeating: [], count: most - part.count) }
      try call.setStrings(0, sizes, all)
    }
    if call.isWanted(1) {
      let counts = try call.result(1, .int64, x.sizes)
      for (i, part) in parts.enumerated() { counts.pointer(Int64.self)[i] = Int64(part.count) }
    }
  }

  /// Parts between runs of white space; after the last allowed split the rest is one part.
  private func atWhiteSpace(_ text: [UInt8]) -> [[UInt8]] {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    var parts: [[UInt8]] = []
    var rest = text[...].drop(while: isSpace)
    while !rest.isEmpty {
      if let maximumSplits, parts.count == maximumSplits {
        parts.append(Array(rest))
        break
      }
      let part = rest.prefix { !isSpace($0) }
      parts.append(Array(part))
      rest = rest[part.endIndex...].drop(while: isSpace)
    }
    return parts
  }

  private func atDelimiter(_ text: [UInt8]) -> [[UInt8]] {
    let delimiter = Array(delimiter.utf8)
    var parts: [[UInt8]] = []
    var start = 0
    var i = 0
    while i + delimiter.count <= text.count, parts.count < maximumSplits ?? .max {
      if text[i..<i + delimiter.count].elementsEqual(delimiter) {
        parts.append(Array(text[start..<i]))
        i += delimiter.count
        start = i
      } else {
        i += 1
      }
    }
    parts.append(Array(text[start...]))
    return parts
  }
}

extension StringNormalizer: NaiveOperator {
  static let naiveName = "string-normalizer"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.strings(0)
    guard x.rank == 1 || (x.rank == 2 && x.sizes[0] == 1) else { throw .malformed }
    let stops = Set(stopWords.map { isCaseSensitive ? $0 : $0.lowercased() })
    var kept: [[UInt8]] = []
    for bytes in x.strings {
      let text = String(decoding: bytes, as: UTF8.self)
      if stops.contains(isCaseSensitive ? text : text.lowercased()) { continue }
      switch change {
      case .none: kept.append(bytes)
      case .lower: kept.append(Array(text.lowercased().utf8))
      case .upper: kept.append(Array(text.uppercased().utf8))
      }
    }
    // Where nothing is left, one empty string is.
    if kept.isEmpty { kept = [[]] }
    try call.setStrings(0, x.rank == 2 ? [1, kept.count] : [kept.count], kept)
  }
}

extension RegexFullMatch: NaiveOperator {
  static let naiveName = "regex-full-match"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.strings(0)
    guard let expression = try? RegularExpression(pattern) else { throw .malformed }
    let y = try call.result(0, .bool, x.sizes)
    for (i, bytes) in x.strings.enumerated() {
      let text = Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)
      y.pointer(UInt8.self)[i] = expression.matches(text) ? 1 : 0
    }
  }
}

extension TfIdfVectorizer: NaiveOperator {
  static let naiveName = "tfidf"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let pool = try call.operand(1)
    let places = try call.operand(2)
    let weights = try call.optional(3)
    guard x.rank <= 2, (x.dataType == .string) == (pool.dataType == .string), minimumLength >= 1,
      maximumSkip >= 0,
      count >= 0, weights.map({ $0.dataType == .float32 && $0.sizes == [count] }) ?? true
    else { throw .malformed }
    let numbers = try places.integers()
    let y = try call.result(0, .float32, (x.rank == 2 ? [x.sizes[0]] : []) + [count])
    y.clear()
    if pool.dataType == .string {
      try fill(y, x, x.strings, pool.strings, numbers)
    } else {
      let (items, all) = try (words(x), words(pool))
      try fill(y, x, items, all, numbers)
    }
    let target = y.pointer(Float.self)
    for i in 0..<y.elementCount {
      let weight = weights.map { $0.pointer(Float.self)[i % count] } ?? 1
      switch mode {
      case .frequency: break
      case .presence: target[i] = target[i] > 0 ? weight : 0
      case .weighted: target[i] *= weight
      }
    }
  }

  private func words(_ x: Tensor) throws(KernelFault) -> [Int64] {
    guard x.dataType.isInteger, let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
    return (0..<x.elementCount).map { codec.int64(at: $0, in: x.bytes.base) }
  }

  /// Counts, for each length and distance of items, the n-grams that are in the pool.
  private func fill<Item: Hashable>(
    _ y: Tensor, _ x: Tensor, _ items: [Item], _ pool: [Item], _ places: [Int]
  ) throws(KernelFault) {
    let rows = x.rank == 2 ? x.sizes[0] : 1
    let length = rows == 0 ? 0 : items.count / rows
    let target = y.pointer(Float.self)
    var next = 0
    for n in 1...max(starts.count, 1) {
      guard let grams = grams(ofLength: n, poolCount: pool.count), next + grams.count <= places.count else {
        throw .malformed
      }
      var known: [ArraySlice<Item>: Int] = [:]
      for g in 0..<grams.count {
        let place = places[next + g]
        guard 0..<count ~= place else { throw .indexOutOfRange(operand: 2) }
        known[pool[grams.start + g * n..<grams.start + (g + 1) * n]] = place
      }
      next += grams.count
      if n < minimumLength || n > maximumLength || known.isEmpty { continue }
      // A single item has no distance to the next.
      for distance in 1...(n == 1 ? 1 : min(maximumSkip, max(length, 1)) + 1) {
        let reach = distance * (n - 1)
        if reach >= length { break }
        for row in 0..<rows {
          for start in 0..<length - reach {
            let gram = (0..<n).map { items[row * length + start + $0 * distance] }
            if let place = known[gram[...]] { target[row * count + place] += 1 }
          }
        }
      }
    }
  }
}
