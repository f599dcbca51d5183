import Glibc
import Tensors
import Testing

@testable import ONNX

/// External data stays in the model's folder (bad inputs M01 to M09, M11).
@Suite struct ExternalDataTests {
  private let folder = TemporaryFolder()

  private func decode(_ entries: [(String, String)], allowsHardLinks: Bool = false) throws -> [Float] {
    folder.write("weights.bin", littleEndian([Float(1), 2, 3, 4]))
    let path = folder.write("tensor", TensorSpec.external([2], entries, named: "w").bytes)
    let file = try MappedFile(path: path)
    var wire = WireReader(file.bytes)
    let proto = try TensorProto(&wire)
    let reader = TensorReader(
      file, externalDataOf: path, policy: ExternalDataPolicy(allowsHardLinks: allowsHardLinks), copy: false)
    return try reader.tensor(proto).elements(of: Float.self)
  }

  private func reason(_ entries: [(String, String)]) -> ExternalDataError? {
    do {
      _ = try decode(entries)
      return nil
    } catch let error as TensorDecodeError {
      guard case .external(let reason) = error.reason else { return nil }
      return reason
    } catch { return nil }
  }

  @Test func readsBesideTheModel() throws {
    #expect(try decode([("location", "weights.bin")]) == [1, 2])
    #expect(try decode([("location", "weights.bin"), ("offset", "8"), ("length", "8")]) == [3, 4])
    #expect(try decode([("location", "./weights.bin"), ("offset", "4"), ("checksum", "x")]) == [2, 3])
    folder.folder("sub")
    folder.write("sub/more.bin", littleEndian([Float(7), 8]))
    #expect(try decode([("location", "sub/more.bin")]) == [7, 8])
  }

  @Test(arguments: ["../../etc/passwd", "..", "a/../../x", "./../x", "a/..", "/etc/passwd", "//etc/passwd"])
  func neverLeavesTheFolder(location: String) {
    #expect(reason([("location", location)]) == .outsideFolder(location: location))
  }

  @Test func refusesWhatIsNoPath() {
    #expect(reason([("location", "")]) == .invalidPath(location: ""))
    #expect(reason([("location", ".")]) == .invalidPath(location: "."))
    #expect(reason([("location", "a//b")]) == .invalidPath(location: "a//b"))
    #expect(reason([("location", "file://weights.bin")]) == .invalidPath(location: "file://weights.bin"))
    #expect(reason([("location", "a\0b")]) == .invalidPath(location: "a\0b"))
    let long = String(repeating: "a", count: 65_536)
    #expect(reason([("location", long)]) == .invalidPath(location: String(long.prefix(80))))
    #expect(reason([]) == .missingLocation)
  }

  @Test func followsNoLinks() {
    folder.folder("real")
    folder.write("real/w.bin", littleEndian([Float(1), 2]))
    symlink("/etc/passwd", folder.path + "/secret")
    symlink("real/w.bin", folder.path + "/inner")
    symlink("real", folder.path + "/alias")
    #expect(reason([("location", "secret")]) == .link(location: "secret"))
    #expect(reason([("location", "inner")]) == .link(location: "inner"))
    #expect(reason([("location", "alias/w.bin")]) == .link(location: "alias/w.bin"))
  }

  @Test func hardLinksNeedPermission() throws {
    folder.write("secret.bin", littleEndian([Float(1), 2]))
    link(folder.path + "/secret.bin", folder.path + "/other.bin")
    #expect(reason([("location", "other.bin")]) == .hardLink(location: "other.bin"))
    #expect(try decode([("location", "other.bin")], allowsHardLinks: true) == [1, 2])
  }

  @Test func refusesWhatIsNoFile() {
    folder.folder("sub")
    mkfifo(folder.path + "/pipe", 0o600)
    #expect(reason([("location", "sub")]) == .file(location: "sub", .directory))
    #expect(reason([("location", "pipe")]) == .file(location: "pipe", .notAFile))
    #expect(reason([("location", "missing.bin")]) == .file(location: "missing.bin", .missing))
    #expect(reason([("location", "weights.bin/x")]) == .file(location: "weights.bin/x", .missing))
  }

  @Test func keysAndNumbersAreChecked() {
    let weights = ("location", "weights.bin")
    #expect(reason([weights, ("prefix", "x")]) == .unknownKey("prefix"))
    #expect(reason([weights, weights]) == .repeatedKey("location"))
    for value in ["-4", "4x", "", " 4", "0x4", "99999999999999999999"] {
      #expect(reason([weights, ("offset", value)]) == .invalidNumber(key: "offset", value: value))
    }
    #expect(
      reason([weights, ("offset", "12")])
        == .beyondEnd(location: "weights.bin", offset: 12, byteCount: 8, fileByteCount: 16))
    #expect(
      reason([weights, ("offset", "9223372036854775807")])
        == .beyondEnd(location: "weights.bin", offset: .max, byteCount: 8, fileByteCount: 16))
    #expect(
      reason([weights, ("length", "16")]) == .byteCount(location: "weights.bin", expected: 8, found: 16))
  }

  @Test func modelsInMemoryHaveNoFolder() throws {
    let file = try MappedFile(contents: TensorSpec.external([2], [("location", "x")]).bytes, named: "memory")
    var wire = WireReader(file.bytes)
    let proto = try TensorProto(&wire)
    let reader = TensorReader(file, externalDataOf: nil, policy: ExternalDataPolicy(), copy: false)
    #expect(throws: TensorDecodeError("", .external(.noFolder))) { try reader.tensor(proto) }
  }
}
