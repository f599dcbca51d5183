import IR
import Tensors
import Testing

@Suite struct ConstantTests {
  /// Each step uses the one before twice: 2⁴⁰ paths lead down, to 41 constants.
  @Test func lineageNamesEachConstantOnce() throws {
    let type = TensorType(.float32, sizes: [2048])
    var constant = Constant(
      id: ConstantID(of: "source"), try Tensor([Float](repeating: 1, count: 2048), sizes: [2048]))
    for i in 0..<40 {
      constant = try Constant.derived("step \(i)", from: [constant, constant], type: type) { $0[0] }
    }
    #expect(constant.lineage.count == 41)
  }
}
