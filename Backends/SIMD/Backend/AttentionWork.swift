import Kernels
import Operators
import SIMDMicrokernels

/// Some blocks of queries, in the order of items, heads and rows.
struct AttentionWork: ParallelWork {
  let kernel: AttentionKernel
  let query, key, value: UnsafePointer<Float>
  let mask: UnsafeRawPointer?
  let pastKey, pastValue: UnsafePointer<Float>?
  /// Keys of each item.
  let valid: UnsafePointer<Int64>?
  let output: UnsafeMutablePointer<Float>
  let presentKey, presentValue: UnsafeMutablePointer<Float>?
  let scratch: UnsafeMutablePointer<Float>

  private var g: AttentionGeometry { kernel.geometry }

  func run(chunk: Int) {
    let keys = scratch + chunk * kernel.partCount
    let values = keys + kernel.packedKeyCount
    let scores = values + kernel.packedValueCount
    let blocksOfGroup = g.sharing * kernel.blocks
    var packed = -1
    for block in part(chunk, of: kernel.parts, in: g.batch * g.queryHeads * kernel.blocks) {
      let group = block / blocksOfGroup
      if group != packed {
        pack(group / g.keyHeads, group % g.keyHeads, keys, values, keeps: block % blocksOfGroup == 0)
        packed = group
      }
      let head = block / kernel.blocks
      attend(
        head / g.queryHeads, head % g.queryHeads,
        part(block % kernel.blocks, of: kernel.blocks, in: g.queries),
        keys, values, scores)
    }
  }

  // MARK: Keys and values

  /// Lays a head out as right operands. `keeps`: and writes it to the present keys and values that are wanted.
  private func pack(
    _ item: Int, _ head: Int, _ keys: UnsafeMutablePointer<Float>, _ values: UnsafeMutablePointer<Float>,
    keeps: Bool
  ) {
    let group = item * g.keyHeads + head
    let keySteps = g.strides(heads: g.keyHeads, rows: g.incoming, size: g.headSize)
    let valueSteps = g.strides(heads: g.keyHeads, rows: g.incoming, size: g.valueSize)
    let newKeys = key + item * keySteps.batch + head * keySteps.head
    let newValues = value + item * valueSteps.batch + head * valueSteps.head
    if let pastKey, let pastValue {
      let rows = group * g.past
      packKeys(pastKey + rows * g.headSize, step: g.headSize, 0..<g.past, keys)
      packValues(pastValue + rows * g.valueSize, step: g.valueSize, 0..<g.past, values)
    }
    packKeys(newKeys, step: keySteps.row, g.past..<g.keys, keys)
    clearPadding(keys)
    packValues(newValues, step: valueSteps.row, g.past..<g.keys, values)
    guard keeps else { return }
    if let presentKey {
      let to = presentKey + group * g.keys * g.headSize
      copy(pastKey.map { $0 + group * g.past * g.headSize }, newKeys, step: keySteps.row, g.headSize, to)
    }
    if let presentValue {
      let to = presentValue + group * g.keys * g.valueSize
      copy(
        pastValue.map { $0 + group * g.past * g.valueSize }, newValues, step: valueSteps.row, g.valueSize, to)
    }
  }

  /// Rows of keys become the columns `columns` of the packed operand.
  private func packKeys(
    _ source: UnsafePointer<Float>, step: Int, _ columns: Swift.Range<Int>,
    _ packed: UnsafeMutablePointer<Float>
  ) {
    for panel in 0..<kernel.kernels.panelCount(g.keys) {
      let (column, width) = kernel.kernels.panel(panel, of: g.keys)
      let part = columns.clamped(to: column..<column + width)
      if part.isEmpty { continue }
      kernel.kernels.transpose(
        source + (part.lowerBound - columns.lowerBound) * step, stride: step,
        packed + column * g.headSize + part.lowerBound - column, stride: width, rows: part.count,
        columns: g.headSize)
    }
  }

  /// Columns that are no keys are multiplied too: whatever bits lie there, they should not be slow numbers.
  private func clearPadding(_ packed: UnsafeMutablePointer<Float>) {
    let (column, width) = kernel.kernels.panel(kernel.kernels.panelCount(g.keys) - 1, of: g.keys)
    let count = g.keys - column
    if count == width { return }
    for d in 0..<g.headSize {
      (packed + column * g.headSize + d * width + count).update(repeating: 0, count: width - count)
    }
  }

  /// Rows of values become the rows `rows` of the packed operand.
  private func packValues(
    _ source: UnsafePointer<Float>, step: Int, _ rows: Swift.Range<Int>, _ packed: UnsafeMutablePointer<Float>
  ) {
    nt_pack(
      kernel.kernels.panelUnits, source, step, 1, g.keys, rows.lowerBound, rows.count, g.valueSize, packed)
  }

  private func copy(
    _ past: UnsafePointer<Float>?, _ incoming: UnsafePointer<Float>, step: Int, _ size: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    if let past { target.update(from: past, count: g.past * size) }
    for i in 0..<g.incoming { (target + (g.past + i) * size).update(from: incoming + i * step, count: size) }
  }

