import Tensors

/// A box of a result: images, rows of the outermost spatial axis, channels.
struct Box: Hashable {
  var images: Range<Int>
  var rows: Range<Int>
  var channels: Range<Int>
}

/// How a result is shared out among threads, one box each where it divides.
enum Partition {
  /// Multiplications (or elements touched) below which a part costs more to start than it saves.
  static let worthwhile = 200_000

  /// Boxes over images, then over rows: what channels-last results are cut into.
  static func rows(images: Int, rows: Int, channels: Int, threads: Int, work: Int) -> [Box] {
    cut(images: images, axis: rows, threads: threads, work: work).map {
      Box(images: $0.0, rows: $0.1, channels: 0..<channels)
    }
  }

  /// Boxes over images, then over channels in multiples of `step`: what row-major results are cut into.
  static func channels(images: Int, rows: Int, channels: Int, step: Int, threads: Int, work: Int) -> [Box] {
    cut(images: images, axis: max(channels / step, 1), threads: threads, work: work).map {
      let end = $0.1.upperBound * step
      return Box(
        images: $0.0, rows: 0..<rows,
        channels: $0.1.lowerBound * step..<(channels - end < step ? channels : end))
    }
  }

  /// Ranges of a single axis.
  static func ranges(_ count: Int, parts: Int) -> [Range<Int>] {
    let parts = max(1, min(parts, count))
    return (0..<parts).map { count * $0 / parts..<count * ($0 + 1) / parts }
  }

  private static func cut(images: Int, axis: Int, threads: Int, work: Int) -> [(Range<Int>, Range<Int>)] {
    let threads = min(max(1, threads), max(1, work / worthwhile))
    if threads == 1 { return [(0..<images, 0..<axis)] }
    let whole = images / threads
    var parts = whole > 0 ? (0..<threads).map { ($0 * whole..<($0 + 1) * whole, 0..<axis) } : []
    let rest = images - whole * threads
    for image in whole * threads..<images {
      parts += ranges(axis, parts: (threads + rest - 1) / rest).map { (image..<image + 1, $0) }
    }
    return parts
  }
}
