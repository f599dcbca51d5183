/// What a file of an image says of itself, as far as a decoder would trust it: read here first, with checked bounds.
///
/// nil stands for formats that ONNX does not name, for headers that end early, and for forms that decoders take too much
/// time or memory for: a JPEG of more than a hundred scans, old JPEG within TIFF, tiles larger than the image may be.
struct ImageHeader {
  /// 0 where the decoder's own look at the header says all.
  private(set) var pixelCount = 0.0

  private static let scanLimit = 100
  private static let componentLimit = 4

  init?(_ file: UnsafeRawBufferPointer) {
    func starts(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
      offset + bytes.count <= file.count && bytes.indices.allSatisfy { file[offset + $0] == bytes[$0] }
    }
    func text(_ word: String) -> [UInt8] { Array(word.utf8) }
    if starts([0xFF, 0xD8, 0xFF]) {
      // In coded data 0xFF is followed by 0, so these are the scans and what looks like them in other segments.
      var scans = 0
      for i in 1..<file.count where file[i] == 0xDA && file[i - 1] == 0xFF { scans += 1 }
      if scans > Self.scanLimit { return nil }
    } else if starts([0x89] + text("PNG\r\n") + [0x1A, 0x0A]) || starts(text("BM"))
      || (starts(text("RIFF")) && starts(text("WEBP"), at: 8))
    {
      return
    } else if starts(text("P")), (UInt8(ascii: "1")...UInt8(ascii: "7")).contains(file[1]) {
      return
    } else if starts(text("II*\0")) || starts(text("MM\0*")) {
      guard let count = Self.tiff(Reader(file, isLittle: file[0] == UInt8(ascii: "I"))) else { return nil }
      pixelCount = count
    } else if starts([0, 0, 0, 12] + text("jP  \r\n") + [0x87, 0x0A]) {
      guard let count = Self.jpeg2000(Reader(file, isLittle: false)) else { return nil }
      pixelCount = count
    } else {
      return nil
    }
  }

  /// Numbers within the file; nil beyond its end.
  private struct Reader {
    let file: UnsafeRawBufferPointer
    let isLittle: Bool

    init(_ file: UnsafeRawBufferPointer, isLittle: Bool) {
      self.file = file
      self.isLittle = isLittle
    }

    func number(_ offset: Int, _ width: Int) -> Int? {
      guard offset >= 0, offset <= file.count - width else { return nil }
      var value = 0
      for i in 0..<width { value = value << 8 | Int(file[offset + (isLittle ? width - 1 - i : i)]) }
      return value
    }
  }

  /// The pixels of the first directory, or of one tile if that is more.
  private static func tiff(_ reader: Reader) -> Double? {
    guard let start = reader.number(4, 4), let count = reader.number(start, 2) else { return nil }
    var fields: [Int: Int] = [:]
    for i in 0..<count {
      let entry = start + 2 + 12 * i
      guard let tag = reader.number(entry, 2), let kind = reader.number(entry + 2, 2),
        let value = reader.number(entry + 8, kind == 3 ? 2 : 4)
      else { return nil }
      // A decoder takes the first or the last of two: both must do.
      fields[tag] = max(fields[tag] ?? 0, value)
    }
    let coders: Set<Int> = [1, 2, 3, 4, 5, 7, 8, 32773, 32946]
    guard let width = fields[256], let height = fields[257], coders.contains(fields[259] ?? 1),
      (fields[277] ?? 1) <= componentLimit
    else { return nil }
    let image = Double(width) * Double(height)
    return max(image, Double(fields[322] ?? 0) * Double(fields[323] ?? 0))
  }

  /// The pixels of all components, from the first codestream.
  private static func jpeg2000(_ reader: Reader) -> Double? {
    var offset = 0
    while let size = reader.number(offset, 4), let kind = reader.number(offset + 4, 4) {
      if kind == 0x6A70_3263 {
        // SOC and SIZ: capabilities, then the far and the near corner of the image.
        let siz = offset + 8
        guard reader.number(siz, 4) == 0xFF4F_FF51, let right = reader.number(siz + 8, 4),
          let bottom = reader.number(siz + 12, 4), let left = reader.number(siz + 16, 4),
          let top = reader.number(siz + 20, 4), let tileWidth = reader.number(siz + 24, 4),
          let tileHeight = reader.number(siz + 28, 4), let components = reader.number(siz + 40, 2),
          right > left, bottom > top, tileWidth > 0, tileHeight > 0, 1...componentLimit ~= components
        else { return nil }
        // No more tiles than pixels in rows of 32: each has tables of its own.
        let (width, height) = (Double(right - left), Double(bottom - top))
        let tiles = (Double(right) / Double(tileWidth) + 1) * (Double(bottom) / Double(tileHeight) + 1)
        return tiles > 4096 ? nil : width * height
      }
      // Sizes of more than 32 bits, and boxes to the end of the file, come before no codestream that can be read.
      if size < 8 { return nil }
      offset += size
    }
    return nil
  }
}
