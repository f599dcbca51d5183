import Glibc
import Needletail
import Tensors
import Terminal

/// The test digits of MNIST as workers read them.
struct Digits {
  private let data: LabelledImages

  /// Unpacks the archives of the repository into `scratch`.
  init(_ repository: Repository, _ scratch: ScratchFolder) throws {
    func unpacked(_ name: String) throws -> String {
      let target = scratch.path + "/" + name
      try unpack(repository.root + "/Models/mnist/\(name).gz", to: target)
      return target
    }
    data = try LabelledImages(
      images: try unpacked("t10k-images-idx3-ubyte"), labels: try unpacked("t10k-labels-idx1-ubyte"))
  }

  var count: Int { data.labels.count }

  /// Writes some digits, pixels from 0 to 1, in the shape that the model wants; the paths of pictures and labels.
  func write(_ range: Range<Int>, for model: BenchmarkModel, to folder: String) throws -> (
    images: String, labels: String
  ) {
    guard let input = model.inputs.first, model.inputs.count == 1,
      input.shape.dropFirst().reduce(1, { $0 * ($1 ?? 0) }) == data.pixelCount
    else { throw ToolError("model '\(model.name)' takes no digits of \(data.pixelCount) pixels") }
    let sizes = [range.count] + input.shape.dropFirst().map { $0 ?? 1 }
    try data.batch(range, scale: 1.0 / 255, dataType: .float32, sizes: sizes).write(
      npyFile: folder + "/images.npy")
    try Tensor(data.labels[range].map { Int64($0) }, sizes: [range.count]).write(
      npyFile: folder + "/labels.npy")
    return (folder + "/images.npy", folder + "/labels.npy")
  }
}

private func unpack(_ archive: String, to target: String) throws {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, target, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  let words = (["gzip", "-dc", archive] as [String]).map { strdup($0) }
  defer { for word in words { free(word) } }
  var child: pid_t = 0
  let status = posix_spawnp(&child, "gzip", &actions, nil, words + [nil], environ)
  guard status == 0 else { throw ToolError("gzip: \(String(cString: strerror(status)))") }
  var state: Int32 = 0
  while waitpid(child, &state, 0) < 0 && errno == EINTR {}
  guard state == 0 else { throw ToolError("\(archive) cannot be unpacked") }
}
