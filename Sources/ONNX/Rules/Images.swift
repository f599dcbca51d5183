import Operators

extension ImportRules {
  static let images: [ImportRule] = [
    ImportRule("ImageDecoder", since: 20, inputs: 1...1) { n throws(Unsupported.Reason) in
      try n.add(
        ImageDecoder(
          try n.word("pixel_format", default: "RGB", ["RGB": .rgb, "BGR": .bgr, "Grayscale": .grayscale])))
    }
  ]
}
