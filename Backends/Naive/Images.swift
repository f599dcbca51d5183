import CLeptonica
import Kernels
import Operators
import Tensors

/// The library that decodes images.
package enum ImageLibrary {
  private struct Library: @unchecked Sendable {
    // The functions of a library that stays open; they keep no state between calls.
    let functions: OpaquePointer
  }

  private static let loaded: (library: Library?, problem: String?) = {
    var text = [CChar](repeating: 0, count: 256)
    if let functions = leptonica_load(&text, text.count) { return (Library(functions: functions), nil) }
    return (nil, String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }()

  /// Why no image can be decoded here, with the package to install; nil: they can.
  package static var problem: String? { loaded.problem }

  /// More pixels than these are not decoded: an image of 200 bytes may claim any number.
  package static let pixelLimit = 1 << 26

  /// Decodes a file into rows of red, green and blue; nil: it is no image, or a damaged one.
  static func decode(
    _ file: UnsafeRawBufferPointer, pixelLimit: Int = Self.pixelLimit
  ) throws(KernelFault) -> (rgb: [UInt8], width: Int, height: Int)? {
    // The least that a decoder may look at without asking.
    guard file.count >= 16, let header = ImageHeader(file) else { return nil }
    if header.pixelCount > Double(pixelLimit) { throw .budget }
    guard let library = loaded.library?.functions, let base = file.baseAddress else {
      throw .missingLibrary(loaded.problem ?? "no library decodes images")
    }
    var image = leptonica_image()
    let bytes = base.assumingMemoryBound(to: UInt8.self)
    switch leptonica_decode(library, bytes, file.count, Int64(pixelLimit), &image) {
    case leptonica_decoded: break
    case leptonica_too_large: throw .budget
    default: return nil
    }
    defer { leptonica_close(library, &image) }
    let (width, height) = (Int(image.width), Int(image.height))
    let rgb = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
      if let target = buffer.baseAddress { leptonica_copy_rgb(library, &image, target) }
      count = 3 * width * height
    }
    return (rgb, width, height)
  }
}

extension ImageDecoder: NaiveOperator {
  static let naiveName = "image-decoder"
  static let elements = Elements.any

  func evaluate(_ call: inout Evaluation) throws(KernelFault) {
    let x = try call.operand(0)
    guard x.dataType == .uint8, x.rank == 1 else { throw .malformed }
    let found = try x.withBytes { (bytes) throws(KernelFault) in
      // The decoder's image, its colours, and the result.
      let pixelLimit = min(ImageLibrary.pixelLimit, call.freeByteCount / 12)
      return try ImageLibrary.decode(
        UnsafeRawBufferPointer(start: bytes.base, count: bytes.count), pixelLimit: pixelLimit)
    }
    let (width, height) = (found?.width ?? 0, found?.height ?? 0)
    let y = try call.result(0, .uint8, [height, width, channelCount])
    guard let rgb = found?.rgb else { return }
    let target = y.pointer(UInt8.self)
    for pixel in 0..<width * height {
      let (r, g, b) = (rgb[3 * pixel], rgb[3 * pixel + 1], rgb[3 * pixel + 2])
      switch pixelFormat {
      case .rgb: (target[3 * pixel], target[3 * pixel + 1], target[3 * pixel + 2]) = (r, g, b)
      case .bgr: (target[3 * pixel], target[3 * pixel + 1], target[3 * pixel + 2]) = (b, g, r)
      case .grayscale:
        // ITU-R 601-2: 0.299 red, 0.587 green and 0.114 blue, in 65536ths, rounded.
        let sum: UInt32 = UInt32(r) * 19595 + UInt32(g) * 38470 + UInt32(b) * 7471
        target[pixel] = UInt8((sum + 0x8000) >> 16)
      }
    }
  }
}
