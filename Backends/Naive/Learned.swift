import Glibc
import Kernels
import Operators
import Tensors

extension Tensor {
  /// Rows and columns of a matrix, or of one row.
  fileprivate func rowsAndColumns() throws(KernelFault) -> (rows: Int, columns: Int) {
    switch rank {
    case 2: return (sizes[0], sizes[1])
    case 1: return (1, sizes[0])
    default: throw .malformed
    }
  }
}

extension TreeEnsemble: NaiveOperator {
  static let naiveName = "tree-ensemble"
  /// Every row meets every tree: their nodes are counted so many at a time.
  private static let visitBatch = 1 << 16
  private static let stepsPerVisit = 2
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let (rows, columns) = try x.rowsAndColumns()
    let nodes = try call.int64s(1)
    let splits = try call.operand(2)
    let roots = try call.int64s(3)
    let starts = try call.int64s(4)
    let targetIDs = try call.int64s(5)
    let weights = try call.operand(6)
    let base = try call.optional(7).map { (base) throws(KernelFault) in try call.reals(base) }
    let sets = try call.optional(8) == nil ? nil : try call.int64s(8)
    let members = try call.reals(call.optional(9)) ?? []
    let count = splits.elementCount
    guard targets >= 1, nodes.count / 5 == count, nodes.count % 5 == 0,
      weights.elementCount == targetIDs.count,
      base.map({ $0.count == targets }) ?? true, sets.map({ $0.count == count + 1 }) ?? true,
      let from = ElementCodec(x.dataType), let split = ElementCodec(splits.dataType),
      let weight = ElementCodec(weights.dataType), let target = ElementCodec(to)
    else { throw .malformed }
    let y = try call.result(0, to, [rows, targets])
    var sums = try call.zeros(targets)
    var isScored = [Bool](repeating: false, count: targets)

    /// The leaf of a tree where a row ends.
    func leaf(_ root: Int64, _ row: Int, _ visits: inout Int) throws(KernelFault) -> Int {
      var position = root
      var steps = 0
      while position >= 0 {
        guard position < count, steps <= count else { throw .malformed }
        steps += 1
        visits += 1
        let node = Int(position) * 5
        let feature = nodes[node]
        guard feature >= 0, feature < columns, let comparison = Comparison(rawValue: nodes[node + 1]) else {
          throw .indexOutOfRange(operand: 1)
        }
        let value = from.double(at: row * columns + Int(feature), in: x.bytes.base)
        let bound = split.double(at: Int(position), in: splits.bytes.base)
        var holds: Bool
        switch comparison {
        case .lessOrEqual: holds = value <= bound
        case .less: holds = value < bound
        case .greaterOrEqual: holds = value >= bound
        case .greater: holds = value > bound
        case .equal: holds = value == bound
        case .notEqual: holds = value != bound
        case .member:
          guard let sets else { throw .malformed }
          let (first, last) = (sets[Int(position)], sets[Int(position) + 1])
          guard 0 <= first, first <= last, last <= members.count else { throw .malformed }
          visits += Int(last - first)
          holds = members[Int(first)..<Int(last)].contains(value)
        }
        if value.isNaN, nodes[node + 4] != 0 { holds = true }
        position = holds ? nodes[node + 2] : nodes[node + 3]
      }
      guard position > .min else { throw .malformed }
      return Int(-1 - position)
    }

    for row in 0..<rows {
      for t in 0..<targets { (sums[t], isScored[t]) = (0, false) }
      var visits = 0
      for root in roots {
        let leaf = try leaf(root, row, &visits)
        visits += 1
        if visits > Self.visitBatch {
          try call.takeSteps(Self.stepsPerVisit * visits)
          visits = 0
        }
        guard leaf + 1 < starts.count, starts[leaf] >= 0, starts[leaf] <= starts[leaf + 1],
          starts[leaf + 1] <= targetIDs.count
        else { throw .malformed }
        visits += Int(starts[leaf + 1] - starts[leaf])
        for w in Int(starts[leaf])..<Int(starts[leaf + 1]) {
          let id = targetIDs[w]
          guard id >= 0, id < targets else { throw .indexOutOfRange(operand: 5) }
          let t = Int(id)
          let value = weight.double(at: w, in: weights.bytes.base)
          switch aggregate {
          case .sum, .average: sums[t] += value
          case .min: sums[t] = isScored[t] ? min(sums[t], value) : value
          case .max: sums[t] = isScored[t] ? max(sums[t], value) : value
          }
          isScored[t] = true
        }
      }
      try call.takeSteps(Self.stepsPerVisit * visits)
      for t in 0..<targets {
        let sum = aggregate == .average && !roots.isEmpty ? sums[t] / Double(roots.count) : sums[t]
        target.store(sum + (base?[t] ?? 0), at: row * targets + t, in: y.base)
      }
    }
  }
}

