import Glibc
import Kernels
import Operators
import Tensors

// Operands may be of different types: everything is read as Double, and each result rounded to its own type.

extension RMSNormalization: NaiveOperator {
  static let naiveName = "rms-normalization"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let (x, scale) = (try call.operand(0), try call.operand(1))
    let axis = try normalized(axis, rank: x.rank)
    let inner = Array(x.sizes[axis...])
    let factors = try call.spread(scale, over: inner)
    var numbers = try call.reals(x)
    let count = try inner.product
    let rows = try x.sizes[..<axis].product
    for row in 0..<(count == 0 ? 0 : rows) {
      let first = row * count
      var squares = 0.0
      for i in 0..<count { squares += numbers[first + i] * numbers[first + i] }
      let factor = 1 / (squares / Double(count) + epsilon.value).squareRoot()
      for i in 0..<count { numbers[first + i] *= factor * factors[i] }
    }
    try call.set(0, numbers, scale.dataType, x.sizes)
  }
}

extension GroupNormalization: NaiveOperator {
  static let naiveName = "group-normalization"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let (scale, bias) = (try call.reals(call.operand(1)), try call.reals(call.operand(2)))
    guard x.rank >= 2, groups > 0, x.sizes[1] % groups == 0 else { throw .malformed }
    let channels = x.sizes[1]
    guard scale.count == (scalesGroups ? groups : channels), bias.count == scale.count else {
      throw .malformed
    }
    var numbers = try call.reals(x)
    let perGroup = channels / groups
    let plane = try x.sizes[2...].product
    let count = perGroup * plane
    for group in 0..<(count == 0 ? 0 : x.sizes[0] * groups) {
      let first = group * count
      var sum = 0.0
      for i in 0..<count { sum += numbers[first + i] }
      let mean = sum / Double(count)
      var squares = 0.0
      for i in 0..<count { squares += (numbers[first + i] - mean) * (numbers[first + i] - mean) }
      let factor = 1 / (squares / Double(count) + epsilon.value).squareRoot()
      for i in 0..<count {
        let parameter = scalesGroups ? group % groups : group % groups * perGroup + i / plane
        numbers[first + i] = (numbers[first + i] - mean) * factor * scale[parameter] + bias[parameter]
      }
    }
    try call.set(0, numbers, x.dataType, x.sizes)
  }
}

extension RotaryEmbedding: NaiveOperator {
  static let naiveName = "rotary-embedding"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let (cosines, sines) = (try call.operand(1), try call.operand(2))
    let positions = try call.optional(3)
    let isSplit = x.rank == 4
    let count = isSplit ? x.sizes[1] : heads ?? 0
    guard isSplit || x.rank == 3 && count > 0 && x.sizes[2] % count == 0 else { throw .malformed }
    let (batch, rows) = (x.sizes[0], isSplit ? x.sizes[2] : x.sizes[1])
    let headSize = isSplit ? x.sizes[3] : x.sizes[2] / count
    let turned = size == 0 ? headSize : size
    guard turned >= 0, turned <= headSize, turned % 2 == 0, cosines.sizes == sines.sizes else {
      throw .malformed
    }
    let half = turned / 2
    guard cosines.sizes == (positions == nil ? [batch, rows, half] : [cosines.sizes.first ?? 0, half]),
      positions.map({ $0.sizes == [batch, rows] && $0.dataType == .int64 }) ?? true
    else { throw .malformed }
    let (c, s) = (try call.reals(cosines), try call.reals(sines))
    let places = try positions?.reshape([batch * rows]).integers()
    var numbers = try call.reals(x)
    if numbers.isEmpty || half == 0 { return try call.set(0, numbers, x.dataType, x.sizes) }
    for b in 0..<batch {
      for row in 0..<rows {
        let place = places?[b * rows + row] ?? b * rows + row
        guard place >= 0, place < c.count / half else { throw .indexOutOfRange(operand: 3) }
        for h in 0..<count {
          let first =
            isSplit ? ((b * count + h) * rows + row) * headSize : ((b * rows + row) * count + h) * headSize
          for i in 0..<half {
            let (p, q) = interleaved ? (first + 2 * i, first + 2 * i + 1) : (first + i, first + half + i)
            let (real, imaginary) = (numbers[p], numbers[q])
            numbers[p] = c[place * half + i] * real - s[place * half + i] * imaginary
            numbers[q] = s[place * half + i] * real + c[place * half + i] * imaginary
          }
        }
      }
    }
    try call.set(0, numbers, x.dataType, x.sizes)
  }
}

