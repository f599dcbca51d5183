import Glibc

/// The range of an axis and the places that are labelled on it.
struct AxisTicks: Hashable {
  var range: ClosedRange<Double>
  var ticks: [Double]

  /// An axis of values: from 0 when it is linear, with ticks at 1, 2 and 5 times powers of ten.
  ///
  /// `room` is left beyond the largest value, as a share of the axis, for what is written there.
  init(values: [Double], scale: Chart.Scale, room: Double) {
    switch scale {
    case .linear:
      let low = min(0, values.min() ?? 0)
      let high = max(0, values.max() ?? 0)
      let span = high > low ? high - low : 1
      // Below zero there may be labels too.
      range = (low < 0 ? low - 0.05 * span : 0)...((high > low ? high : 1) + room * span)
      let raw = (range.upperBound - range.lowerBound) / 5
      let power = pow(10, log10(raw).rounded(.down))
      let step = ([1, 2, 5, 10].first { $0 * power >= raw * 0.8 } ?? 10) * power
      let range = range
      let first = Int((range.lowerBound / step).rounded(.up))
      let last = Int((range.upperBound / step).rounded(.down))
      ticks = (first...max(first, last)).map { Double($0) * step }
    case .logarithmic:
      let positive = values.filter { $0 > 0 }
      let low = (positive.min() ?? 1) / 1.5
      let high = max(positive.max() ?? 10, low * 4)
      let range = low...(high * pow(high / low, room) * 1.1)
      self.range = range
      let decades = log10(range.upperBound / range.lowerBound)
      let factors: [Double] = decades > 4 ? [1] : decades > 2.5 ? [1, 3] : [1, 2, 5]
      var ticks: [Double] = []
      for power in Int(log10(range.lowerBound).rounded(.down))...Int(log10(range.upperBound).rounded(.up)) {
        for factor in factors {
          let value = factor * pow(10, Double(power))
          if range.contains(value) { ticks.append(value) }
        }
      }
      self.ticks = ticks
    }
  }

  /// An axis through measured places, such as batch sizes: the places are its ticks, less those whose labels would
  /// touch on `pixels`.
  init(places: [Double], scale: Chart.Scale, pixels: Double) {
    let sorted = Array(Set(places)).sorted()
    let isLogarithmic = scale == .logarithmic
    let (low, high) = (sorted.first ?? 0, sorted.last ?? 1)
    if isLogarithmic {
      let margin = pow(max(high / low, 1.5), 0.04)
      range = (low / margin)...(high * margin)
    } else {
      let margin = max(high - low, abs(high) * 0.1, 1e-12) * 0.04
      range = (low - margin)...(high + margin)
    }
    let range = range
    func position(_ value: Double) -> Double {
      isLogarithmic
        ? log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
        : (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    }
    ticks = []
    var end = -Double.infinity
    for place in sorted {
      let half = Double(Self.label(place).count) * 4 + 3
      let center = position(place) * pixels
      if center - half < end { continue }
      ticks.append(place)
      end = center + half
    }
  }

  static func label(_ value: Double) -> String {
    if value == 0 { return "0" }
    if abs(value) >= 1e6 || abs(value) < 1e-4 { return scientific(value, digits: 0) }
    var text = fixed(value, value == value.rounded() ? 0 : 6)
    if text.contains(".") { while text.last == "0" { text.removeLast() } }
    return text
  }
}
