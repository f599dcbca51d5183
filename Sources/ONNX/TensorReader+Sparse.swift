import Tensors

extension TensorReader {
  /// A sparse tensor written out. Places are linear or one row of coordinates each.
  package func decode(_ proto: SparseTensorProto) throws(TensorDecodeError) -> Decoded {
    guard let valuesProto = proto.values else { throw TensorDecodeError("", .sparse("has no values")) }
    let name = valuesProto.name
    guard let indicesProto = proto.indices else { throw TensorDecodeError(name, .sparse("has no indices")) }
    let header = try Header(elementType: valuesProto.elementType, sizes: proto.sizes, named: name)
    guard let bits = header.type.bitWidth, bits >= 8 else {
      throw TensorDecodeError(name, .elementType(valuesProto.elementType))
    }
    if header.byteCount > Self.denseByteLimit {
      throw TensorDecodeError(name, .budget(byteCount: header.byteCount, limit: Self.denseByteLimit))
    }
    let values = try tensor(valuesProto)
    let places = try tensor(indicesProto)
    guard values.rank == 1 else {
      throw TensorDecodeError(name, .sparse("values have rank \(values.rank), not 1"))
    }
    let count = values.elementCount
    let isLinear = places.sizes == [count]
    guard places.dataType == .int64, isLinear || places.sizes == [count, header.sizes.count] else {
      throw TensorDecodeError(name, .sparse("indices are \(places.type), which does not fit \(count) values"))
    }
    let offsets = try linear(places, isLinear: isLinear, count: count, header, name)
    let width = bits / 8
    return try own(header, named: name) { target throws(TensorDecodeError) in
      target.base.initializeMemory(as: UInt8.self, repeating: 0, count: target.count)
      values.withBytes { source in
        for (i, offset) in offsets.enumerated() {
          (target.base + offset * width).copyMemory(from: source.base + i * width, byteCount: width)
        }
      }
    }
  }

  private func linear(
    _ places: Tensor, isLinear: Bool, count: Int, _ header: Header, _ name: String
  ) throws(TensorDecodeError) -> [Int] {
    let base = places.bytes.base
    defer { withExtendedLifetime(places) {} }
    func number(_ i: Int) -> Int { Int(base.loadUnaligned(fromByteOffset: i * 8, as: Int64.self)) }
    var offsets: [Int] = []
    offsets.reserveCapacity(count)
    for i in 0..<count {
      var offset = 0
      if isLinear {
        offset = number(i)
      } else {
        for (axis, size) in header.sizes.enumerated() {
          let coordinate = number(i * header.sizes.count + axis)
          guard coordinate >= 0, coordinate < size else {
            throw TensorDecodeError(
              name, .sparse("index \(coordinate) is outside of axis \(axis) of size \(size)"))
          }
          offset = offset * size + coordinate
        }
      }
      guard offset >= 0, offset < header.elementCount else {
        throw TensorDecodeError(
          name, .sparse("index \(offset) is outside of \(header.elementCount) elements"))
      }
      offsets.append(offset)
    }
    return offsets
  }
}