extension Evaluation {
  fileprivate func int64s(_ i: Int) throws(KernelFault) -> [Int64] {
    let tensor = try operand(i)
    guard tensor.dataType == .int64 else { throw .malformed }
    try takeScratch(tensor.elementCount)
    return try faulting { () throws(TensorError) in try tensor.elements(of: Int64.self) }
  }
}

// MARK: - Support vectors

extension SupportVectors: NaiveOperator {
  static let naiveName = "support-vectors"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let (rows, columns) = try x.rowsAndColumns()
    let vectorTensor = try call.operand(1)
    guard vectorTensor.rank == 2, vectorTensor.sizes[1] == columns else { throw .malformed }
    let count = vectorTensor.sizes[0]
    try call.takeProducts([rows, count, columns + 64])
    try call.takeScratch(count, bytes: 16)
    let (data, vectors) = (try call.reals(x), try call.reals(vectorTensor))
    let coefficients = try call.reals(call.operand(2))
    let rho = try call.reals(call.operand(3))
    /// The kernel of a row with every vector.
    func products(_ row: Int) -> [Double] {
      (0..<count).map { v in
        value(data[row * columns..<(row + 1) * columns], vectors[v * columns..<(v + 1) * columns])
      }
    }
    guard let perClass else {
      guard coefficients.count == count, rho.count >= 1 else { throw .malformed }
      let y = try call.result(0, .float32, [rows, 1])
      for row in 0..<rows {
        let sum = zip(products(row), coefficients).reduce(rho[0]) { $0 + $1.0 * $1.1 }
        y.pointer(Float.self)[row] = Float(sum)
      }
      return
    }
    let classes = perClass.count
    guard 2...1 << 16 ~= classes, perClass.allSatisfy({ 0...count ~= $0 }) else { throw .malformed }
    let pairs = classes * (classes - 1) / 2
    var total = 0
    for size in perClass { total = try added(total, size) }
    guard total == count, coefficients.count == saturatingProduct([classes - 1, count]), rho.count == pairs
    else {
      throw .malformed
    }
    let a = try call.reals(call.optional(4))
    let b = try call.reals(call.optional(5))
    guard a.map({ $0.count == pairs }) ?? true, b?.count == a?.count else { throw .malformed }
    let scores = try call.result(0, .float32, [rows, a == nil ? pairs : classes])
    let votes = call.isWanted(1) ? try call.result(1, .float32, [rows, classes]) : nil
    votes?.clear()
    var first = [0]
    for size in perClass { first.append(first[first.count - 1] + size) }
    if a != nil {
      try call.takeScratch(2 * classes * classes)
      try call.takeSteps(product: [rows, max(100, classes), classes, classes], beyond: scores.elementCount)
    }
    for row in 0..<rows {
      let products = products(row)
      var decisions: [Double] = []
      for i in 0..<classes {
        for j in i + 1..<classes {
          var sum = rho[decisions.count]
          for v in first[i]..<first[i + 1] { sum += coefficients[(j - 1) * count + v] * products[v] }
          for v in first[j]..<first[j + 1] { sum += coefficients[i * count + v] * products[v] }
          decisions.append(sum)
          if let votes { votes.pointer(Float.self)[row * classes + (sum > 0 ? i : j)] += 1 }
        }
      }
      let values: [Double]
      if let a, let b {
        values = Self.probabilities(
          decisions.indices.map { 1 / (1 + exp(decisions[$0] * a[$0] + b[$0])) }, classes)
      } else {
        values = decisions
      }
      for (i, value) in values.enumerated() {
        scores.pointer(Float.self)[row * values.count + i] = Float(value)
      }
    }
  }

  private func value(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
    let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    switch kernel {
    case .linear: return dot
    case .poly: return pow(gamma.value * dot + coefficient.value, degree.value)
    case .sigmoid: return tanh(gamma.value * dot + coefficient.value)
    case .rbf: return exp(-gamma.value * zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
    }
  }

  /// Probabilities of classes from those of pairs: the second method of Wu, Lin and Weng, "Probability Estimates for
  /// Multi-class Classification by Pairwise Coupling", 2004, as libsvm iterates it.
  private static func probabilities(_ pairs: [Double], _ count: Int) -> [Double] {
    var r = [Double](repeating: 0, count: count * count)
    var index = 0
    for i in 0..<count {
      for j in i + 1..<count {
        let p = min(max(pairs[index], 1e-7), 1 - 1e-7)
        r[i * count + j] = p
        r[j * count + i] = 1 - p
        index += 1
      }
    }
    var q = [Double](repeating: 0, count: count * count)
    for t in 0..<count {
      for j in 0..<count where j != t {
        q[t * count + t] += r[j * count + t] * r[j * count + t]
        q[t * count + j] = -r[j * count + t] * r[t * count + j]
      }
    }
    var p = [Double](repeating: 1 / Double(count), count: count)
    var qp = p
    for _ in 0..<max(100, count) {
      var pqp = 0.0
      for t in 0..<count {
        qp[t] = (0..<count).reduce(0) { $0 + q[t * count + $1] * p[$1] }
        pqp += p[t] * qp[t]
      }
      if qp.allSatisfy({ ($0 - pqp).magnitude < 0.005 / Double(count) }) { break }
      for t in 0..<count {
        let difference = (pqp - qp[t]) / q[t * count + t]
        p[t] += difference
        let scale = 1 + difference
        pqp = (pqp + difference * (difference * q[t * count + t] + 2 * qp[t])) / (scale * scale)
        for j in 0..<count {
          qp[j] = (qp[j] + difference * q[t * count + j]) / scale
          p[j] /= scale
        }
      }
    }
    return p
  }
}