  // MARK: Queries

  /// Keys that a query may see, of which those of the next query begin and end one later where the steps are 1.
  private struct Window {
    var begin, end: Int
    var beginStep = 0
    var endStep = 0

    func begin(_ row: Int) -> Int { begin + row * beginStep }
    func end(_ row: Int) -> Int { end + row * endStep }
  }

  /// Of the first query of a block, and the keys there are at all.
  private func window(_ item: Int, row: Int) -> (Window, limit: Int) {
    // Larger than any number of rows, and far from overflow.
    let far = 1 << 48
    let count = valid.map { Int(max(-Int64(far), min(Int64(far), $0[item]))) }
    let position = row + (count.map { $0 - g.queries } ?? g.past)
    let limit = max(0, min(count ?? g.keys, g.keys, kernel.mask?.columns ?? g.keys))
    var window = Window(begin: 0, end: limit)
    if let before = kernel.op.leftWindow {
      window.begin = position - min(before, far)
      window.beginStep = 1
    }
    let after = kernel.op.rightWindow.map { min($0, far) }
    if let after = kernel.op.isCausal ? min(after ?? 0, 0) : after {
      window.end = position + after + 1
      window.endStep = 1
    }
    return (window, limit)
  }

  private func attend(
    _ item: Int, _ head: Int, _ rows: Swift.Range<Int>, _ keys: UnsafePointer<Float>,
    _ values: UnsafePointer<Float>,
    _ scores: UnsafeMutablePointer<Float>
  ) {
    let from = g.strides(heads: g.queryHeads, rows: g.queries, size: g.headSize)
    let to = g.strides(heads: g.queryHeads, rows: g.queries, size: g.valueSize)
    let result = output + item * to.batch + head * to.head + rows.lowerBound * to.row
    let (window, limit) = window(item, row: rows.lowerBound)
    let first = max(0, min(window.begin(0), limit))
    let last = max(first, min(window.end(rows.count - 1), limit))
    if first == last {
      for row in 0..<rows.count { (result + row * to.row).update(repeating: 0, count: g.valueSize) }
      return
    }
    let factors = scores + kernel.blockRows * kernel.scoreStride
    withProduct(
      of: query + item * from.batch + head * from.head + rows.lowerBound * from.row, stride: from.row,
      rows: rows.count,
      k: g.headSize, packed: keys, n: g.keys, into: scores, stride: kernel.scoreStride
    ) { product in
      kernel.kernels.gemm(&product, rows: 0..<rows.count, panels: panels(holding: first..<last))

      weigh(item, head, rows, window, first..<last, scores, factors)

      var step = nt_step()
      step.binary = 1
      step.function = Int32(NT_MUL)
      step.operand = UnsafePointer(factors)
      step.row_stride = 1
      product.a = UnsafePointer(scores) + first
      product.a_x = kernel.scoreStride
      product.segment_length = last - first
      product.c_stride = to.row
      product.epilogue.step_count = 1
      product.epilogue.rows_per_image = rows.count
      withUnsafePointer(to: step) { step in
        product.epilogue.steps = step
        for panel in 0..<kernel.kernels.panelCount(g.valueSize) {
          let (column, width) = kernel.kernels.panel(panel, of: g.valueSize)
          product.b = values + column * g.keys + first * width
          product.n = min(width, g.valueSize - column)
          product.c = result + column
          kernel.kernels.gemm(&product, rows: 0..<rows.count, panels: 0..<1)
        }
      }
    }
  }

  private func panels(holding columns: Swift.Range<Int>) -> Swift.Range<Int> {
    var begin = 0
    var end = kernel.kernels.panelCount(g.keys)
    while begin + 1 < end, kernel.kernels.panel(begin + 1, of: g.keys).column <= columns.lowerBound {
      begin += 1
    }
    while end - 1 > begin, kernel.kernels.panel(end - 1, of: g.keys).column >= columns.upperBound { end -= 1 }
    return begin..<end
  }

  private func weigh(
    _ item: Int, _ head: Int, _ rows: Swift.Range<Int>, _ window: Window, _ columns: Swift.Range<Int>,
    _ scores: UnsafeMutablePointer<Float>, _ factors: UnsafeMutablePointer<Float>
  ) {
    var block = nt_attention_rows()
    block.scores = scores
    block.stride = kernel.scoreStride
    block.first = columns.lowerBound
    block.last = columns.upperBound
    block.begin = window.begin
    block.end = window.end
    block.begin_step = window.beginStep
    block.end_step = window.endStep
    if let shape = kernel.mask, let mask {
      let start = item * shape.batch + head * shape.head + rows.lowerBound * shape.row
      if shape.isFlags {
        block.flags = mask.assumingMemoryBound(to: UInt8.self) + start
      } else {
        block.addends = mask.assumingMemoryBound(to: Float.self) + start
      }
      block.mask_stride = shape.row
    }
    block.scale = kernel.scale
    block.cap = max(0, kernel.op.softcap.float)
    block.factors = factors
    kernel.kernels.attentionWeights(&block, rows: rows.count)
  }
}
