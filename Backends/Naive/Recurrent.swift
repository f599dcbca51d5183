import Glibc
import Kernels
import Operators
import Tensors

extension Recurrent: NaiveOperator {
  static let naiveName = "recurrent"
  static let elements = Elements.floats

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    let w = try call.operand(1)
    let r = try call.operand(2)
    let directions = direction.count
    guard x.rank == 3, w.rank == 3, r.rank == 3, r.sizes[2] < 1 << 40,
      activations.count == cell.usualActivations.count * directions
    else { throw .malformed }
    let size = RecurrentSize(
      time: x.sizes[batchFirst ? 1 : 0], batch: x.sizes[batchFirst ? 0 : 1], inputs: x.sizes[2],
      hidden: r.sizes[2],
      directions: directions, gates: cell.gateCount)
    let gates = size.gates * size.hidden
    let state = batchFirst ? [size.batch, directions, size.hidden] : [directions, size.batch, size.hidden]
    guard w.sizes == [directions, gates, size.inputs], r.sizes == [directions, gates, size.hidden] else {
      throw .malformed
    }
    func checked(_ i: Int, _ sizes: [Int]) throws(KernelFault) -> Tensor? {
      guard let tensor = try call.optional(i) else { return nil }
      guard tensor.sizes == sizes, tensor.dataType == x.dataType else { throw .malformed }
      return tensor
    }
    let bias = try checked(3, [directions, 2 * gates])
    var lengths: [Int]?
    if let given = try call.integers(4) {
      guard given.count == size.batch else { throw .malformed }
      if given.contains(where: { $0 < 0 || $0 > size.time }) { throw .indexOutOfRange(operand: 4) }
      lengths = given
    }
    let h = try checked(5, state)
    let c = cell == .lstm ? try checked(6, state) : nil
    let peepholes = cell == .lstm ? try checked(7, [directions, 3 * size.hidden]) : nil
    let ySizes =
      batchFirst
      ? [size.batch, size.time, directions, size.hidden] : [size.time, directions, size.batch, size.hidden]
    let y = call.isWanted(0) ? try call.result(0, x.dataType, ySizes) : nil
    // Beyond the length of a sequence there are zeros.
    y?.clear()
    let lastH = call.isWanted(1) ? try call.result(1, x.dataType, state) : nil
    let lastC = call.isWanted(2) ? try call.result(2, x.dataType, state) : nil
    let tensors = RecurrentTensors(
      x: x, w: w, r: r, bias: bias, h: h, c: c, peepholes: peepholes, y: y, lastH: lastH, lastC: lastC)
    switch x.dataType {
    case .float32: try run(Float.self, size, tensors, lengths, call)
    case .float64: try run(Double.self, size, tensors, lengths, call)
    default: throw .notRepresentable
    }
  }
}

private struct RecurrentSize {
  let time, batch, inputs, hidden, directions, gates: Int
}

private struct RecurrentTensors {
  let x, w, r: Tensor
  let bias, h, c, peepholes, y, lastH, lastC: Tensor?
}

extension Recurrent {
  /// Sequence by sequence, step by step: a row of gates is the bias plus W·x plus R·h.
  private func run<T: FloatNumber>(
    _: T.Type, _ size: RecurrentSize, _ tensors: RecurrentTensors, _ lengths: [Int]?,
    _ call: Evaluation
  ) throws(KernelFault) {
    let n = size.hidden
    let rows = size.gates * n
    // Steps without inputs are no elements of an operand: any number of them may be asked for.
    let stepCount = saturatingProduct([size.directions, size.batch, size.time])
    try call.takeSteps(
      product: [stepCount, 16 + rows], beyond: tensors.x.elementCount + (tensors.y?.elementCount ?? 0))
    try call.takeProducts([stepCount, rows, size.inputs + n])
    let memory = try Scratch<Double>(count: rows * 2 + n * 3)
    defer { withExtendedLifetime(memory) {} }
    let (fromX, fromH) = (memory.base, memory.base + rows)
    let (h, c, held) = (fromH + rows, fromH + rows + n, fromH + rows + 2 * n)
    for direction in 0..<size.directions {
      let isReverse = direction == 1 || self.direction == .reverse
      let w = tensors.w.pointer(T.self) + direction * rows * size.inputs
      let r = tensors.r.pointer(T.self) + direction * rows * n
      let biases = tensors.bias.map { $0.pointer(T.self) + direction * 2 * rows }
      let cell = CellStep(
        self, direction, hidden: n, fromX: fromX, fromH: fromH, h: h, c: c, held: held,
        peepholes: tensors.peepholes.map { p in
          (0..<3 * n).map { p.pointer(T.self)[direction * 3 * n + $0].real }
        } ?? [])
      for b in 0..<size.batch {
        let state = (batchFirst ? b * size.directions + direction : direction * size.batch + b) * n
        for j in 0..<n {
          h[j] = tensors.h.map { $0.pointer(T.self)[state + j].real } ?? 0
          c[j] = tensors.c.map { $0.pointer(T.self)[state + j].real } ?? 0
        }
        let length = lengths?[b] ?? size.time
        for step in 0..<length {
          let t = isReverse ? length - 1 - step : step
          let x =
            tensors.x.pointer(T.self) + (batchFirst ? b * size.time + t : t * size.batch + b) * size.inputs
          for row in 0..<rows {
            fromX[row] = dot(w + row * size.inputs, x, size.inputs) + (biases.map { $0[row].real } ?? 0)
          }
          func recurrence(_ gates: Swift.Range<Int>, _ operand: UnsafePointer<Double>) {
            for row in gates.lowerBound * n..<gates.upperBound * n {
              fromH[row] = dot(r + row * n, operand, n) + (biases.map { $0[rows + row].real } ?? 0)
            }
          }
          cell.run(recurrence)
          guard let y = tensors.y else { continue }
          let place =
            batchFirst
            ? (b * size.time + t) * size.directions + direction
            : (t * size.directions + direction) * size.batch + b
          let target = y.pointer(T.self) + place * n
          for j in 0..<n { target[j] = T(real: h[j]) }
        }
        for j in 0..<n {
          if let last = tensors.lastH { last.pointer(T.self)[state + j] = T(real: h[j]) }
          if let last = tensors.lastC { last.pointer(T.self)[state + j] = T(real: c[j]) }
        }
      }
    }
  }
}