// MARK: - Scores

extension ScoreTransform {
  fileprivate func apply(_ values: inout [Double]) {
    switch self {
    case .none: break
    case .logistic: for i in values.indices { values[i] = 1 / (1 + exp(-values[i])) }
    case .softmax, .softmaxZero:
      let largest = values.max() ?? 0
      for i in values.indices {
        let isZero = self == .softmaxZero && values[i].magnitude <= 1e-7
        values[i] = isZero ? values[i] * exp(-largest) : exp(values[i] - largest)
      }
      let sum = values.reduce(0, +)
      for i in values.indices { values[i] = sum == 0 ? 0.5 : values[i] / sum }
    }
  }
}

extension Classify: NaiveOperator {
  static let naiveName = "classify"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let scores = try call.operand(0)
    let labels = try call.operand(1)
    let (rows, columns) = try scores.rowsAndColumns()
    let decisive = try call.optional(2) ?? scores
    let (deciders, width) = try decisive.rowsAndColumns()
    guard scores.dataType == .float32, decisive.dataType == .float32, deciders == rows, labels.rank == 1,
      complement == .none || columns == 1
    else { throw .malformed }
    let classes = labels.elementCount
    guard width >= 1, threshold != nil ? classes == 2 : width <= classes else { throw .malformed }
    try call.takeScratch(rows)
    var chosen: [Int] = []
    let source = decisive.pointer(Float.self)
    for row in 0..<rows {
      if let threshold {
        chosen.append(Double(source[row * width + width - 1]) > threshold.value ? 1 : 0)
      } else {
        var best = 0
        for i in 1..<max(width, 1) where source[row * width + i] > source[row * width + best] { best = i }
        chosen.append(best)
      }
    }
    if call.isWanted(0) {
      if labels.dataType == .string {
        let words = labels.strings
        try call.setStrings(0, [rows], chosen.map { words[$0] })
      } else {
        guard labels.dataType == .int64 else { throw .malformed }
        let y = try call.result(0, .int64, [rows])
        for (i, label) in chosen.enumerated() { y.pointer(Int64.self)[i] = labels.pointer(Int64.self)[label] }
      }
    }
    guard call.isWanted(1) else { return }
    let count = complement == .none ? columns : 2
    let y = try call.result(1, .float32, [rows, count])
    for row in 0..<rows {
      var values = (0..<columns).map { Double(scores.pointer(Float.self)[row * columns + $0]) }
      switch complement {
      case .none: break
      // A logistic function makes probabilities of s and −s, whatever s was.
      case .probability where transform == .none: values.insert(1 - values[0], at: 0)
      case .probability, .negative: values.insert(-values[0], at: 0)
      }
      transform.apply(&values)
      for (i, value) in values.enumerated() { y.pointer(Float.self)[row * count + i] = Float(value) }
    }
  }
}

extension TransformScores: NaiveOperator {
  static let naiveName = "transform-scores"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let y = try call.result(0, x.dataType, x.sizes)
    guard let codec = ElementCodec(x.dataType) else { throw .notRepresentable }
    let width = max(x.sizes.last ?? 1, 1)
    for row in 0..<x.elementCount / width {
      var values = (0..<width).map { codec.double(at: row * width + $0, in: x.bytes.base) }
      transform.apply(&values)
      for (i, value) in values.enumerated() { codec.store(value, at: row * width + i, in: y.base) }
    }
  }
}

