import Host
import Measurement
import Needletail
import RecordedData
import Testing

@Suite struct PassContributionTests {
  private func contributions(_ backend: BackendChoice) throws -> PassContributions {
    let model = try Model(contentsOf: Folders.bundled + "/mnist_cnn_bn/mnist_cnn_bn.onnx")
    var limits = MeasurementLimits(
      minimumRuns: 7, minimumSeconds: 0, maximumSeconds: 0.5, turnSeconds: 0.0001)
    limits.patience = 1
    return try .measure(
      model, CompileOptions(), backend, batch: 2, inputs: InputMaker(), threads: 1, limits: limits)
  }

  @Test func eachPassIsLeftOutAlone() throws {
    let found = try contributions(.simd)
    #expect(found.entries.map(\.pass).contains("epilogues"))
    #expect(found.entries.last?.pass == CompileOptions.layoutChoice)
    for entry in found.entries {
      if entry.pass == "normal-forms" {
        #expect(entry.refusal != nil && entry.earned == nil, "other passes stand on normal forms")
        continue
      }
      #expect(entry.refusal == nil && entry.earned != nil, "\(entry.pass): \(entry.refusal ?? "")")
      #expect(entry.worstAbsolute <= 1e-4 * entry.scale, "\(entry.pass) changes what the model means")
    }
    let epilogues = try #require(found.entries.first { $0.pass == "epilogues" })
    #expect(epilogues.nodeCount > found.nodeCount, "activations are nodes of their own without it")
  }

  @Test func leavingOutLayoutsKeepsTheFilesOrder() throws {
    let found = try contributions(.onednn)
    let layouts = try #require(found.entries.last)
    #expect(layouts.nodeCount == found.nodeCount, "the graph is the same")
    #expect(layouts.worstAbsolute <= 1e-4 * layouts.scale)
  }
}
