import Kernels
import Tensors

/// Kernels that run one after the other on a few rows of an image at a time, so that what passes between them stays in
/// the cache: each reads the result of the one before.
///
/// Between two kernels lie only the rows that the next one's windows see. Those that the next band sees too are moved
/// to the front and not computed again. The last result is cut into bands by its shape, and each row of it has the bits
/// of a whole run, whichever band it is in and whoever runs that.
struct BandsKernel: PreparedKernel {
  struct Member {
    var kernel: any BandedKernel
    /// For each of its operands (inputs, then epilogue inputs).
    var operands: [Operand]
    var inputCount: Int
    /// Rows of its result in one image, and bytes of a row.
    var height: Int
    var rowByteCount: Int
  }

  enum Operand {
    /// Operand of the chain.
    case given(Int)
    /// The result of the member before.
    case previous
    /// Not read.
    case none
  }

  private let members: [Member]
  /// Where in its table a member finds the result of the one before; of no meaning for the first.
  private let links: [Int]
  private let tableStarts: [Int]
  private let tableCount: Int
  private let givenCount: Int
  private let images: Int
  private let bandsPerImage: Int
  /// Ranges of bands that run beside each other.
  private let partCount: Int
  /// Offsets of the rows between members, and of the members' scratch, in the scratch of a part.
  private let offsets: [Int]
  private let partByteCount: Int

  /// nil: the members do not form a chain. `rows` of the last result are a band, or a few less.
  init?(_ members: [Member], givenCount: Int, images: Int, rows: Int, threads: Int) {
    guard let last = members.last, members.count > 1, rows > 0, images > 0, last.height > 0 else {
      return nil
    }
    var links = [0]
    for (i, member) in members.enumerated() where i > 0 {
      let reads = member.operands.indices.filter {
        if case .previous = member.operands[$0] { true } else { false }
      }
      guard reads.count == 1, member.kernel.operandRows(reads[0], for: 0..<1) != nil else { return nil }
      links.append(reads[0])
    }
    self.members = members
    self.links = links
    self.givenCount = givenCount
    self.images = images
    bandsPerImage = (last.height - 1) / rows + 1
    let (bandCount, overflow) = images.multipliedReportingOverflow(by: bandsPerImage)
    if overflow { return nil }
    partCount = min(bandCount, max(1, threads))
    var starts: [Int] = []
    var count = 0
    for member in members {
      starts.append(count)
      count += member.operands.count + 1
    }
    tableStarts = starts
    tableCount = count

    // The most rows of each result that a band needs, and the most scratch.
    var most = [Int](repeating: 0, count: members.count)
    var scratch = 0
    for band in 0..<bandsPerImage {
      var rows = Self.rows(of: band, bandsPerImage, in: last.height)
      for i in members.indices.reversed() {
        most[i] = max(most[i], rows.count)
        scratch = max(scratch, members[i].kernel.scratchByteCount(rows: rows.count))
        if i > 0 { rows = members[i].kernel.operandRows(links[i], for: rows) ?? 0..<0 }
      }
    }
    var offsets: [Int] = []
    var offset = 0
    func take(_ byteCount: Int) {
      offsets.append(offset)
      offset += TensorStorage.aligned(byteCount)
    }
    for i in members.indices.dropLast() { take(most[i] * members[i].rowByteCount) }
    take(scratch)
    self.offsets = offsets
    partByteCount = offset
  }

  /// Rows of the last result in a band.
  var bandHeight: Int { ((members.last?.height ?? 0) - 1) / bandsPerImage + 1 }

  var scratchByteCount: Int { partCount * partByteCount }

  private static func rows(of band: Int, _ bandsPerImage: Int, in height: Int) -> Range<Int> {
    let image = band / bandsPerImage * height
    let i = band % bandsPerImage
    return image + height * i / bandsPerImage..<image + height * (i + 1) / bandsPerImage
  }