// MARK: - Categories

/// An element as a key: its text, or the bits of its number, so that NaN is found too.
private enum LookupKey: Hashable {
  case text([UInt8])
  case integer(Int64)
  case real(UInt64)

  /// Calls `body` with the key of every element.
  static func forEach(_ tensor: Tensor, _ body: (Int, LookupKey) -> Void) throws(KernelFault) {
    if tensor.dataType == .string {
      for (i, text) in tensor.strings.enumerated() { body(i, .text(text)) }
      return
    }
    guard let codec = ElementCodec(tensor.dataType) else { throw .notRepresentable }
    let base = tensor.bytes.base
    for i in 0..<tensor.elementCount {
      if tensor.dataType.isFloatingPoint {
        let value = codec.double(at: i, in: base)
        body(i, .real(value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern))
      } else {
        body(i, .integer(codec.int64(at: i, in: base)))
      }
    }
  }
}

/// The place of each key; of equal keys the first counts.
private struct LookupTable {
  private var places: [LookupKey: Int] = [:]

  init(_ keys: Tensor, _ call: Evaluation) throws(KernelFault) {
    // A table has up to twice as many places as keys.
    try call.takeScratch(keys.elementCount, bytes: 2 * (MemoryLayout<LookupKey>.stride + 8))
    var places: [LookupKey: Int] = [:]
    try LookupKey.forEach(keys) { i, key in if places[key] == nil { places[key] = i } }
    self.places = places
  }

  /// Calls `body` with the place of every element of `x`, nil where it is no key.
  func forEachPlace(of x: Tensor, _ body: (Int, Int?) -> Void) throws(KernelFault) {
    try LookupKey.forEach(x) { i, key in body(i, places[key]) }
    withExtendedLifetime(x) {}
  }
}

extension LabelEncoder: NaiveOperator {
  static let naiveName = "label-encoder"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let keys = try call.operand(1)
    let values = try call.operand(2)
    let fallback = try call.operand(3)
    guard keys.dataType == x.dataType, fallback.dataType == values.dataType, fallback.elementCount == 1,
      keys.elementCount == values.elementCount
    else { throw .malformed }
    // Of equal keys the first counts.
    let places = try LookupTable(keys, call)
    if values.dataType == .string {
      try call.checkList(itemCount: x.elementCount)
      let (words, other) = (values.strings, fallback.strings[0])
      var found: [[UInt8]] = []
      found.reserveCapacity(x.elementCount)
      try places.forEachPlace(of: x) { _, place in found.append(place.map { words[$0] } ?? other) }
      try call.setStrings(0, x.sizes, found)
      return
    }
    guard let bits = values.dataType.bitWidth, bits >= 8 else { throw .notRepresentable }
    let y = try call.result(0, values.dataType, x.sizes)
    let width = bits / 8
    try places.forEachPlace(of: x) { i, place in
      (y.base + i * width).copyMemory(
        from: place.map { values.bytes.base + $0 * width } ?? fallback.bytes.base, byteCount: width)
    }
  }
}

extension OneHotEncoder: NaiveOperator {
  static let naiveName = "one-hot-encoder"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let categories = try call.operand(1)
    guard (x.dataType == .string) == (categories.dataType == .string) else { throw .malformed }
    let places = try LookupTable(categories, call)
    let count = categories.elementCount
    let y = try call.result(0, .float32, x.sizes + [count])
    y.clear()
    var isComplete = true
    // Numbers of any type are categories by their whole part.
    try places.forEachPlace(of: x.dataType == .string ? x : try cast(x, to: .int64)) { i, place in
      if let place { y.pointer(Float.self)[i * count + place] = 1 } else { isComplete = false }
    }
    if !isComplete, !zeros { throw .indexOutOfRange(operand: 0) }
  }
}

extension ZipMap: NaiveOperator {
  static let naiveName = "zip-map"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let labels = try call.operand(1)
    let (rows, columns) = try x.rowsAndColumns()
    guard x.dataType == .float32, labels.rank == 1, labels.elementCount == columns else { throw .malformed }
    try call.checkList(itemCount: rows, byteCount: x.byteCount)
    var maps: [RuntimeValue] = []
    for row in 0..<rows {
      let values = try Tensor.allocate(.float32, [columns])
      values.pointer(Float.self).update(from: x.pointer(Float.self) + row * columns, count: columns)
      maps.append(.map(keys: labels, values: values))
    }
    call.set(0, .sequence(maps))
  }
}
