import Compiler
import Host
import IR
import Measurement
import Synchronization

/// Where times of kernels are kept, from one process to the next: plans of `auto` for sizes that were seen before are then
/// made without measuring.
public enum TuningTablePlace: Sendable, Hashable {
  /// They are forgotten.
  case none
  /// In `$XDG_CACHE_HOME/needletail`, or `~/.cache/needletail`; nowhere when there is neither.
  case perUser
  /// In this file, which is replaced when there are new ones.
  case file(String)
}

/// What became of times that earlier processes measured.
public struct TuningReport: Sendable {
  /// The file; nil: none.
  public var path: String?
  /// Times that were found in it and used.
  public var knownCount = 0
  /// Times that were measured.
  public var measuredCount = 0
  /// Why the file was not used, or not written.
  public var notes: [String] = []
}

/// The tuning table of one compiled model: read when a plan is first measured, written when something was.
final class TuningStore: Sendable {
  private struct State {
    var file: TuningFile?
    var table: TuningTable?
    var report = TuningReport()
    var watch: MachineWatch?
  }

  private let place: TuningTablePlace
  private let keepsDisturbed: Bool
  private let state = Mutex(State())

  init(_ place: TuningTablePlace, keepsDisturbed: Bool) {
    self.place = place
    self.keepsDisturbed = keepsDisturbed
  }

  func tuner(threads: Int) -> Tuner {
    Tuner(threads: threads, began: { [self] in begin(isFirst: $0) }, ended: { [self] in keep($0, known: $1) })
  }

  private func begin(isFirst: Bool) -> TuningTable? {
    if place == .none { return nil }
    return state.withLock { state in
      if !keepsDisturbed { state.watch = MachineWatch() }
      if !isFirst { return nil }
      if let table = state.table { return table }
      state.file = file()
      state.report.path = state.file?.path
      let (table, complaint) = state.file?.read() ?? (TuningTable(), nil)
      if let complaint { state.report.notes.append("the tuning table is not used: \(complaint)") }
      state.table = table
      return table
    }
  }

  private func file() -> TuningFile? {
    let head = Self.head()
    switch place {
    case .none: return nil
    case .file(let path): return TuningFile(path: path, head: head)
    case .perUser:
      let name = Self.prefix + ConstantID(of: head.joined(separator: "\n")).text.prefix(16) + ".txt"
      return Self.folder.map { TuningFile(path: "\($0)/\(name)", head: head) }
    }
  }

  private static let prefix = "tuning-"
  /// Tables of other processors, and of programs that have been built anew since, go when there are more.
  private static let mostFiles = 8

  private static let folder: String? = {
    func absolute(_ name: String) -> String? {
      environmentVariable(name).flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    return (absolute("XDG_CACHE_HOME") ?? absolute("HOME").map { "\($0)/.cache" }).map { "\($0)/needletail" }
  }()

  /// What times depend on beside their request and kernel.
  private static func head() -> [String] {
    let facts = HostFacts.read()
    let caches = facts.caches.map { "L\($0.level) \($0.kind) \($0.byteCount)" }.joined(separator: ", ")
    return [
      "processor \(facts.processor): \(facts.features.joined(separator: " "))", "caches \(caches)",
      // Kernels that were compiled again may have become faster under the same name.
      "program \(fileIdentity("/proc/self/exe") ?? "unknown")",
    ] + Engine.key.map { "\($0.name) \($0.value)" }
  }

  private func keep(_ measured: [TuningTable.Key: Double], known: Set<TuningTable.Key>) {
    let file: TuningFile? = state.withLock { state in
      state.report.measuredCount += measured.count
      if let table = state.table { state.report.knownCount += known.count { table.times[$0] != nil } }
      guard let file = state.file, !measured.isEmpty else { return nil }
      guard let doubt = state.watch?.doubts().first else { return file }
      state.report.notes.append("times are not kept in the tuning table: \(doubt)")
      return nil
    }
    guard let file else { return }
    let folder = parentFolder(of: file.path)
    do throws(FileError) {
      if place == .perUser { try makeFolder(folder) }
      try file.add(measured)
      if place == .perUser { removeOldest(in: folder, prefix: Self.prefix, keeping: Self.mostFiles) }
    } catch { state.withLock { $0.report.notes.append("the tuning table is not written: \(error)") } }
  }

  var report: TuningReport { state.withLock { $0.report } }
}

extension CompiledModel {
  /// What became of times that earlier processes measured, in all plans of `auto` made so far.
  public var tuning: TuningReport { tuningStore.report }
}
