import Kernels
import Operators
import Tensors

extension Evaluation {
  /// Gives a result of strings, which always has memory of its own.
  mutating func setStrings(_ index: Int, _ sizes: [Int], _ strings: [[UInt8]]) throws(KernelFault) {
    try checkStrings(strings)
    set(index, .tensor(try faulting { () throws(TensorError) in try Tensor(strings: strings, sizes: sizes) }))
  }

  /// Throws where strings would exceed the budget: each weighs its bytes, also where several share them.
  func checkStrings(_ strings: [[UInt8]]) throws(KernelFault) {
    try checkList(itemCount: strings.count, byteCount: strings.reduce(0) { $0 + $1.count })
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
    try call.checkList(itemCount: count)
    let rows = try Rows(result: sizes, operands: [a.sizes, b.sizes])
    let (left, right) = (a.strings, b.strings)
    let (stepA, stepB) = (rows.step(0), rows.step(1))
    var byteCount = 0
    rows.forEach { _, i, j, _ in
      for p in 0..<rows.rowCount { byteCount += left[i + p * stepA].count + right[j + p * stepB].count }
    }
    try call.checkList(itemCount: count, byteCount: byteCount)
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
    let texts = x.strings
    // Counted before any part is made: one long text decides how many every other has.
    var most = 0
    var byteCount = 0
    for text in texts {
      var parts = 0
      forEachPart(of: text) { part in
        parts += 1
        byteCount += part.count
      }
      most = max(most, parts)
    }
    let sizes = x.sizes + [most]
    let count = try faulting { () throws(TensorError) in try Tensor.elementCount(of: sizes) }
    if call.isWanted(0) {
      try call.checkList(itemCount: count, byteCount: byteCount)
      var all: [[UInt8]] = []
      all.reserveCapacity(count)
      for (i, text) in texts.enumerated() {
        forEachPart(of: text) { all.append(Array(text[$0])) }
        while all.count < (i + 1) * most { all.append([]) }
      }
      try call.setStrings(0, sizes, all)
    }
    if call.isWanted(1) {
      let counts = try call.result(1, .int64, x.sizes)
      for (i, text) in texts.enumerated() {
        var parts: Int64 = 0
        forEachPart(of: text) { _ in parts += 1 }
        counts.pointer(Int64.self)[i] = parts
      }
    }
  }

  private func forEachPart(of text: [UInt8], _ body: (Swift.Range<Int>) -> Void) {
    delimiter.isEmpty ? atWhiteSpace(text, body) : atDelimiter(text, body)
  }

  /// Parts between runs of white space; after the last allowed split the rest is one part.
  private func atWhiteSpace(_ text: [UInt8], _ body: (Swift.Range<Int>) -> Void) {
    func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
    var (start, count) = (0, 0)
    while true {
      while start < text.count, isSpace(text[start]) { start += 1 }
      if start == text.count { return }
      if count == maximumSplits { return body(start..<text.count) }
      var end = start
      while end < text.count, !isSpace(text[end]) { end += 1 }
      body(start..<end)
      count += 1
      start = end
    }
  }

  private func atDelimiter(_ text: [UInt8], _ body: (Swift.Range<Int>) -> Void) {
    let delimiter = Array(delimiter.utf8)
    var (start, i, count) = (0, 0, 0)
    while i + delimiter.count <= text.count, count < maximumSplits ?? .max {
      if text[i..<i + delimiter.count].elementsEqual(delimiter) {
        body(start..<i)
        count += 1
        i += delimiter.count
        start = i
      } else {
        i += 1
      }
    }
    body(start..<text.count)
  }
}

extension StringNormalizer: NaiveOperator {
  static let naiveName = "string-normalizer"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.strings(0)
    guard x.rank == 1 || (x.rank == 2 && x.sizes[0] == 1) else { throw .malformed }
    try call.checkList(itemCount: x.elementCount)
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
      try call.takeSteps(product: [bytes.count, expression.weight], beyond: bytes.count)
      try call.checkList(itemCount: 0, byteCount: 4 * bytes.count)
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
      try fill(y, x, x.strings, pool.strings, numbers, call)
    } else {
      try call.takeScratch(x.elementCount + 8 * pool.elementCount)
      let (items, all) = try (words(x), words(pool))
      try fill(y, x, items, all, numbers, call)
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
    _ y: Tensor, _ x: Tensor, _ items: [Item], _ pool: [Item], _ places: [Int],
    _ call: Evaluation
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
        try call.takeSteps(product: [rows, length - reach, n, 16])
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
