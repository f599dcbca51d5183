import Glibc
import IR
import Kernels
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  static let elementwise: [OperatorCase] = all([
    unary, binary, binarySpecials, variadic, variadicTypes, clips, selections, selectedStrings, casts,
    identities,
  ])

  // MARK: - Binary

  /// The function on single numbers; comparisons give 0 and 1.
  private static func meaning(_ function: BinaryFunction) -> (Double, Double) -> Double {
    switch function {
    case .add: { $0 + $1 }
    case .sub: { $0 - $1 }
    case .mul: { $0 * $1 }
    case .div: { $0 / $1 }
    case .max: { max($0, $1) }
    case .min: { min($0, $1) }
    case .pow: { pow($0, $1) }
    case .prelu: { $0 < 0 ? $0 * $1 : $0 }
    case .mod: { $0 - ($0 / $1).rounded(.down) * $1 }
    case .fmod: { $0 - ($0 / $1).rounded(.towardZero) * $1 }
    case .equal: { $0 == $1 ? 1 : 0 }
    case .less: { $0 < $1 ? 1 : 0 }
    case .lessOrEqual: { $0 <= $1 ? 1 : 0 }
    case .greater: { $0 > $1 ? 1 : 0 }
    case .greaterOrEqual: { $0 >= $1 ? 1 : 0 }
    case .and, .bitwiseAnd: { Double(Int($0) & Int($1)) }
    case .or, .bitwiseOr: { Double(Int($0) | Int($1)) }
    case .xor, .bitwiseXor: { Double(Int($0) ^ Int($1)) }
    case .shiftLeft: { Double(Int($0) << Int($1)) }
    case .shiftRight: { Double(Int($0) >> Int($1)) }
    }
  }

  private static func binaryCase(
    _ function: BinaryFunction, _ a: [Int], _ b: [Int], type: DataType = .float32, least: Int = -4,
    most: Int = 4,
    divisorLeast: Int? = nil, truncates: Bool = false
  ) -> OperatorCase {
    let name = "Binary/\(function.rawValue)/\(a)\(b)/\(type.rawValue)"
    var generator = SeededGenerator(name)
    let x = Grid(a) { _ in Double(Int.random(in: least...most, using: &generator)) }
    let y = Grid(b) { _ in Double(Int.random(in: (divisorLeast ?? least)...most, using: &generator)) }
    let meaning = meaning(function)
    let z = Grid(Grid.broadcastSizes([a, b])) { (index: [Int]) -> Double in
      let value = meaning(x.broadcast(at: index), y.broadcast(at: index))
      return truncates ? value.rounded(.towardZero) : value
    }
    return OperatorCase(
      name, Binary(function), [x.value(type), y.value(type)],
      gives: [z.value(function.isComparison ? .bool : type)], type.isFloatingPoint ? .float32 : .exact)
  }

  private static let broadcasts: [([Int], [Int])] = [
    ([7], [7]), ([2, 3, 5], [2, 3, 5]), ([2, 3, 5], [5]), ([2, 3, 5], [3, 1]), ([2, 3, 5], []), ([], [2, 3]),
    ([3, 1], [1, 5]), ([1, 3, 1, 5], [2, 1, 7, 1]), ([2, 3, 4, 4], [3, 1, 1]), ([1], [1]), ([0, 3], [3]),
    ([2, 0], [1, 1]), ([1, 1, 1], [2]), ([17], [1]),
  ]

  private static func binaryCases(
    _ functions: [BinaryFunction], _ shapes: [([Int], [Int])], types: [DataType] = [.float32],
    least: Int = -4,
    most: Int = 4, divisorLeast: Int? = nil, truncates: Bool = false
  ) -> [OperatorCase] {
    var cases: [OperatorCase] = []
    for function in functions {
      for (a, b) in shapes {
        for type in types {
          cases.append(
            binaryCase(
              function, a, b, type: type, least: type.isUnsignedInteger ? max(least, 0) : least, most: most,
              divisorLeast: divisorLeast, truncates: truncates))
        }
      }
    }
    return cases
  }

  /// A slope never enlarges its operand.
  private static let slopes: [([Int], [Int])] = [
    ([7], [7]), ([2, 3, 5], [5]), ([2, 3, 5], [3, 1]), ([2, 3, 5], []), ([2, 3, 4, 4], [3, 1, 1]),
    ([0, 3], [3]),
  ]
  private static let small: [([Int], [Int])] = [([5, 4], [4])]
  private static let ordered: [BinaryFunction] = [
    .add, .sub, .mul, .max, .min, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual,
  ]

  private static let binary: [OperatorCase] = all([
    binaryCases(ordered, broadcasts),
    binaryCases([.prelu], slopes),
    binaryCases(ordered, small, types: [.int32, .int64, .float64]),
    binaryCases(
      [.add, .mul], small, types: [.int8, .int16, .float16, .bfloat16, .uint8, .uint16, .uint32, .uint64]),
    binaryCases([.div], broadcasts, divisorLeast: 1),
    binaryCases([.pow], broadcasts, least: 1, most: 3),
    binaryCases(
      [.div], small, types: [.int32, .int64, .uint8], least: -9, most: 9, divisorLeast: 1, truncates: true),
    binaryCases([.mod, .fmod], small, types: [.int32, .int64], least: -9, most: 9, divisorLeast: 1),
    binaryCases([.fmod], small, least: -9, most: 9, divisorLeast: 1),
    binaryCases(
      [.and, .or, .xor], [([4], [4]), ([2, 3], [3]), ([2, 3], [])], types: [.bool], least: 0, most: 1),
    binaryCases(
      [.bitwiseAnd, .bitwiseOr, .bitwiseXor], small, types: [.int32, .uint8], least: 0, most: 100),
    binaryCases([.shiftLeft, .shiftRight], small, types: [.uint32], least: 0, most: 7),
    binaryCases([.equal], small, types: [.bool], least: 0, most: 1),
  ])

  private static func special(
    _ label: String, _ function: BinaryFunction, _ a: Grid, _ b: Grid, _ type: DataType, gives y: Grid,
    exponent: DataType? = nil, fault: KernelFault? = nil
  ) -> OperatorCase {
    OperatorCase(
      "Binary/\(function.rawValue)/\(label)", Binary(function), [a.value(type), b.value(exponent ?? type)],
      gives: [y.value(function.isComparison ? .bool : type)], fault: fault)
  }

  private static let binarySpecials: [OperatorCase] = [
    special(
      "int32/zero", .div, Grid([2], [1, 2]), Grid([2], [1, 0]), .int32, gives: Grid([2], [1, 0]),
      fault: .divisionByZero),
    special(
      "int64/zero", .mod, Grid([2], [1, 2]), Grid([], [0]), .int64, gives: Grid([2], [1, 0]),
      fault: .divisionByZero),
    special("int32/zero/nothing", .div, Grid([0], []), Grid([1], [0]), .int32, gives: Grid([0], [])),
    special(
      "int8/overflow", .div, Grid([2], [-128, 7]), Grid([2], [-1, -2]), .int8, gives: Grid([2], [-128, -3])),
    special(
      "int8/overflow", .mod, Grid([2], [-128, 7]), Grid([2], [-1, -2]), .int8, gives: Grid([2], [0, -1])),
    special(
      "int8/signs", .mod, Grid([4], [5, -5, 5, -5]), Grid([4], [3, 3, -3, -3]), .int8,
      gives: Grid([4], [2, 1, -1, -2])),
    special(
      "int8/signs", .fmod, Grid([4], [5, -5, 5, -5]), Grid([4], [3, 3, -3, -3]), .int8,
      gives: Grid([4], [2, -2, 2, -2])),
    special(
      "int8/wraps", .add, Grid([2], [127, -128]), Grid([2], [1, -1]), .int8, gives: Grid([2], [-128, 127])),
    special("int8/wraps", .mul, Grid([1], [64]), Grid([1], [4]), .int8, gives: Grid([1], [0])),
    special(
      "float32/zero", .div, Grid([3], [1, -1, 0]), Grid([], [0]), .float32,
      gives: Grid([3], [.infinity, -.infinity, .nan])),
    special(
      "float32/nan", .max, Grid([3], [1, .nan, 2]), Grid([3], [.nan, 1, 3]), .float32,
      gives: Grid([3], [.nan, .nan, 3])),
    special(
      "float32/nan", .min, Grid([3], [1, .nan, 2]), Grid([3], [.nan, 1, 3]), .float32,
      gives: Grid([3], [.nan, .nan, 2])),
    special(
      "int32", .pow, Grid([4], [2, -3, 1, 0]), Grid([4], [10, 3, -5, 0]), .int32,
      gives: Grid([4], [1024, -27, 1, 1])),
    special(
      "float32^int64", .pow, Grid([3], [1.5, 2, -2]), Grid([3], [2, -1, 3]), .float32,
      gives: Grid([3], [2.25, 0.5, -8]), exponent: .int64),
    special(
      "int32^float32", .pow, Grid([2], [4, 9]), Grid([], [0.5]), .int32, gives: Grid([2], [2, 3]),
      exponent: .float32),
    special(
      "beyond-width", .shiftRight, Grid([2], [200, 3]), Grid([2], [8, 1]), .uint8, gives: Grid([2], [0, 1])),
  ]

  // MARK: - Variadic

  private static let variadicShapes: [[[Int]]] = [
    [[3, 5]], [[3, 5], [5]], [[3, 1], [1, 5], [3, 5]], [[], [2], [2, 1]], [[0, 2], [2]],
  ]

  private static let variadic: [OperatorCase] = [Variadic.Function.sum, .mean, .max, .min].flatMap {
    (function) -> [OperatorCase] in
    variadicShapes.map { (shapes: [[Int]]) -> OperatorCase in
      var generator = SeededGenerator("variadic \(function) \(shapes)")
      let operands = shapes.map { Grid.integers($0, &generator) }
      let y = Grid(Grid.broadcastSizes(shapes)) { (index: [Int]) -> Double in
        let values = operands.map { $0.broadcast(at: index) }
        switch function {
        case .sum: return values.reduce(0, +)
        case .mean: return values.reduce(0, +) / Double(values.count)
        case .max: return values.max() ?? 0
        case .min: return values.min() ?? 0
        }
      }
      return OperatorCase(
        "Variadic/\(function)/\(shapes)", Variadic(function), operands.map { $0.value() }, gives: [y.value()],
        .float32)
    }
  }

  private static let variadicTypes: [OperatorCase] = [
    OperatorCase(
      "Variadic/sum/float16", Variadic(.sum),
      [Grid([2], [1, 2]).value(.float16), Grid([2], [3, 4]).value(.float16)],
      gives: [Grid([2], [4, 6]).value(.float16)]),
    OperatorCase(
      "Variadic/max/int32", Variadic(.max), [Grid([2], [1, 7]).value(.int32), Grid([], [4]).value(.int32)],
      gives: [Grid([2], [4, 7]).value(.int32)]),
  ]

  // MARK: - Clip, Where

  private static let ramp = Grid([7], [-3, -2, -1, 0, 1, 2, 3])

  private static let clips: [OperatorCase] = [
    OperatorCase(
      "Clip/attributes", Clip(lower: -1, upper: 2), [ramp.value()],
      gives: [Grid([7], [-1, -1, -1, 0, 1, 2, 2]).value()]),
    OperatorCase(
      "Clip/lower", Clip(lower: 0), [ramp.value()], gives: [Grid([7], [0, 0, 0, 0, 1, 2, 3]).value()]),
    OperatorCase("Clip/none", Clip(), [ramp.value()], gives: [ramp.value()]),
    OperatorCase(
      "Clip/crossed", Clip(lower: 2, upper: -1), [ramp.value()], gives: [ramp.map { _ in -1 }.value()]),
    OperatorCase(
      "Clip/operands", Clip(), [ramp.value(), Grid([], [-2]).value(), Grid([], [1]).value()],
      gives: [Grid([7], [-2, -2, -1, 0, 1, 1, 1]).value()]),
    OperatorCase(
      "Clip/upper-operand", Clip(), [ramp.value(), nil, Grid([], [1]).value()],
      gives: [Grid([7], [-3, -2, -1, 0, 1, 1, 1]).value()]),
    OperatorCase(
      "Clip/int32", Clip(lower: -1, upper: 2), [ramp.value(.int32)],
      gives: [Grid([7], [-1, -1, -1, 0, 1, 2, 2]).value(.int32)]),
    OperatorCase(
      "Clip/int8/infinite", Clip(lower: Real(-Double.infinity), upper: 1e9), [ramp.value(.int8)],
      gives: [ramp.value(.int8)]),
    OperatorCase(
      "Clip/float16", Clip(lower: -1, upper: 2), [ramp.value(.float16)],
      gives: [Grid([7], [-1, -1, -1, 0, 1, 2, 2]).value(.float16)]),
    OperatorCase(
      "Clip/nan", Clip(lower: 0, upper: 6), [Grid([3], [.nan, 7, -1]).value()],
      gives: [Grid([3], [.nan, 6, 0]).value()]),
  ]

  private static let selectedShapes: [([Int], [Int], [Int])] = [
    ([2, 3], [2, 3], [2, 3]), ([3], [2, 3], []), ([2, 1], [1, 3], [2, 3]), ([], [2], [2]), ([0], [1], []),
    ([2, 2], [1, 1, 1], [3, 1, 2]),
  ]

  private static let selections: [OperatorCase] = selectedShapes.flatMap { (c, a, b) -> [OperatorCase] in
    [DataType.float32, .int64, .bool, .float16].map { (type: DataType) -> OperatorCase in
      var generator = SeededGenerator("where \(c) \(a) \(b) \(type)")
      let flags = Grid(c) { _ in Double(Int.random(in: 0...1, using: &generator)) }
      let x = Grid(a) { _ in Double(Int.random(in: 0...1, using: &generator)) }
      let y = Grid(b) { _ in Double(Int.random(in: 0...1, using: &generator)) }
      let z = Grid(Grid.broadcastSizes([c, a, b])) { (index: [Int]) -> Double in
        flags.broadcast(at: index) != 0 ? x.broadcast(at: index) : y.broadcast(at: index)
      }
      return OperatorCase(
        "Where/\(c)\(a)\(b)/\(type.rawValue)", Where(), [flags.value(.bool), x.value(type), y.value(type)],
        gives: [z.value(type)])
    }
  }

  private static let selectedStrings: [OperatorCase] = [
    OperatorCase(
      "Where/strings", Where(), [Grid([2], [1, 0]).value(.bool), strings(["a", "b"]), strings(["", "d"])],
      gives: [strings(["a", "d"])])
  ]

  static func strings(_ texts: [String], _ sizes: [Int]? = nil) -> RuntimeValue {
    // As many strings as the sizes say, by construction.
    .tensor(try! Tensor(strings: texts.map { Array($0.utf8) }, sizes: sizes ?? [texts.count]))
  }

  // MARK: - Cast, Identity

  private static func castCase(
    _ from: DataType, _ to: DataType, _ x: [Double], _ y: [Double], saturate: Bool = true
  ) -> OperatorCase {
    OperatorCase(
      "Cast/\(from.rawValue)-\(to.rawValue)\(saturate ? "" : "/wide")", Cast(to: to, saturate: saturate),
      [Grid([x.count], x).value(from)], gives: [Grid([y.count], y).value(to)])
  }

  private static let casts: [OperatorCase] = [
    castCase(.float32, .int32, [-2.7, -0.5, 0, 1.5, 2.999], [-2, 0, 0, 1, 2]),
    castCase(.float32, .uint8, [0, 1.9, 255], [0, 1, 255]),
    castCase(.float32, .bool, [0, -0.0, 0.25, .nan], [0, 0, 1, 1]),
    castCase(.bool, .float32, [0, 1], [0, 1]),
    castCase(.int64, .int8, [300, -1, 127], [44, -1, 127]),
    castCase(.int32, .float32, [-3, 16_777_217], [-3, 16_777_216]),
    castCase(.float64, .float32, [0.1, 1e300], [Double(Float(0.1)), .infinity]),
    castCase(.float32, .float64, [0.5, .nan], [0.5, .nan]),
    castCase(.float32, .float16, [1, 65504, 65520, 1 + 0x1p-11], [1, 65504, .infinity, 1]),
    castCase(.float16, .float32, [1, 0x1p-24], [1, 0x1p-24]),
    castCase(.float32, .bfloat16, [1, 1 + 0x1p-8, 1 + 0x1.8p-7], [1, 1, 1 + 0x1p-6]),
    castCase(.float32, .float8E4M3FN, [1, 448, 1000], [1, 448, 448]),
    castCase(.float32, .float8E4M3FN, [1, 448, 1000], [1, 448, .nan], saturate: false),
    castCase(.float32, .int4, [-8, 7, 3], [-8, 7, 3]),
    castCase(.uint4, .int32, [0, 9, 15], [0, 9, 15]),
    castCase(.int32, .int32, [4, 5], [4, 5]),
    castCase(.uint64, .float32, [3, 4], [3, 4]),
    OperatorCase(
      "Cast/string-float32", Cast(to: .float32), [strings(["1.5", "-2", "1e3"])],
      gives: [Grid([3], [1.5, -2, 1000]).value()]),
    OperatorCase(
      "Cast/int32-string", Cast(to: .string), [Grid([2], [-7, 12]).value(.int32)],
      gives: [strings(["-7", "12"])]),
  ]

  private static let identities: [OperatorCase] = [
    OperatorCase("Identity/float32", Identity(), [ramp.value()], gives: [ramp.value()]),
    OperatorCase("Identity/empty", Identity(), [Grid([0], []).value()], gives: [Grid([0], []).value()]),
    OperatorCase(
      "Identity/int4", Identity(), [Grid([3], [1, -2, 7]).value(.int4)],
      gives: [Grid([3], [1, -2, 7]).value(.int4)]),
    OperatorCase(
      "Identity/sequence", Identity(), [.sequence([ramp.value()])], gives: [.sequence([ramp.value()])]),
    OperatorCase("Dropout/inference", Dropout(), [ramp.value()], gives: [ramp.value()]),
    OperatorCase(
      "Dropout/mask", Dropout(), [ramp.value()], gives: [ramp.value(), ramp.map { _ in 1 }.value(.bool)]),
  ]
}
