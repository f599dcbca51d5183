import Measurement
import Needletail
import TestSupport
import Testing

@Suite struct ModelTestTests {
  private let runner = ModelTestRunner(
    backends: [.naive, .simd], optimizations: Optimization.allCases, tolerance: Tolerance())

  /// `y = relu(x + bias)` of 1, 2, 3, 4.
  private func folder(_ name: String, expecting outputs: [Float], operatorName: String = "Relu")
    -> TemporaryFolder
  {
    let folder = TemporaryFolder()
    folder.write("\(name)/model.onnx", TinyModel.bytes(operatorName: operatorName))
    folder.write("\(name)/test_data_set_0/input_0.pb", TinyModel.tensor([1, 2, 3, 4], sizes: [1, 4]))
    folder.write("\(name)/test_data_set_0/output_0.pb", TinyModel.tensor(outputs, sizes: [1, outputs.count]))
    return folder
  }

  private func result(_ folder: TemporaryFolder) throws -> ModelTestResult {
    let cases = ModelTestCase.find(below: folder.path)
    try #require(cases.count == 1)
    return runner.run(cases[0])
  }

  @Test func rightAnswersPass() throws {
    #expect(try result(folder("a", expecting: [2, 0, 6, 0])) == .passed)
  }

  @Test func wrongAnswersFailWithTheElement() throws {
    let found = try result(folder("a", expecting: [2, 0, 6.1, 0]))
    #expect(found.name == "failed")
    #expect(found.reason.contains("test_data_set_0: output 'y': element 2: expected 6.1"), "\(found.reason)")
  }

  @Test func otherShapesFail() throws {
    #expect(try result(folder("a", expecting: [2, 0, 6])).name == "failed")
  }

  @Test func aCaseMayHaveItsOwnTolerance() throws {
    let folder = folder("a", expecting: [2, 0, 6.1, 0])
    var test = try #require(ModelTestCase.find(below: folder.path).first)
    test.tolerance = Tolerance(absolute: 0.2)
    #expect(runner.run(test) == .passed)
  }

  @Test func stateIsCarriedFromSetToSet() throws {
    let folder = folder("a", expecting: [2, 0, 6, 0])
    // Its own input would lead elsewhere.
    folder.write("a/test_data_set_1/input_0.pb", TinyModel.tensor([9, 9, 9, 9], sizes: [1, 4]))
    folder.write("a/test_data_set_1/output_0.pb", TinyModel.tensor([3, 0, 9, 0], sizes: [1, 4]))
    var test = try #require(ModelTestCase.find(below: folder.path).first)
    #expect(runner.run(test).name == "failed")
    test.carried = ["y": "x"]
    #expect(runner.run(test) == .passed)
    test.carried = ["y": "state"]
    #expect(runner.run(test).reason.contains("'state'"))
  }

  @Test func outcomesNameOperators() throws {
    let right = folder("a", expecting: [2, 0, 6, 0])
    let unknown = folder("a", expecting: [2, 0, 6, 0], operatorName: "NoSuchOperator")
    for (folder, operators) in [(right, ["Add", "Relu"]), (unknown, ["NoSuchOperator"])] {
      let test = try #require(ModelTestCase.find(below: folder.path).first)
      #expect(runner.outcome(of: test).operators == operators)
    }
  }

  @Test func unknownOperatorsAreRefused() throws {
    let found = try result(folder("a", expecting: [2, 0, 6, 0], operatorName: "NoSuchOperator"))
    #expect(found.name == "refused")
    #expect(found.reason.contains("NoSuchOperator"), "\(found.reason)")
  }

  @Test func damagedFilesAreRefused() throws {
    let folder = folder("a", expecting: [2, 0, 6, 0])
    folder.write("a/model.onnx", Array(TinyModel.bytes().dropLast(20)))
    #expect(try result(folder).name == "refused")
  }

