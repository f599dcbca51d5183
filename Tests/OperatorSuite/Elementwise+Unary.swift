import IR
import Operators
import Tensors
import TestSupport

extension OperatorSuite {
  private static let wide = [-3, -1, -0.5, 0, 0.25, 1, 2.5]
  private static let positive = [0.5, 1, 1.5, 2, 4, 10, 0.125]
  private static let above = positive.map { $0 + 1 }
  private static let unit = [-0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75]

  /// Arguments and values in float32, from the reference implementation of ONNX.
  // swift-format-ignore
  private static let unaryTable: [(String, [Double], [Double])] = [
    ("relu", wide, [0, 0, 0, 0, 0.25, 1, 2.5]),
    ("sigmoid", wide, [0.047425874, 0.268941402, 0.377540678, 0.5, 0.562176526, 0.731058598, 0.924141824]),
    ("tanh", wide, [-0.995054781, -0.761594176, -0.462117195, 0, 0.244918659, 0.761594176, 0.986614287]),
    ("softplus", wide, [0.048587352, 0.313261688, 0.474076986, 0.693147182, 0.825939417, 1.313261747, 2.578889847]),
    ("softsign", wide, [-0.75, -0.5, -0.333333343, 0, 0.200000003, 0.5, 0.714285731]),
    ("mish", wide, [-0.145647466, -0.30340147, -0.220743775, 0, 0.169572413, 0.865098417, 2.471392393]),
    ("hardSwish", wide, [-0, -0.333333313, -0.208333328, 0, 0.135416672, 0.666666687, 2.291666746]),
    ("gelu", wide, [-0.004049689, -0.158655256, -0.154268771, 0, 0.149676576, 0.841344714, 2.484475851]),
    ("geluTanh", wide, [-0.003637344, -0.158807993, -0.154285997, 0, 0.149675354, 0.841192007, 2.484915733]),
    ("exp", wide, [0.049787067, 0.367879421, 0.606530666, 1, 1.28402555, 2.718281984, 12.18249321]),
    ("log", positive, [-0.693147182, 0, 0.405465096, 0.693147182, 1.386294365, 2.302585125, -2.079441547]),
    ("sqrt", positive, [0.707106769, 1, 1.224744916, 1.414213538, 2, 3.162277699, 0.353553385]),
    ("reciprocal", positive, [2, 1, 0.666666687, 0.5, 0.25, 0.100000001, 8]),
    ("erf", wide, [-0.999977887, -0.842700779, -0.520499885, 0, 0.276326388, 0.842700779, 0.999593019]),
    ("abs", wide, [3, 1, 0.5, 0, 0.25, 1, 2.5]),
    ("neg", wide, [3, 1, 0.5, -0, -0.25, -1, -2.5]),
    ("sign", wide, [-1, -1, -1, 0, 1, 1, 1]),
    ("floor", wide, [-3, -1, -1, 0, 0, 1, 2]),
    ("ceil", wide, [-3, -1, -0, 0, 1, 1, 3]),
    ("round", wide, [-3, -1, -0, 0, 0, 1, 2]),
    ("sin", wide, [-0.141120002, -0.841471016, -0.47942555, 0, 0.247403964, 0.841471016, 0.598472178]),
    ("cos", wide, [-0.989992499, 0.540302277, 0.87758255, 1, 0.968912423, 0.540302277, -0.801143587]),
    ("tan", wide, [0.142546535, -1.557407737, -0.546302497, 0, 0.255341917, 1.557407737, -0.747022271]),
    ("asin", unit, [-0.848062158, -0.52359879, -0.252680242, 0, 0.252680242, 0.52359879, 0.848062158]),
    ("acos", unit, [2.418858528, 2.094395161, 1.823476553, 1.570796371, 1.318116188, 1.04719758, 0.722734213]),
    ("atan", wide, [-1.24904573, -0.785398185, -0.463647604, 0, 0.244978666, 0.785398185, 1.190289974]),
    ("sinh", wide, [-10.017874718, -1.175201178, -0.521095276, 0, 0.252612323, 1.175201178, 6.050204277]),
    ("cosh", wide, [10.067661285, 1.543080688, 1.127626061, 1, 1.031413198, 1.543080688, 6.132289886]),
    ("asinh", wide, [-1.818446517, -0.881373584, -0.481211811, 0, 0.24746646, 0.881373584, 1.647231102]),
    ("acosh", above, [0.962423623, 1.316957951, 1.566799283, 1.762747169, 2.292431593, 3.088969946, 0.49493292]),
    ("atanh", unit, [-0.972955048, -0.549306154, -0.255412817, 0, 0.255412817, 0.549306154, 0.972955048]),
    ("leakyRelu(0.125)", wide, [-0.375, -0.125, -0.0625, 0, 0.25, 1, 2.5]),
    ("elu(1.5)", wide, [-1.425319314, -0.948180795, -0.590204, 0, 0.25, 1, 2.5]),
    ("celu(2.0)", wide, [-1.553739667, -0.786938667, -0.442398429, 0, 0.25, 1, 2.5]),
    ("selu(1.5,1.25)", wide, [-1.781649113, -1.185225964, -0.737755001, 0, 0.3125, 1.25, 3.125]),
    ("hardSigmoid(0.25,0.5)", wide, [0, 0.25, 0.375, 0.5, 0.5625, 0.75, 1]),
    ("thresholdedRelu(0.5)", wide, [0, 0, 0, 0, 0, 1, 2.5]),
    ("shrink(0.5,0.25)", wide, [-2.75, -0.75, 0, 0, 0, 0.75, 2.25]),
    ("silu", wide, [-0.142277628, -0.268941402, -0.188770339, 0, 0.140544131, 0.731058598, 2.310354561]),
    ("swish(2.0)", wide, [-0.007417869, -0.119202922, -0.134470711, 0, 0.155614866, 0.880797078, 2.483267871]),
  ]

