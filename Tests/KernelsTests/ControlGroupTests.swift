import Glibc
import Host
import Kernels
import Testing

/// Limits of control groups, in folders that look like a system's.
@Suite struct ControlGroupTests {
  private final class Tree {
    let root: String

    init(_ files: [String: String]) {
      var template = Array("/tmp/needletail-group-XXXXXX".utf8CString)
      root = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
      for (name, text) in files {
        let path = "\(root)/\(name)"
        try? makeFolder(parentFolder(of: path))
        try? writeFile(path, Array(text.utf8))
      }
    }

    var limits: ControlGroup { ControlGroup.read(root: root) }
  }

  @Test func version2TakesTheSmallestOnTheWayUp() {
    let tree = Tree([
      "proc/self/cgroup": "0::/outer/inner\n",
      "sys/fs/cgroup/outer/memory.max": "60000000\n", "sys/fs/cgroup/outer/cpu.max": "max 100000\n",
      "sys/fs/cgroup/outer/inner/memory.max": "max\n", "sys/fs/cgroup/outer/inner/cpu.max": "50000 100000\n",
    ])
    #expect(tree.limits == ControlGroup(memoryLimit: 60_000_000, quota: 0.5))
  }

  @Test func version1HasAHierarchyForEachController() {
    let none = "9223372036854771712\n"
    let tree = Tree([
      "proc/self/cgroup": "4:memory:/outer\n1:cpu,cpuacct:/outer/inner\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": none,
      "sys/fs/cgroup/memory/outer/memory.limit_in_bytes": "1048576\n",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      "sys/fs/cgroup/cpu/outer/cpu.cfs_quota_us": "250000\n",
      "sys/fs/cgroup/cpu/outer/cpu.cfs_period_us": "100000\n",
    ])
    #expect(tree.limits == ControlGroup(memoryLimit: 1_048_576, quota: 2.5))
  }

  /// Within a container the mounted folder is the group itself.
  @Test func aMountMayShowOneGroup() {
    let tree = Tree([
      "proc/self/cgroup": "0::/docker/abc/work\n",
      "proc/self/mountinfo": "31 23 0:28 /docker/abc /groups rw,relatime - cgroup2 cgroup2 rw\n",
      "groups/memory.max": "5000000\n", "groups/work/memory.max": "4000000\n",
    ])
    #expect(tree.limits == ControlGroup(memoryLimit: 4_000_000))
  }

  @Test func withoutFilesThereIsNoLimit() {
    #expect(Tree([:]).limits == ControlGroup())
    #expect(
      Tree(["proc/self/cgroup": "no line of ours\n", "sys/fs/cgroup/memory.max": "x\n"]).limits
        == ControlGroup())
  }

  @Test func aModelMayTakeThreeQuarters() {
    #expect(MemoryBudget.bytes(total: 1000, limit: nil) == 750)
    #expect(MemoryBudget.bytes(total: 1000, limit: 400) == 300)
    #expect(MemoryBudget.bytes(total: 1000, limit: 4000) == 750)
  }
}