  func run(_ call: borrowing KernelCall) {
    call.workers.forEach(partCount, Part(bands: self, table: call.table, scratch: call.scratch.base))
  }

  /// A range of bands, one after the other.
  private struct Part: ParallelWork {
    let bands: BandsKernel
    let table: UnsafePointer<MutableBytes>
    let scratch: UnsafeMutableRawPointer

    func run(chunk: Int) {
      let b = bands
      let base = scratch + chunk * b.partByteCount
      let count = b.images * b.bandsPerImage
      withUnsafeTemporaryAllocation(of: MutableBytes.self, capacity: b.tableCount) { own in
        withUnsafeTemporaryAllocation(of: Range<Int>.self, capacity: 2 * b.members.count) { ranges in
          guard let own = own.baseAddress, let ranges = ranges.baseAddress else { return }
          bind(own)
          // What is there of each result, and what is new in a band.
          let (kept, new) = (ranges, ranges + b.members.count)
          kept.initialize(repeating: 0..<0, count: 2 * b.members.count)
          for band in count * chunk / b.partCount..<count * (chunk + 1) / b.partCount {
            run(band, own, base, kept, new)
          }
        }
      }
    }

    /// Fills the members' tables with what stays the same from band to band.
    private func bind(_ own: UnsafeMutablePointer<MutableBytes>) {
      let b = bands
      var entry = own
      for i in b.members.indices {
        for operand in b.members[i].operands {
          switch operand {
          case .given(let given): entry.initialize(to: table[given])
          case .previous, .none: entry.initialize(to: MutableBytes(base: scratch, count: 0))
          }
          entry += 1
        }
        entry.initialize(to: table[b.givenCount])
        entry += 1
      }
    }

    private func run(
      _ band: Int, _ own: UnsafeMutablePointer<MutableBytes>, _ base: UnsafeMutableRawPointer,
      _ kept: UnsafeMutablePointer<Range<Int>>, _ new: UnsafeMutablePointer<Range<Int>>
    ) {
      let b = bands
      let last = b.members.count - 1
      new[last] = BandsKernel.rows(of: band, b.bandsPerImage, in: b.members[last].height)
      var i = last
      while i > 0 {
        let rows = b.members[i].kernel.operandRows(b.links[i], for: new[i]) ?? 0..<0
        i -= 1
        let start = b.move(i, from: kept[i], to: rows, base)
        new[i] = start..<max(start, rows.upperBound)
        kept[i] = rows
        // As if all rows were there.
        let bytes = MutableBytes(
          base: base + b.offsets[i] - rows.lowerBound * b.members[i].rowByteCount, count: 0)
        own[b.tableStarts[i] + b.members[i].operands.count] = bytes
        own[b.tableStarts[i + 1] + b.links[i + 1]] = bytes
      }
      while i <= last {
        let member = b.members[i]
        if !new[i].isEmpty {
          let call = KernelCall(
            table: own + b.tableStarts[i], inputCount: member.inputCount,
            epilogueCount: member.operands.count - member.inputCount, outputCount: 1,
            scratch: MutableBytes(base: base + b.offsets[last], count: b.partByteCount - b.offsets[last]),
            workers: .none)
          member.kernel.run(call, rows: new[i])
        }
        i += 1
      }
    }
  }

  /// Brings the rows of member `i` that are there and needed again to the front, and returns the first that is not there.
  private func move(_ i: Int, from kept: Range<Int>, to rows: Range<Int>, _ base: UnsafeMutableRawPointer)
    -> Int
  {
    guard rows.lowerBound >= kept.lowerBound, rows.lowerBound < kept.upperBound else {
      return rows.lowerBound
    }
    let rowByteCount = members[i].rowByteCount
    let buffer = base + offsets[i]
    buffer.copyMemory(
      from: buffer + (rows.lowerBound - kept.lowerBound) * rowByteCount,
      byteCount: (min(kept.upperBound, rows.upperBound) - rows.lowerBound) * rowByteCount)
    return min(kept.upperBound, rows.upperBound)
  }
}
