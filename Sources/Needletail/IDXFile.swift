import ONNX
import Tensors

/// The format of the MNIST data set: a magic number with the rank, sizes, and bytes, all big-endian.
package enum IDXFile {
  /// Reads a file of unsigned bytes.
  package static func read(_ path: String) throws(EngineError) -> Tensor {
    let file: MappedFile
    do throws(FileError) { file = try MappedFile(path: path) } catch {
      throw EngineError(.wrongInput, subject: "", expectation: "", finding: error.description)
    }
    let bytes = file.bytes
    func byte(_ i: Int) -> Int { Int(bytes.base.load(fromByteOffset: i, as: UInt8.self)) }
    func wrong(_ finding: String, hint: String? = nil) -> EngineError {
      EngineError(
        .wrongInput, subject: path, expectation: "an idx file of bytes", finding: finding, hint: hint)
    }
    guard bytes.count >= 4 else { throw wrong("\(bytes.count) bytes") }
    if byte(0) == 0x1F && byte(1) == 0x8B {
      throw wrong("a gzip file", hint: "unpack it first: gunzip -k \(path)")
    }
    guard byte(0) == 0, byte(1) == 0, byte(2) == 8, (1...4).contains(byte(3)) else {
      throw wrong("another format")
    }
    let rank = byte(3)
    let start = 4 + 4 * rank
    guard bytes.count >= start else { throw wrong("a file that ends within its header") }
    let sizes = (0..<rank).map { axis in (0..<4).reduce(0) { $0 << 8 | byte(4 + 4 * axis + $1) } }
    guard (try? Tensor.elementCount(of: sizes)) == bytes.count - start else {
      throw wrong("\(bytes.count - start) bytes for sizes \(sizes)")
    }
    do throws(TensorError) {
      return try Tensor(dataType: .uint8, sizes: sizes, storage: file.storage(start..<bytes.count))
    } catch { throw wrong(error.description) }
  }
}
