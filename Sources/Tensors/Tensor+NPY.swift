import Glibc

extension Tensor {
  /// Reads the bytes of a NumPy `.npy` file, versions 1 to 3.
  ///
  /// Fortran order becomes a permuted layout; big-endian elements are swapped. Throws for what is no such
  /// file, for elements that tensors do not have, and when bytes are missing.
  public init(npy bytes: [UInt8]) throws(TensorError) {
    let text = try NPYHeader.textRange(in: Array(bytes.prefix(12)))
    guard text.upperBound <= bytes.count else { throw .file("the npy file ends within its header") }
    let header = try NPYHeader(text: Array(bytes[text]))
    try self.init(header, available: bytes.count - text.upperBound) { (target) throws(TensorError) in
      bytes.withUnsafeBytes { source in
        if let base = source.baseAddress, target.count > 0 {
          target.base.copyMemory(from: base + text.upperBound, byteCount: target.count)
        }
      }
    }
  }

  /// Reads a NumPy `.npy` file.
  ///
  /// ```swift
  /// let x = try Tensor(npyFile: "x.npy")
  /// ```
  public init(npyFile path: String) throws(TensorError) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if file < 0 { throw .file("\(path): \(Self.systemMessage())") }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .file("\(path): not a file")
    }
    do throws(TensorError) {
      let size = Int(status.st_size)
      let start = try Self.read(file, count: min(12, size), at: 0)
      let text = try NPYHeader.textRange(in: start)
      guard text.upperBound <= size else { throw .file("the npy file ends within its header") }
      let header = try NPYHeader(text: try Self.read(file, count: text.count, at: text.lowerBound))
      try self.init(header, available: size - text.upperBound) { (target) throws(TensorError) in
        try Self.read(
          file, into: UnsafeMutableRawBufferPointer(start: target.base, count: target.count),
          at: text.upperBound)
      }
    } catch {
      if case .file(let what) = error { throw .file("\(path): \(what)") }
      throw error
    }
  }

  /// The tensor as the bytes of a `.npy` file.
  ///
  /// Fortran order is kept, every other layout is written in row-major order. Throws for types that NumPy
  /// lacks.
  public func npy() throws(TensorError) -> [UInt8] {
    let reversed = Layout.order(Array(sizes.indices.reversed()))
    let isFortranOrder = reversed != .rowMajor && format.layout == reversed
    let header = try NPYHeader(dataType: dataType, isFortranOrder: isFortranOrder, sizes: sizes).encoded()
    let dense =
      format.storage == dataType
      ? try reordered(to: Format(storage: dataType, layout: isFortranOrder ? reversed : .rowMajor))
      : try converted(to: dataType).reordered(
        to: Format(storage: dataType, layout: isFortranOrder ? reversed : .rowMajor))
    return withExtendedLifetime(dense.storage) {
      header + UnsafeRawBufferPointer(start: dense.bytes.base, count: dense.byteCount)
    }
  }

  /// Writes the tensor as a `.npy` file, replacing what was there.
  public func write(npyFile path: String) throws(TensorError) {
    let bytes = try npy()
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    if file < 0 { throw .file("\(path): \(Self.systemMessage())") }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      if count <= 0 {
        let message = Self.systemMessage()
        close(file)
        throw .file("\(path): \(message)")
      }
      written += count
    }
    if close(file) != 0 { throw .file("\(path): \(Self.systemMessage())") }
  }

  private init(
    _ header: NPYHeader, available: Int, fill: (MutableBytes) throws(TensorError) -> Void
  ) throws(TensorError) {
    let count = try Tensor.elementCount(of: header.sizes)
    guard let needed = header.dataType.byteCount(of: count) else { throw .sizeOverflow }
    if needed > available { throw .byteCount(expected: needed, found: available) }
    try self.init(
      uninitialized: header.dataType, sizes: header.sizes,
      format: Format(storage: header.dataType, layout: header.layout))
    guard let target = mutableBytes else { throw .unsupportedFormat("read-only storage") }
    try fill(target)
    if header.isBigEndian { Self.swapBytes(of: header.dataType, in: target) }
  }

  private static func swapBytes(of type: DataType, in target: MutableBytes) {
    let width = (type.bitWidth ?? 8) / 8 / (type.isComplex ? 2 : 1)
    let bytes = target.elements(of: UInt8.self)
    for start in stride(from: 0, to: bytes.count - bytes.count % width, by: width) {
      for i in 0..<width / 2 { bytes.swapAt(start + i, start + width - 1 - i) }
    }
  }

  private static func read(_ file: Int32, count: Int, at offset: Int) throws(TensorError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let result: Result<Void, TensorError> = bytes.withUnsafeMutableBytes { buffer in
      Result { () throws(TensorError) in try read(file, into: buffer, at: offset) }
    }
    try result.get()
    return bytes
  }

  private static func read(_ file: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int)
    throws(TensorError)
  {
    var done = 0
    while done < buffer.count {
      let count = pread(file, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .file(systemMessage()) }
      if count == 0 { throw .file("the file ends early") }
      done += count
    }
  }

  private static func systemMessage() -> String { String(cString: strerror(errno)) }
}