  static let unary: [OperatorCase] = all([tabulated, unaryOthers])

  private static let tabulated: [OperatorCase] = unaryTable.flatMap { (text, x, y) -> [OperatorCase] in
    // The table's words are those that the function prints.
    let op = Unary(UnaryFunction(text: text)!)
    return [
      OperatorCase(
        "Unary/\(text)", op, [Grid([7], x).value()], gives: [Grid([7], y).value()],
        .close(relative: 2e-6, absolute: 1e-7)),
      OperatorCase(
        "Unary/\(text)/matrix", op, [Grid([3, 7], x + x + x).value()],
        gives: [Grid([3, 7], y + y + y).value()], .close(relative: 2e-6, absolute: 1e-7)),
      OperatorCase(
        "Unary/\(text)/float64", op, [Grid([7], x).value(.float64)], gives: [Grid([7], y).value(.float64)],
        .close(relative: 2e-6, absolute: 1e-7)),
      OperatorCase(
        "Unary/\(text)/float16", op, [Grid([7], x).value(.float16)], gives: [Grid([7], y).value(.float16)],
        .close(relative: 1e-3, absolute: 1e-5)),
    ]
  }

  private static func integers(_ function: UnaryFunction, _ type: DataType, _ x: [Double], _ y: [Double])
    -> OperatorCase
  {
    OperatorCase(
      "Unary/\(function.text)/\(type.rawValue)", Unary(function), [Grid([x.count], x).value(type)],
      gives: [Grid([y.count], y).value(type)])
  }

  private static let unaryOthers: [OperatorCase] = [
    integers(.relu, .int32, [-3, 0, 5], [0, 0, 5]),
    integers(.abs, .int64, [-3, 0, 5], [3, 0, 5]),
    integers(.abs, .int8, [-128, -1, 127], [-128, 1, 127]),
    integers(.neg, .int32, [-3, 0, 5], [3, 0, -5]),
    integers(.neg, .int8, [-128, 1], [-128, -1]),
    integers(.sign, .int32, [-3, 0, 5], [-1, 0, 1]),
    integers(.bitwiseNot, .uint8, [0, 5, 255], [255, 250, 0]),
    integers(.bitwiseNot, .int32, [0, -1, 5], [-1, 0, -6]),
    integers(.not, .bool, [1, 0, 1], [0, 1, 0]),
    OperatorCase(
      "Unary/isNaN", Unary(.isNaN), [Grid([4], [1, .nan, .infinity, -0.0]).value()],
      gives: [Grid([4], [0, 1, 0, 0]).value(.bool)]),
    OperatorCase(
      "Unary/isInf", Unary(.isInf(detectNegative: true, detectPositive: true)),
      [Grid([4], [1, .nan, .infinity, -.infinity]).value()], gives: [Grid([4], [0, 0, 1, 1]).value(.bool)]),
    OperatorCase(
      "Unary/isInf/positive", Unary(.isInf(detectNegative: false, detectPositive: true)),
      [Grid([3], [1, .infinity, -.infinity]).value(.float16)], gives: [Grid([3], [0, 1, 0]).value(.bool)]),
    OperatorCase(
      "Unary/relu/empty", Unary(.relu), [Grid([2, 0], []).value()], gives: [Grid([2, 0], []).value()]),
    OperatorCase("Unary/relu/scalar", Unary(.relu), [Grid([], [-2]).value()], gives: [Grid([], [0]).value()]),
    OperatorCase(
      "Unary/relu/special", Unary(.relu), [Grid([4], [.nan, -.infinity, .infinity, 1e-40]).value()],
      gives: [Grid([4], [.nan, 0, .infinity, Double(Float(1e-40))]).value()]),
  ]
}
