/// A picture of numbers: what it shows, not how it looks.
package struct Chart: Sendable {
  package enum Kind: Hashable, Sendable {
    /// Groups of bars, one group a category, one bar a series.
    case bars(categories: [String])
    /// Lines with marks; both axes in numbers.
    case lines
  }

  package enum Scale: Hashable, Sendable { case linear, logarithmic }

  package struct Point: Hashable, Sendable {
    /// For bars the index of the category.
    package var x: Double
    package var y: Double
    /// The interval that y is known to lie in.
    package var interval: ClosedRange<Double>?

    package init(x: Double, y: Double, interval: ClosedRange<Double>? = nil) {
      self.x = x
      self.y = y
      self.interval = interval
    }
  }

  package struct Series: Sendable {
    package var name: String
    package var points: [Point]
    /// Draws the least-squares line through the points, with its equation in the legend.
    package var hasTrend = false

    package init(_ name: String, _ points: [Point], hasTrend: Bool = false) {
      self.name = name
      self.points = points
      self.hasTrend = hasTrend
    }
  }

  package var title: String
  package var kind: Kind
  /// With its unit: `batch size, items`.
  package var xTitle: String
  package var yTitle: String
  package var xScale: Scale
  package var yScale: Scale
  package var series: [Series]

  package init(
    _ title: String, _ kind: Kind, xTitle: String, yTitle: String, xScale: Scale = .linear,
    yScale: Scale = .linear,
    series: [Series]
  ) {
    self.title = title
    self.kind = kind
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.xScale = xScale
    self.yScale = yScale
    self.series = series
  }
}
