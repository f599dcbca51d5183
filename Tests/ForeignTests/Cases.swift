import IR
import Operators
import Tensors

/// A convolution of generated sizes, strides, pads, dilation, groups and epilogue.
func convolutionCase(_ seed: UInt64) throws -> NodeCase {
  var random = Generator(seed)
  let spatial = random.pick([2, 2, 2, 2, 1, 3])
  let isDepthwise = random.int(0...3) == 0
  let groups = isDepthwise ? random.pick([1, 3, 16, 19]) : random.pick([1, 1, 1, 2, 3])
  let inputs = isDepthwise ? groups : groups * random.pick([1, 3, 8, 16, 21])
  let outputs = isDepthwise ? groups * random.pick([1, 1, 2]) : groups * random.pick([1, 7, 16, 24, 33])
  let kernel = (0..<spatial).map { _ in random.pick([1, 2, 3, 3, 5]) }
  let window = Window(
    kernel: kernel, strides: (0..<spatial).map { _ in random.pick([1, 1, 2, 3]) },
    dilations: (0..<spatial).map { _ in random.pick([1, 1, 1, 2]) },
    padsBegin: kernel.map { $0 / 2 }, padsEnd: kernel.map { _ in random.int(0...1) })
  let x = [random.int(1...3), inputs] + (0..<spatial).map { _ in random.int(9...(spatial == 3 ? 11 : 24)) }
  let y = [x[0], outputs] + (try window.outputSizes(for: Array(x[2...])))
  var (steps, operands): ([Epilogue.Step], [Tensor]) = ([], [])
  for _ in 0..<random.int(0...3) {
    switch random.int(0...6) {
    case 0: steps.append(.unary(.relu))
    case 1: steps.append(.clamp(lower: 0, upper: 6))
    case 2: steps.append(.unary(random.pick([.sigmoid, .silu, .hardSwish, .tanh, .leakyRelu(0.2), .gelu])))
    case 3:
      steps.append(.binary(.add, operands.count, swapped: random.int(0...1) == 0))
      operands.append(try random.floats(y))
    case 4:
      steps.append(.binary(random.pick([.mul, .add]), operands.count, swapped: false))
      operands.append(try random.floats([outputs] + kernel.map { _ in 1 }))
    case 5:
      steps.append(.binary(random.pick([.sub, .max]), operands.count, swapped: false))
      operands.append(try random.floats([]))
    default:
      steps.append(.binary(.sub, operands.count, swapped: true))
      operands.append(try random.floats([1]))
    }
  }
  return NodeCase(
    op: Convolution(window: window, groups: groups),
    inputs: [
      try random.floats(x), try random.floats([outputs, inputs / groups] + kernel),
      random.int(0...1) == 0 ? nil : try random.floats([outputs]),
    ],
    constants: [1, 2], epilogue: Epilogue(steps), epilogueInputs: operands, output: y)
}

/// A Gemm or MatMul of generated sizes, transpositions, broadcasting and epilogue.
func productCase(_ seed: UInt64) throws -> NodeCase {
  var random = Generator(seed)
  let m = random.pick([1, 1, 2, 7, 33, 128])
  let n = random.pick([1, 3, 16, 65, 200])
  let k = random.pick([1, 5, 64, 129])
  let isConstant = random.int(0...1) == 0
  var node: NodeCase
  if random.int(0...1) == 0 {
    let gemm = Gemm(
      transA: random.int(0...3) == 0, transB: random.int(0...1) == 0, alpha: random.pick([1, 1, 0.5]))
    let c: Tensor? =
      random.int(0...1) == 0 ? nil : try random.floats(random.pick([[n], [1, n], [m, n], [1], [m, 1]]))
    node = NodeCase(
      op: gemm,
      inputs: [
        try random.floats(gemm.transA ? [k, m] : [m, k]), try random.floats(gemm.transB ? [n, k] : [k, n]), c,
      ], output: [m, n])
  } else {
    let batch = random.pick([[], [2], [3, 2]])
    let (left, right) = random.pick([
      (batch, []), (batch, batch), ([], batch), (batch, batch.map { _ in 1 }),
    ])
    node = NodeCase(
      op: MatMul(), inputs: [try random.floats(left + [m, k]), try random.floats(right + [k, n])],
      output: batch + [m, n])
  }
  if isConstant { node.constants = [1] }
  var steps: [Epilogue.Step] = []
  if random.int(0...1) == 0 {
    steps.append(.binary(.add, 0, swapped: false))
    node.epilogueInputs.append(try random.floats(random.pick([[n], [1], node.output])))
  }
  if random.int(0...1) == 0 { steps.append(.unary(random.pick([.relu, .gelu, .tanh]))) }
  node.epilogue = Epilogue(steps)
  return node
}
