import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  /// Functions that keep whole numbers whole, so that every step is exact.
  private static func exact(_ cell: Recurrent.Cell, _ directions: Int) -> [Recurrent.Activation] {
    let one: [Recurrent.Activation]
    switch cell {
    case .rnn: one = [.init(.affine, alpha: 1, beta: 1)]
    case .gru: one = [.init(.hardSigmoid, alpha: 1, beta: 0), .init(.relu)]
    case .lstm:
      one = [.init(.hardSigmoid, alpha: 1, beta: 0), .init(.relu), .init(.affine, alpha: 2, beta: 0)]
    }
    return directions == 2 ? one + one : one
  }

  private static func value(_ a: Recurrent.Activation, _ x: Double) -> Double {
    switch a.function {
    case .relu: max(x, 0)
    case .affine: a.alpha.value * x + a.beta.value
    default: min(max(x, 0), 1)
    }
  }

  /// What one test gives: sizes, and which operands are there.
  private struct Shape {
    var time = 3
    var batch = 2
    var inputs = 3
    var hidden = 2
    var direction = Recurrent.Direction.forward
    var bias = true
    var states = true
    var peepholes = false
    var lengths: [Int]?
    var batchFirst = false
    var linearBeforeReset = false
    var couplesForget = false
    var clip: Real?
  }

  private static func recurrent(
    _ label: String, _ cell: Recurrent.Cell, _ s: Shape, type: DataType = .float32
  ) -> OperatorCase {
    let name = "Recurrent/\(cell.rawValue)/\(label)"
    var generator = SeededGenerator(name)
    let (n, d, g) = (s.hidden, s.direction.count, cell.gateCount)
    let op = Recurrent(
      cell, direction: s.direction, activations: exact(cell, d), clip: s.clip, batchFirst: s.batchFirst,
      linearBeforeReset: s.linearBeforeReset, couplesForget: s.couplesForget)
    let x = Grid.integers([s.time, s.batch, s.inputs], bound: 2, &generator)
    let w = Grid.integers([d, g * n, s.inputs], bound: 1, &generator)
    let r = Grid.integers([d, g * n, n], bound: 1, &generator)
    let bias = s.bias ? Grid.integers([d, 2 * g * n], bound: 1, &generator) : nil
    let h0 = s.states ? Grid.integers([d, s.batch, n], bound: 2, &generator) : nil
    let c0 = s.states && cell == .lstm ? Grid.integers([d, s.batch, n], bound: 2, &generator) : nil
    let p = s.peepholes ? Grid.integers([d, 3 * n], bound: 1, &generator) : nil

    var y = [Double](repeating: 0, count: s.time * d * s.batch * n)
    var lastH = [Double](repeating: 0, count: d * s.batch * n)
    var lastC = lastH
    for k in 0..<d {
      for b in 0..<s.batch {
        var h = (0..<n).map { h0?.at([k, b, $0]) ?? 0 }
        var c = (0..<n).map { c0?.at([k, b, $0]) ?? 0 }
        let length = s.lengths?[b] ?? s.time
        for step in 0..<length {
          let t = k == 1 || s.direction == .reverse ? length - 1 - step : step
          func fromX(_ gate: Int, _ j: Int) -> Double {
            (0..<s.inputs).reduce(bias?.at([k, gate * n + j]) ?? 0) {
              $0 + w.at([k, gate * n + j, $1]) * x.at([t, b, $1])
            }
          }
          func fromH(_ gate: Int, _ j: Int, _ h: [Double]) -> Double {
            (0..<n).reduce(bias?.at([k, (g + gate) * n + j]) ?? 0) {
              $0 + r.at([k, gate * n + j, $1]) * h[$1]
            }
          }
          func activate(_ i: Int, _ x: Double) -> Double {
            let limit = s.clip?.value ?? .infinity
            return value(op.activations[i], min(max(x, -limit), limit))
          }
          let before = h
          let cells = c
          for j in 0..<n {
            switch cell {
            case .rnn: h[j] = activate(0, fromX(0, j) + fromH(0, j, before))
            case .gru:
              let update = activate(0, fromX(0, j) + fromH(0, j, before))
              func reset(_ i: Int) -> Double { activate(0, fromX(1, i) + fromH(1, i, before)) }
              let product =
                s.linearBeforeReset
                ? reset(j) * fromH(2, j, before)
                : fromH(2, j, (0..<n).map { reset($0) * before[$0] })
              h[j] = (1 - update) * activate(1, fromX(2, j) + product) + update * before[j]
            case .lstm:
              func look(_ gate: Int, _ state: Double) -> Double { (p?.at([k, gate * n + j]) ?? 0) * state }
              let input = activate(0, fromX(0, j) + fromH(0, j, before) + look(0, cells[j]))
              let forget =
                s.couplesForget
                ? 1 - input : activate(0, fromX(2, j) + fromH(2, j, before) + look(2, cells[j]))
              c[j] = forget * cells[j] + input * activate(1, fromX(3, j) + fromH(3, j, before))
              h[j] =
                activate(0, fromX(1, j) + fromH(1, j, before) + look(1, c[j]))
                * value(op.activations[2], c[j])
            }
            y[((t * d + k) * s.batch + b) * n + j] = h[j]
          }
        }
        for j in 0..<n {
          lastH[(k * s.batch + b) * n + j] = h[j]
          lastC[(k * s.batch + b) * n + j] = c[j]
        }
      }
    }
    /// The grid with the batch in front, where that is asked for.
    func placed(_ grid: Grid?, from axis: Int) -> Grid? {
      guard let grid, s.batchFirst else { return grid }
      var order = Array(grid.sizes.indices)
      order.insert(order.remove(at: axis), at: 0)
      return Grid(order.map { grid.sizes[$0] }) { (index: [Int]) -> Double in
        var source = index
        for (i, axis) in order.enumerated() { source[axis] = index[i] }
        return grid.at(source)
      }
    }
    let state = [d, s.batch, n]
    var inputs: [RuntimeValue?] = [
      placed(x, from: 1)?.value(type), w.value(type), r.value(type), bias?.value(type),
      s.lengths.map { Grid([s.batch], $0.map { Double($0) }).value(.int32) },
      placed(h0, from: 1)?.value(type),
    ]
    if cell == .lstm { inputs += [placed(c0, from: 1)?.value(type), p?.value(type)] }
    var expected: [RuntimeValue?] = [
      placed(Grid([s.time, d, s.batch, n], y), from: 2)?.value(type),
      placed(Grid(state, lastH), from: 1)?.value(type),
    ]
    if cell == .lstm { expected.append(placed(Grid(state, lastC), from: 1)?.value(type)) }
    return OperatorCase(name, op, inputs, gives: expected)
  }

  static let recurrent: [OperatorCase] =
    Recurrent.Cell.allCases.flatMap { cell -> [OperatorCase] in
      [
        recurrent("plain", cell, Shape(bias: false, states: false)),
        recurrent("states", cell, Shape()),
        recurrent("reverse", cell, Shape(direction: .reverse)),
        recurrent("both", cell, Shape(inputs: 5, hidden: 3, direction: .bidirectional)),
        recurrent("lengths", cell, Shape(direction: .bidirectional, lengths: [1, 3])),
        recurrent("no-step", cell, Shape(lengths: [0, 2])),
        recurrent("batch-first", cell, Shape(direction: .bidirectional, lengths: [3, 2], batchFirst: true)),
        recurrent("clip", cell, Shape(clip: 1)),
        recurrent("time0", cell, Shape(time: 0)),
        recurrent("batch0", cell, Shape(batch: 0)),
        recurrent("inputs0", cell, Shape(inputs: 0)),
        recurrent("float64", cell, Shape(), type: .float64),
        recurrent("float16", cell, Shape(time: 1), type: .float16),
      ]
    } + [
      recurrent("linear", .gru, Shape(direction: .bidirectional, linearBeforeReset: true)),
      recurrent("peepholes", .lstm, Shape(direction: .bidirectional, peepholes: true)),
      recurrent("coupled", .lstm, Shape(peepholes: true, couplesForget: true)),
      recurrentUsual,
    ]

  /// Functions that a file need not name, on one unit without operands but the bias.
  private static let recurrentUsual = OperatorCase(
    "Recurrent/lstm/usual", Recurrent(.lstm),
    [
      Grid([1, 1, 1], [1]).value(), Grid([1, 4, 1], [0, 0, 0, 1]).value(),
      Grid([1, 4, 1], [0, 0, 0, 0]).value(),
    ],
    gives: [
      Grid([1, 1, 1, 1], [0.5 * 0.363_399_757_270_689]).value(), nil,
      Grid([1, 1, 1], [0.5 * 0.761_594_155_955_764_9]).value(),
    ], .float32)
}
