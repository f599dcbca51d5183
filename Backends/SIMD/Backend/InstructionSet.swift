import Kernels
import SIMDMicrokernels

extension InstructionSet {
  /// The best one of this processor.
  package static var detected: InstructionSet { InstructionSet(rawValue: nt_isa_detected()) ?? .portable }

  /// Those that this build has kernels for and this processor can run.
  package static var available: [InstructionSet] { allCases.filter { nt_kernels_for($0.rawValue) != nil } }
}

/// The micro-kernels of one instruction set. The portable matrix products and convolutions are Swift, all
/// else is C.
///
/// Unchecked: the table is constant and holds functions only. Runs copy this struct: it is a pointer beside a number.
struct Microkernels: @unchecked Sendable {
  let isa: InstructionSet
  private let functions: UnsafePointer<nt_kernels>
  @inline(__always) private var table: nt_kernels { functions.pointee }

  /// Precondition: the processor has `isa`.
  init(_ isa: InstructionSet) {
    guard let table = nt_kernels_for(isa.rawValue) else { preconditionFailure("this processor lacks \(isa)") }
    self.isa = isa
    functions = table
  }

  /// The widest panel in units of 8 columns, which packed weights depend on.
  var panelUnits: Int32 { table.panel_units }
  /// Rows of the tallest register tile.
  var tileRows: Int { Int(table.tile_rows) }

  func panelCount(_ n: Int) -> Int { nt_panel_count(panelUnits, n) }
  /// The first column of a panel of `n` columns, and its width, padding included.
  func panel(_ index: Int, of n: Int) -> (column: Int, width: Int) {
    var column = 0
    var width = 0
    nt_panel(panelUnits, n, index, &column, &width)
    return (column, width)
  }

  func gemm(_ product: UnsafePointer<nt_gemm>, rows: Range<Int>, panels: Range<Int>) {
    if let gemm = table.gemm {
      gemm(product, rows.lowerBound, rows.upperBound, panels.lowerBound, panels.upperBound)
    } else {
      portableProduct(product.pointee, rows: rows, panels: panels, steps: table.steps)
    }
  }

  /// y[panels] = (bias +) the part of x · B over `k`.
  func gemv(
    _ x: UnsafePointer<Float>, _ b: UnsafePointer<Float>, kTotal: Int, k: Range<Int>, n: Int,
    panels: Range<Int>,
    bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
  ) {
    if let gemv = table.gemv {
      gemv(x, b, kTotal, k.lowerBound, k.upperBound, n, panels.lowerBound, panels.upperBound, bias, y)
    } else {
      portableRow(x, b, kTotal: kTotal, k: k, n: n, panels: panels, bias: bias, y)
    }
  }

  /// The sums of the left operand of pairs of rows, where `product` says.
  func strassenSums(_ product: UnsafePointer<nt_strassen>, pairs: Range<Int>) {
    table.strassen_sums(product, pairs.lowerBound, pairs.upperBound)
  }

  /// Pairs of rows × pairs of panels of a product, from sums that are there.
  func strassen(_ product: UnsafePointer<nt_strassen>, pairs: Range<Int>, panels: Range<Int>) {
    table.strassen(product, pairs.lowerBound, pairs.upperBound, panels.lowerBound, panels.upperBound)
  }

  func depthwise(_ window: UnsafePointer<nt_window>, rows: Range<Int>) {
    if let depthwise = table.depthwise {
      depthwise(window, rows.lowerBound, rows.upperBound)
    } else {
      portableDepthwise(window.pointee, rows: rows, steps: table.steps)
    }
  }

  /// The left operands of the products of a tile of F(m×m, 3×3), `step` floats apart.
  func winogradInput(
    _ m: Int, _ tile: UnsafePointer<nt_winograd_tile>, channels: Int, _ v: UnsafeMutablePointer<Float>,
    step: Int
  ) { table.winograd_input(Int32(m), tile, channels, v, step) }

  /// The results of a tile from its products.
  func winogradOutput(
    _ m: Int, _ tile: UnsafePointer<nt_winograd_tile>, columns: Int, _ products: UnsafePointer<Float>,
    step: Int, _ epilogue: UnsafePointer<nt_epilogue>
  ) { table.winograd_output(Int32(m), tile, columns, products, step, epilogue) }

  func maxPool(_ window: UnsafePointer<nt_window>, rows: Range<Int>) {
    table.max_pool(window, rows.lowerBound, rows.upperBound)
  }
  func averagePool(_ window: UnsafePointer<nt_window>, rows: Range<Int>) {
    table.average_pool(window, rows.lowerBound, rows.upperBound)
  }

  func unary(
    _ f: UnaryCode, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int
  ) { table.unary(f.function, f.p0, f.p1, x, y, count) }

  /// Operands whose step is 0 are scalars.
  func binary(
    _ function: Int32, _ a: UnsafePointer<Float>, _ aStep: Int32, _ b: UnsafePointer<Float>, _ bStep: Int32,
    _ y: UnsafeMutablePointer<Float>, count: Int
  ) { table.binary(function, a, aStep, b, bStep, y, count) }

  /// The same over rows of `count` elements; operands whose step is 0 are scalars of their row.
  func binary(
    _ function: Int32, _ a: UnsafePointer<Float>, stride aStride: Int, _ aStep: Int32,
    _ b: UnsafePointer<Float>,
    stride bStride: Int, _ bStep: Int32, _ y: UnsafeMutablePointer<Float>, stride: Int, rows: Int, count: Int
  ) { table.binary_rows(function, a, aStride, aStep, b, bStride, bStep, y, stride, rows, count) }

  func steps(
    _ epilogue: UnsafePointer<nt_epilogue>, _ c: UnsafeMutablePointer<Float>, stride: Int, rows: Range<Int>,
    columns: Range<Int>
  ) { table.steps(epilogue, c, stride, rows.lowerBound, rows.count, columns.lowerBound, columns.count) }

  func softmax(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, count: Int, logarithm: Bool
  ) { table.softmax(x, y, rows, count, logarithm ? 1 : 0) }

  func sum(_ x: UnsafePointer<Float>, count: Int) -> Float { table.sum(x, count) }
  func maximum(_ x: UnsafePointer<Float>, count: Int) -> Float { table.maximum(x, count) }

  func columnSum(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int, scale: Float,
    _ y: UnsafeMutablePointer<Float>
  ) { table.column_sum(x, stride, rows, columns, scale, y) }

  func layerNorm(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, count: Int,
    scale: UnsafePointer<Float>,
    bias: UnsafePointer<Float>?, step: Int32 = 1, epsilon: Float
  ) { table.layer_norm(x, y, rows, count, scale, bias, step, epsilon) }

  func attentionWeights(_ block: UnsafePointer<nt_attention_rows>, rows: Int) {
    table.attention_weights(block, rows)
  }

  func transpose(
    _ x: UnsafePointer<Float>, stride: Int, _ y: UnsafeMutablePointer<Float>, stride yStride: Int, rows: Int,
    columns: Int
  ) { table.transpose(x, stride, y, yStride, rows, columns) }
}