  @Test func casesAreFoundByName() {
    let folder = folder("b/deep", expecting: [])
    folder.write("a/one.onnx", [0])
    folder.write("a/two.onnx", [0])
    folder.write("a/test_data_set_10/output_0.pb", [0])
    folder.write("a/test_data_set_2/output_0.pb", [0])
    folder.write("no-data/model.onnx", [0])
    let cases = ModelTestCase.find(below: folder.path)
    #expect(cases.map(\.name) == ["a/one", "a/two", "b/deep"])
    #expect(cases[0].sets.map(\.name) == ["test_data_set_2", "test_data_set_10"])
  }
}

@Suite struct InputMakerTests {
  private func model() throws -> (Model, TemporaryFolder) {
    let folder = TemporaryFolder()
    return (try Model(contentsOf: folder.write("tiny.onnx", TinyModel.bytes())), folder)
  }

  @Test func theBatchBindsTheFirstSize() throws {
    let (model, folder) = try model()
    defer { withExtendedLifetime(folder) {} }
    #expect(model.batchSymbols == ["N"])
    let maker = InputMaker(batch: 3)
    #expect(try maker.tensor(for: model.inputs[0], in: model, .random).sizes == [3, 4])
    let named = InputMaker(sizes: ["N": 5])
    #expect(try named.tensor(for: model.inputs[0], in: model, .random).sizes == [5, 4])
  }

  @Test func randomInputsDependOnTheSeedAlone() throws {
    let (model, folder) = try model()
    defer { withExtendedLifetime(folder) {} }
    func elements(_ seed: UInt64) throws -> [Float] {
      try InputMaker(seed: seed).tensor(for: model.inputs[0], in: model, .random).elements(of: Float.self)
    }
    #expect(try elements(1) == elements(1))
    #expect(try elements(1) != elements(2))
    #expect(try elements(3).allSatisfy { $0 >= -1 && $0 < 1 })
  }

  @Test func comparisonFindsNoDifference() throws {
    let (model, folder) = try model()
    defer { withExtendedLifetime(folder) {} }
    let comparison = try ModelComparison(
      model, limits: MeasurementLimits(minimumRuns: 6, minimumSeconds: 0.001, maximumSeconds: 1), threads: 1,
      tolerance: Tolerance(), inputs: InputMaker())
    let cell = try comparison.cell(.simd, batch: 2)
    #expect(cell.rows.map(\.variant) == [.original, .folded, .optimized])
    for row in cell.rows {
      #expect(row.numerics.isWithin)
      #expect(row.numerics.itemCount == 2)
      #expect(row.series.times.count >= 6)
    }
    #expect(cell.rows[0].speedup == nil)
    #expect(cell.rows[2].speedup != nil)
  }
}

@Suite struct LabelledImagesTests {
  private func idx(_ sizes: [Int], _ bytes: [UInt8]) -> [UInt8] {
    var file: [UInt8] = [0, 0, 8, UInt8(sizes.count)]
    for size in sizes {
      for shift in [24, 16, 8, 0] { file.append(UInt8(truncatingIfNeeded: size >> shift)) }
    }
    return file + bytes
  }

  @Test func picturesAreScaled() throws {
    let folder = TemporaryFolder()
    let images = folder.write("images", idx([2, 1, 2], [0, 51, 102, 255]))
    let labels = folder.write("labels", idx([2], [7, 3]))
    let data = try LabelledImages(images: images, labels: labels)
    #expect(data.labels == [7, 3])
    #expect(data.pixelCount == 2)
    let batch = try data.batch(1..<2, scale: 1.0 / 255, dataType: .float32, sizes: [1, 2])
    #expect(try batch.elements(of: Float.self) == [0.4, 1])
  }

  @Test func otherFilesAreRefusedWithAHint() throws {
    let folder = TemporaryFolder()
    for bytes in [
      [], [1], [0x1F, 0x8B, 8, 0], [0, 0, 8, 3, 0, 0], idx([3], [1, 2]), idx([1 << 31, 1 << 31], []),
    ] {
      let path = folder.write("file", bytes)
      #expect(throws: EngineError.self) { try IDXFile.read(path) }
    }
    #expect(throws: EngineError.self) {
      try LabelledImages(
        images: folder.write("labels", idx([2], [1, 2])), labels: folder.write("images", idx([1, 1, 1], [1])))
    }
  }
}
