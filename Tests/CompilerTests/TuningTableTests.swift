import Kernels
import Testing

@testable import Compiler

/// Times of sizes that were never measured follow from those of the nearest that were.
@Suite struct TuningTableTests {
  private func key(_ request: String, kernel: String = "simd.matmul") -> TuningTable.Key {
    TuningTable.Key(request: request, kernel: kernel, version: 1, offer: 0)
  }

  private func work(_ size: Double) -> Work { Work(operations: 2 * size * 512 * 512, bytes: size * 4096) }

  private var table: TuningTable {
    var table = TuningTable()
    table.record(10_000, key("rows 4"), "rows", work(4))
    table.record(900_000, key("rows 400"), "rows", work(400))
    return table
  }

  @Test func nearestSizeServesInProportion() throws {
    let six = try #require(table.nearest(to: key("rows 6"), "rows", work(6)))
    #expect(six > 14_000 && six < 15_500)
    let twice = try #require(table.nearest(to: key("rows 800"), "rows", work(800)))
    #expect(twice > 1_750_000 && twice < 1_850_000)
  }

  @Test func farSizesAndOtherKernelsTellNothing() {
    #expect(table.nearest(to: key("rows 40"), "rows", work(40)) == nil)
    #expect(table.nearest(to: key("rows 6", kernel: "oneDNN.matmul"), "rows", work(6)) == nil)
    #expect(table.nearest(to: key("columns 6"), "columns", work(6)) == nil)
  }

  @Test func measuringIsGrantedLessAndLess() {
    let grant = MeasuringGrant(perPlan: 1_000_000_000)
    var given: [UInt64] = []
    for _ in 0..<20 {
      let next = grant.next()
      given.append(next)
      grant.spend(next)
    }
    #expect(given.prefix(3) == [1_000_000_000, 1_000_000_000, 1_000_000_000])
    #expect(given[3] == 500_000_000)
    #expect(given.last == 0)
    #expect(given.reduce(0, +) <= 4_000_000_000)
    #expect(MeasuringGrant(perPlan: .max).next() == UInt64.max / 2)
    #expect(MeasuringGrant(perPlan: 0).next() == 0)
  }
}