extension LinearAttention: NaiveOperator {
  static let naiveName = "linear-attention"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let (query, key, value) = (try call.operand(0), try call.operand(1), try call.operand(2))
    let past = try call.optional(3)
    let (decay, rate) = (try call.optional(4), try call.optional(5))
    guard query.rank == 3, key.rank == 3, value.rank == 3, keyHeads > 0, queryHeads > 0,
      queryHeads % keyHeads == 0, query.sizes[2] % queryHeads == 0, value.sizes[2] % keyHeads == 0
    else { throw .malformed }
    let (batch, rows) = (query.sizes[0], query.sizes[1])
    let (k, v) = (query.sizes[2] / queryHeads, value.sizes[2] / keyHeads)
    let stateSizes = [batch, keyHeads, k, v]
    let width = keyHeads.multipliedReportingOverflow(by: k)
    guard !width.overflow, key.sizes == [batch, rows, width.partialValue], value.sizes[0] == batch,
      value.sizes[1] == rows, past.map({ $0.sizes == stateSizes }) ?? true, (decay != nil) == rule.decays,
      (rate != nil) == rule.corrects,
      decay.map({ $0.sizes == key.sizes || $0.sizes == [batch, rows, keyHeads] }) ?? true,
      rate.map({ $0.sizes == [batch, rows, keyHeads] || $0.sizes == [batch, rows, 1] }) ?? true
    else { throw .malformed }
    let elements = try faulting { () throws(TensorError) in try Tensor.elementCount(of: stateSizes) }
    let outputSizes = [
      batch, rows, try faulting { () throws(TensorError) in try Tensor.elementCount(of: [queryHeads, v]) },
    ]
    let results = try faulting { () throws(TensorError) in try Tensor.elementCount(of: outputSizes) }
    try call.checkCount(elements, of: .float64)
    try call.checkCount(results, of: .float64)
    try call.takeProducts([batch, rows, keyHeads, 1 + queryHeads / keyHeads, k, v])
    var state = try past == nil ? call.zeros(elements) : call.reals(past) ?? []
    var output = try call.zeros(results)
    let (q, keys, values) = (try call.reals(query), try call.reals(key), try call.reals(value))
    let (decays, rates) = (try call.reals(decay) ?? [], try call.reals(rate) ?? [])
    let perHead = decay?.sizes[2] == keyHeads
    let factor = scale?.value ?? 1 / Double(k).squareRoot()
    var written = try call.zeros(v)
    for b in 0..<(elements == 0 ? 0 : batch) {
      for row in 0..<rows {
        let place = b * rows + row
        for h in 0..<keyHeads {
          let first = (b * keyHeads + h) * k * v
          let at = place * keyHeads + h
          if rule.decays {
            for i in 0..<k {
              let fade = exp(decays[perHead ? at : at * k + i])
              for j in 0..<v { state[first + i * v + j] *= fade }
            }
          }
          for j in 0..<v {
            written[j] = values[at * v + j]
            if rule.corrects {
              for i in 0..<k { written[j] -= state[first + i * v + j] * keys[at * k + i] }
              written[j] *= rates[rates.count == batch * rows ? place : at]
            }
          }
          for i in 0..<k { for j in 0..<v { state[first + i * v + j] += keys[at * k + i] * written[j] } }
          for shared in 0..<queryHeads / keyHeads {
            let head = place * queryHeads + h * (queryHeads / keyHeads) + shared
            for j in 0..<v {
              var sum = 0.0
              for i in 0..<k { sum += q[head * k + i] * state[first + i * v + j] }
              output[head * v + j] = sum * factor
            }
          }
        }
      }
    }
    try call.set(0, output, query.dataType, outputSizes)
    if call.isWanted(1) { try call.set(1, state, past?.dataType ?? query.dataType, stateSizes) }
  }
}

extension TensorScatter: NaiveOperator {
  static let naiveName = "tensor-scatter"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let (cache, update) = (try call.operand(0), try call.operand(1))
    let axis = try normalized(axis, rank: cache.rank)
    guard axis > 0, update.dataType == cache.dataType, update.rank == cache.rank,
      cache.sizes.indices.allSatisfy({ $0 == axis || cache.sizes[$0] == update.sizes[$0] }),
      let bits = cache.dataType.bitWidth, bits >= 8
    else { throw .malformed }
    let (all, rows) = (cache.sizes[axis], update.sizes[axis])
    let indices = try call.integers(2) ?? [Int](repeating: 0, count: cache.sizes[0])
    guard indices.count == cache.sizes[0], rows <= all else { throw .malformed }
    let y = try call.result(0, cache.dataType, cache.sizes)
    if y.byteCount == 0 { return }
    y.base.copyMemory(from: cache.bytes.base, byteCount: cache.byteCount)
    let block = try cache.sizes[(axis + 1)...].product * bits / 8
    let perItem = try cache.sizes[1..<axis].product
    for prefix in 0..<cache.sizes[0] * perItem {
      let start = indices[prefix / perItem]
      if !circular, start < 0 || start > all - rows { throw .indexOutOfRange(operand: 2) }
      // Below `all`, so that a row's number does not overflow.
      let offset = circular ? ((start % all) + all) % all : start
      for row in 0..<rows {
        (y.base + (prefix * all + (offset + row) % all) * block).copyMemory(
          from: update.bytes.base + (prefix * rows + row) * block, byteCount: block)
      }
    }
  }
}