@inline(__always)
private func dot<A: FloatNumber, B: FloatNumber>(
  _ a: UnsafePointer<A>, _ b: UnsafePointer<B>, _ count: Int
) -> Double {
  // Four sums, so that an addition need not wait for the one before.
  var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
  var i = 0
  while i + 4 <= count {
    s0 += a[i].real * b[i].real
    s1 += a[i + 1].real * b[i + 1].real
    s2 += a[i + 2].real * b[i + 2].real
    s3 += a[i + 3].real * b[i + 3].real
    i += 4
  }
  while i < count {
    s0 += a[i].real * b[i].real
    i += 1
  }
  return (s0 + s1) + (s2 + s3)
}

/// One step of one direction's cell: from `fromX`, `fromH` and the states to the next states.
private struct CellStep {
  let op: Recurrent
  /// Those of this direction.
  let activations: [Recurrent.Activation]
  let hidden: Int
  let fromX, fromH: UnsafeMutablePointer<Double>
  let h, c, held: UnsafeMutablePointer<Double>
  /// Input, output, forget; empty without.
  let peepholes: [Double]

  init(
    _ op: Recurrent, _ direction: Int, hidden: Int, fromX: UnsafeMutablePointer<Double>,
    fromH: UnsafeMutablePointer<Double>, h: UnsafeMutablePointer<Double>, c: UnsafeMutablePointer<Double>,
    held: UnsafeMutablePointer<Double>, peepholes: [Double]
  ) {
    self.op = op
    let count = op.cell.usualActivations.count
    activations = Array(op.activations[direction * count..<(direction + 1) * count])
    self.hidden = hidden
    self.fromX = fromX
    self.fromH = fromH
    self.h = h
    self.c = c
    self.held = held
    self.peepholes = peepholes
  }

  /// `recurrence` fills `fromH` for some gates from an operand.
  func run(_ recurrence: (Swift.Range<Int>, UnsafePointer<Double>) -> Void) {
    switch op.cell {
    case .rnn:
      recurrence(0..<1, h)
      for j in 0..<hidden { h[j] = gate(0, fromX[j] + fromH[j]) }
    case .gru: gru(recurrence)
    case .lstm:
      recurrence(0..<4, h)
      lstm()
    }
  }

  /// Gates: update, reset, hidden.
  private func gru(_ recurrence: (Swift.Range<Int>, UnsafePointer<Double>) -> Void) {
    let n = hidden
    recurrence(0..<2, h)
    if op.linearBeforeReset {
      recurrence(2..<3, h)
      for j in 0..<n { fromH[2 * n + j] *= gate(0, fromX[n + j] + fromH[n + j]) }
    } else {
      for j in 0..<n { held[j] = h[j] * gate(0, fromX[n + j] + fromH[n + j]) }
      recurrence(2..<3, held)
    }
    for j in 0..<n {
      let update = gate(0, fromX[j] + fromH[j])
      let next = gate(1, fromX[2 * n + j] + fromH[2 * n + j])
      h[j] = (1 - update) * next + update * h[j]
    }
  }

  /// Gates: input, output, forget, cell.
  private func lstm() {
    let n = hidden
    for j in 0..<n {
      func sum(_ gate: Int, _ state: Double) -> Double {
        let peephole = peepholes.isEmpty || gate == 3 ? 0 : peepholes[gate * n + j] * state
        return fromX[gate * n + j] + fromH[gate * n + j] + peephole
      }
      let input = gate(0, sum(0, c[j]))
      let forget = op.couplesForget ? 1 - input : gate(0, sum(2, c[j]))
      let next = forget * c[j] + input * gate(1, sum(3, 0))
      c[j] = next
      h[j] = gate(0, sum(1, next)) * activations[2].value(next)
    }
  }

  private func gate(_ i: Int, _ x: Double) -> Double {
    guard let clip = op.clip?.value else { return activations[i].value(x) }
    return activations[i].value(x < -clip ? -clip : x > clip ? clip : x)
  }
}

extension Recurrent.Activation {
  fileprivate func value(_ x: Double) -> Double {
    let (alpha, beta) = (alpha.value, beta.value)
    switch function {
    case .relu: return x < 0 ? 0 : x
    case .tanh: return Glibc.tanh(x)
    case .sigmoid: return 1 / (1 + exp(-x))
    case .affine: return alpha * x + beta
    case .leakyRelu: return x < 0 ? alpha * x : x
    case .thresholdedRelu: return x >= alpha ? x : 0
    case .scaledTanh: return alpha * Glibc.tanh(beta * x)
    case .hardSigmoid:
      let y = alpha * x + beta
      return y < 0 ? 0 : y > 1 ? 1 : y
    case .elu: return x < 0 ? alpha * expm1(x) : x
    case .softsign: return x / (1 + x.magnitude)
    case .softplus: return x > 30 ? x : log1p(exp(x))
    }
  }
}
