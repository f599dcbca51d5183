import Foundation
import Needletail
import RecordedData
import Testing

/// The two pretrained image classifiers name what is on real photos.
@Suite struct PhotoTests {
  struct Class: Decodable, Sendable {
    var index: Int
    var label: String
    var score: Double
  }

  /// Photos whose best class is not clear: their scores count, not the names.
  static let ambiguous: Set<String> = ["cat_snow", "face", "bridge"]

  static let expected: [String: [String: [Class]]] = {
    guard let shared = Folders.shared else { return [:] }
    let bytes = Folders.contents(of: shared + "/images/expected_top5.json")
    // A file that cannot be read fails the test below: every photo would be missing.
    return (try? JSONDecoder().decode([String: [String: [Class]]].self, from: Data(bytes))) ?? [:]
  }()

  @Test(.enabled(if: Folders.shared != nil), arguments: Classifier.all)
  func namesThePhotos(_ classifier: Classifier) throws {
    let folder = try #require(Folders.shared)
    let model = try Model(contentsOf: "\(folder)/models/\(classifier.name)/model.onnx")
    let compiled = try model.compile(CompileOptions(tuningSeconds: 0.3))
    let input = try #require(model.inputs.first?.name)
    let output = try #require(model.outputs.first?.name)
    #expect(Self.expected.count >= 10)
    for backend in Backends.shared.available where backend != .naive {
      let request = try compiled.makeRequest(backend: backend, threads: 2)
      for photo in Self.expected.keys.sorted() {
        let best = try #require(Self.expected[photo]?[classifier.name])
        let picture = try #require(Picture(ppm: "\(folder)/images/\(classifier.crop)/\(photo).ppm"))
        let scores = try #require(try request.run([input: classifier.tensor(picture)])[output]).floats()
        if !Self.ambiguous.contains(photo) {
          let top = scores.indices.max { scores[$0] < scores[$1] }
          #expect(top == best[0].index, "\(photo) on \(backend.rawValue) is a \(best[0].label)")
        }
        for expected in best {
          let score = Double(scores[expected.index])
          #expect(abs(score - expected.score) < 1e-3, "\(expected.label) in \(photo) on \(backend.rawValue)")
        }
      }
    }
  }

  /// How a network wants its photos.
  struct Classifier: Sendable, CustomTestStringConvertible {
    var name: String
    var crop: String
    /// Of channel `c` (0 is red) of a pixel.
    var value: @Sendable (Float, _ channel: Int) -> Float
    /// The order in which channels are stored.
    var channels: [Int]
    var testDescription: String { name }

    static let all = [
      Classifier(
        name: "squeezenet_v1.0", crop: "crop227", value: { $0 - [123, 117, 104][$1] }, channels: [2, 1, 0]),
      Classifier(
        name: "mobilenet_v2_1.0_224_float", crop: "crop224", value: { x, _ in x / 127.5 - 1 },
        channels: [0, 1, 2]),
    ]

    func tensor(_ picture: Picture) throws -> Tensor {
      var planes: [Float] = []
      for channel in channels {
        for i in 0..<picture.width * picture.height {
          planes.append(value(Float(picture.pixels[3 * i + channel]), channel))
        }
      }
      return try Tensor(planes, sizes: [1, 3, picture.height, picture.width])
    }
  }
}

/// A binary PPM (P6) of 8 bits per channel.
struct Picture {
  var width, height: Int
  var pixels: [UInt8]

  init?(ppm path: String) {
    let bytes = Folders.contents(of: path)
    var fields: [Int] = []
    var position = 2
    guard bytes.starts(with: Array("P6".utf8)) else { return nil }
    while fields.count < 3, position < bytes.count {
      while position < bytes.count, bytes[position] <= 32 { position += 1 }
      var number = 0
      while position < bytes.count, (48...57).contains(bytes[position]), number < 1 << 20 {
        number = number * 10 + Int(bytes[position]) - 48
        position += 1
      }
      fields.append(number)
    }
    guard fields.count == 3, fields[2] == 255, bytes.count - position - 1 == 3 * fields[0] * fields[1] else {
      return nil
    }
    (width, height) = (fields[0], fields[1])
    pixels = Array(bytes[(position + 1)...])
  }
}
