import Foundation
import IR
import Kernels
import Operators
import Tensors
import TestSupport
import Testing

@testable import NaiveKernels

/// Images that are decoded where a library is there; hostile ones, which must not get that far.
@Suite(.enabled(if: ImageLibrary.problem == nil)) struct ImageDecoderTests {
  private func decode(_ bytes: [UInt8], _ format: ImageDecoder.PixelFormat = .rgb) throws -> Tensor {
    let file = try Tensor(bytes, sizes: [bytes.count])
    let results = try evaluate(ImageDecoder(format), [.tensor(file)], wanted: [true])
    return try #require(results[0]?.tensor)
  }

  /// Two rows of three pixels.
  private static let pixels: [UInt8] = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30, 255, 255, 255, 0, 0, 0]
  private static let pnm = Array("P6\n3 2\n255\n".utf8) + pixels

  private static func little(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// Rows from the last to the first, blue first, each filled up to a multiple of 4 bytes.
  private static func bmp(width: Int = 3, height: Int = 2) -> [UInt8] {
    var bytes = Array("BM".utf8) + little(78, 4) + little(0, 4) + little(54, 4) + little(40, 4)
    bytes +=
      little(width, 4) + little(height, 4) + little(1, 2) + little(24, 2) + little(0, 4) + little(24, 4)
    bytes += [UInt8](repeating: 0, count: 16)
    for row in [1, 0] {
      for x in 0..<3 { bytes += pixels[9 * row + 3 * x..<9 * row + 3 * x + 3].reversed() }
      bytes += [0, 0, 0]
    }
    return bytes
  }

  /// One strip without compression; `more` are entries (tag, value) of the directory.
  private static func tiff(width: Int = 3, height: Int = 2, more: [(Int, Int)] = []) -> [UInt8] {
    let fields =
      [
        (256, width), (257, height), (258, 8), (259, 1), (262, 2), (273, 8), (277, 3), (278, 2), (279, 18),
        (284, 1),
      ]
      + more
    var bytes = Array("II*\0".utf8) + little(8 + 18, 4) + pixels + little(fields.count, 2)
    for (tag, value) in fields.sorted(by: { $0.0 < $1.0 }) {
      bytes += little(tag, 2) + little(4, 2) + little(1, 4) + little(value, 4)
    }
    return bytes + little(0, 4)
  }

  private static func jpeg2000(right: Int, bottom: Int, tile: Int, components: Int = 3) -> [UInt8] {
    func big(_ value: Int, _ width: Int) -> [UInt8] { little(value, width).reversed() }
    var siz =
      big(0xFF4F_FF51, 4) + big(38 + 3 * components, 2) + big(0, 2) + big(right, 4) + big(bottom, 4)
      + big(0, 8)
    siz += big(tile, 4) + big(tile, 4) + big(0, 8) + big(components, 2)
    for _ in 0..<components { siz += [7, 1, 1] }
    var bytes = big(12, 4) + Array("jP  \r\n".utf8) + [0x87, 0x0A]
    bytes += big(20, 4) + Array("ftypjp2 ".utf8) + big(0, 4) + Array("jp2 ".utf8)
    bytes += big(45, 4) + Array("jp2h".utf8) + big(22, 4) + Array("ihdr".utf8) + big(8, 4) + big(8, 4)
    bytes += big(components, 2) + [7, 7, 0, 0] + big(15, 4) + Array("colr".utf8) + [1, 0, 0] + big(16, 4)
    return bytes + big(0, 4) + Array("jp2c".utf8) + siz + [UInt8](repeating: 0, count: 64)
  }

  /// 10 × 8 pixels of 25 x, 31 y and 3 x y (of 256), as Pillow writes them.
  private static let coded: [(name: String, text: String)] = [
    (
      "JPEG",
      """
      /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQ\
      ERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU\
      FBQUFBQUFBQUFBQUFBT/wAARCAAIAAoDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
      AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
      Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
      x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
      AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
      OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
      xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDyT4Yfsnef5P8Aoeen8Ne+w/sfZhT/AEH+\
      Efw0UV+WZZUlmFL2uI1Z2+HvGudQyxJVe39bn//Z
      """
    ),
    (
      "PNG",
      """
      iVBORw0KGgoAAAANSUhEUgAAAAoAAAAICAIAAABPmPnhAAAAM0lEQVR4nGNkYGCQxI1YGOQZGBiYcSG4NBtWhCzNiYnQpHnQ\
      EKY0PzLCKi0ER7ikRSEIAPj9BCTiLkp2AAAAAElFTkSuQmCC
      """
    ),
    (
      "WEBP",
      """
      UklGRlYAAABXRUJQVlA4TEoAAAAvCcABAM2VIaL/sYsoeP8DBNk2Nbm/5+fARJIkRRWrmPn/Pzt1iu+8gCQJ/D+yJzEByKrH\
      oII/Bh9egQOpwI5QYAOaAPATFDhRAA==
      """
    ),
    (
      "JPEG2000",
      """
      AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAACAAAAAoAAwcHAAAAAAAPY29scgEA\
      AAAAABAAAAD4anAyY/9P/1EALwAAAAAACgAAAAgAAAAAAAAAAAAAAAoAAAAIAAAAAAAAAAAAAwcBAQcBAQcBAf9SAAwAAAAB\
      AAMEBAAB/1wADUBASEhQSEhQSEhQ/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAAAdwAB\
      /5PfgBgFsR/H1AYIUU/PtAwIE2/AOggJp+AGAnNVwBDH2gUAIQcLPwfAOhAOA6PtBQALO5qX78A6FD6gWAEQEEMTtoR3Twt/\
      wfOEACc5uAag+cGAA4FDwfOEg+cLAHQgKYF26CP9hBUXKX//2Q==
      """
    ),
    (
      "TIFF",
      """
      SUkqAAgBAACAACBBmBDKBEuBGSBH2BJaBK+BMiBOGBAAPgAMh8BjIPgYlh8EmQPgw+h8HpYPhJXh8KsgPhhwh8NgAfRgfAYZ\
      D4GEsfBIyD4MH0fB5LD4SK8fCpkD4YOEfDYAF2MF0EjIuhIll0NmQuiQ+l0WpYujZXl0fsgukhwl0ogA+Rg+AwZHwMEs+CQy\
      HwYH0+DxLHwkK8+FRkHwwOE+GwAJuMJsHjJNh4lpsWmRNjw+pslpZNlpXps0shNnhwptDgBdRhdBIZLoSEtdDYyLokH1dFpL\
      Lo2K9dH5kLpIOFdKIANmMNkKjJsioltkfmRslQ+tk0pZsn5XtlJshsqhwtlewEAACgAAAQMAAQAAAAoAAAABAQMAAQAAAAgA\
      AAACAQMAAwAAAIYBAAADAQMAAQAAAAUAAAAGAQMAAQAAAAIAAAARAQQAAQAAAAgAAAAVAQMAAQAAAAMAAAAWAQMAAQAAAAgA\
      AAAXAQQAAQAAAP8AAAAcAQMAAQAAAAEAAAAAAAAACAAIAAgA
      """
    ),
  ]

  private static func bytes(_ text: String) -> [UInt8] { Data(base64Encoded: text).map { [UInt8]($0) } ?? [] }

  @Test func codedFormats() throws {
    var expected: [UInt8] = []
    for y in 0..<8 {
      for x in 0..<10 { expected += [UInt8(25 * x), UInt8(31 * y), UInt8(3 * x * y % 256)] }
    }
    for (name, text) in Self.coded {
      let y = try decode(Self.bytes(text))
      #expect(y.sizes == [8, 10, 3], "\(name)")
      let found = try y.elements(of: UInt8.self)
      if name == "JPEG" {
        // What libjpeg's exact transform and fancy upsampling give.
        var sum = 0
        for (i, value) in found.enumerated() { sum += Int(value) * (i % 7 + 1) }
        #expect(sum == 86112)
      } else {
        #expect(found == expected, "\(name)")
      }
    }
  }

  @Test func formatsOfPixels() throws {
    for file in [Self.pnm, Self.bmp(), Self.tiff()] {
      let rgb = try decode(file)
      #expect(rgb.sizes == [2, 3, 3])
      #expect(try rgb.elements(of: UInt8.self) == Self.pixels)
      let bgr = try decode(file, .bgr).elements(of: UInt8.self)
      #expect(bgr[..<3] == [0, 0, 255] && bgr[9..<12] == [30, 20, 10])
      let gray = try decode(file, .grayscale)
      #expect(gray.sizes == [2, 3, 1])
      #expect(try gray.elements(of: UInt8.self) == [76, 150, 29, 18, 255, 0])
    }
  }

  @Test func claimsOfSizeAreCheckedBeforeDecoding() throws {
    let files = [
      Array("P6\n100000 100000\n255\n".utf8) + Self.pixels, Self.bmp(width: 100_000, height: 100_000),
      Self.tiff(width: 100_000, height: 100_000), Self.tiff(more: [(322, 1 << 30), (323, 1 << 30)]),
      Self.tiff(width: 0xFFFF_FFFF, height: 0xFFFF_FFFF),
      Self.jpeg2000(right: 100_000, bottom: 100_000, tile: 100_000),
    ]
    for file in files {
      do { #expect(try decode(file).sizes == [0, 0, 3]) } catch KernelFault.budget {}
    }
    #expect(throws: KernelFault.budget) { _ = try decode(Self.tiff(width: 100_000, height: 100_000)) }
    let empty: [[UInt8]] = [
      Self.tiff(more: [(259, 6)]), Self.jpeg2000(right: 60_000, bottom: 1000, tile: 1),
      Self.jpeg2000(right: 8, bottom: 8, tile: 8, components: 16_000),
      [0xFF, 0xD8] + [[UInt8]](repeating: [0xFF, 0xDA], count: 200).joined(),
    ]
    for file in empty { #expect(try decode(file).sizes == [0, 0, 3]) }
  }

  @Test func damagedFilesAreEmptyOrDecoded() throws {
    var generator = SeededGenerator(seed: 11)
    let files = [Self.pnm, Self.bmp(), Self.tiff(), Self.jpeg2000(right: 8, bottom: 8, tile: 8)]
    for file in files + Self.coded.map({ Self.bytes($0.text) }) {
      for _ in 0..<200 {
        var bytes = file
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
            in: 0...255, using: &generator)
        }
        if Bool.random(using: &generator) {
          bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
        }
        do {
          let y = try decode(bytes)
          #expect(y.rank == 3 && y.elementCount <= 3 * ImageLibrary.pixelLimit)
        } catch KernelFault.budget {}
      }
    }
  }
}
