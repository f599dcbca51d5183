import Glibc
import Tensors
import Testing

@testable import ONNX

@Suite struct SharedModelTests {
  @Test(arguments: SharedModels.all)
  func everyModelParses(path: String) throws {
    let model = try ModelProto(MappedFile(path: path))
    #expect(model.graph != nil)
    #expect(!model.operatorSets.isEmpty)
  }

  @Test(arguments: SharedModels.supported)
  func everyInitializerDecodes(path: String) throws {
    for copy in [false, true] {
      let file = try MappedFile(path: path, copy: copy)
      let model = try ModelProto(file)
      let reader = TensorReader(file, externalDataOf: path, policy: ExternalDataPolicy(), copy: copy)
      for proto in model.graph?.initializers ?? [] {
        let tensor = try reader.tensor(proto)
        #expect(tensor.sizes.map { Int64($0) } == proto.sizes)
      }
    }
  }

  @Test func recordedTensorsAreRead() throws {
    guard let path = SharedModels.path("mnist_mlp") else { return }
    let folder = String(path.dropLast("model.onnx".count)) + "test_data_set_0/"
    let input = try #require(try TensorFile.read(folder + "input_0.pb").tensor)
    #expect(input.dataType == .float32)
    #expect(input.sizes.dropFirst() == [1, 28, 28])
  }
}
