import Glibc

/// A number with so many digits behind the point.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  guard abs(value) < 1e15 else { return scientific(value, digits: 3) }
  return withVaList([Int32(digits), value]) { formatted("%.*f", $0) }
}

/// `3.1e-06`
package func scientific(_ value: Double, digits: Int = 1) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
  return withVaList([Int32(digits), value]) { formatted("%.*e", $0) }
}

private func formatted(_ format: String, _ arguments: CVaListPointer) -> String {
  var buffer = [CChar](repeating: 0, count: 400)
  let count = vsnprintf(&buffer, buffer.count, format, arguments)
  return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A number with so many significant digits: `41.2`, `0.0813`, `1320`, `3.10e-06`.
package func significant(_ value: Double, _ digits: Int = 3) -> String {
  guard value.isFinite, value != 0 else { return fixed(value, 0) }
  let magnitude = Int(log10(abs(value)).rounded(.down))
  if magnitude < -4 { return scientific(value, digits: digits - 1) }
  return fixed(value, max(0, digits - 1 - magnitude))
}

/// A measured value with no more digits than `uncertainty`, half the width of its interval, leaves known: up to the
/// place of its first digit, and one more where that is a 1.
package func measured(_ value: Double, uncertainty: Double?) -> String {
  guard let uncertainty, uncertainty > 0, value != 0, value.isFinite else { return significant(value, 3) }
  let place = Int(log10(uncertainty).rounded(.down))
  let isOne = uncertainty < 2 * pow(10, Double(place))
  let digits = Int(log10(abs(value)).rounded(.down)) - place + (isOne ? 2 : 1)
  return significant(value, min(5, max(2, digits)))
}

package func milliseconds(_ nanoseconds: Double) -> String { significant(nanoseconds / 1e6, 3) }

/// Bytes as MiB.
package func mebibytes(_ count: Int) -> String {
  let value = Double(count) / 1_048_576
  return fixed(value, value < 0.1 ? 3 : value < 10 ? 2 : 1)
}

/// `14.1 MB`, for files.
package func fileSize(_ count: Int) -> String {
  if count < 1000 { return "\(count) bytes" }
  if count < 1_000_000 { return "\(fixed(Double(count) / 1e3, 1)) kB" }
  return "\(fixed(Double(count) / 1e6, 1)) MB"
}

/// `1,234,567`
package func grouped(_ count: Int) -> String {
  var text = ""
  let digits = String(count.magnitude)
  for (i, digit) in digits.enumerated() {
    if i > 0 && (digits.count - i) % 3 == 0 { text += "," }
    text.append(digit)
  }
  return (count < 0 ? "-" : "") + text
}

/// `1 node`, `2 nodes`
package func counted(_ count: Int, _ noun: String) -> String {
  "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
}

package func percent(_ share: Double, digits: Int = 1) -> String { fixed(share * 100, digits) + " %" }
