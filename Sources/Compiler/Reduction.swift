/// Variables with a few states each, and tables of costs between some of them: which states cost least together.
///
/// A variable is taken away by a table over its neighbours that says, for each of their states, the cost at its best
/// state. With no neighbour, one or two these are the reductions R0, RI and RII of partitioned Boolean quadratic programming
/// (Scholz & Eckstein, "Register Allocation for Irregular Architectures", 2002); the same holds exactly for any number,
/// as long as tables stay small (bucket elimination: Dechter 1999). Where they do not, the state of the variable with the
/// most neighbours is guessed (RN), as the one that is cheapest with the best answers of its neighbours.
struct Reduction {
  private struct Table {
    var scope: [Int]
    /// The last variable of the scope counts fastest.
    var costs: [Double]
  }

  private enum Step {
    /// The best state of a variable, for each combination of states of others.
    case reduced(Int, by: [Int], best: [Int32])
    case guessed(Int, Int)
  }

  /// Costs of each state of a variable by itself.
  private var own: [[Double]] = []
  private var tables: [Table] = []
  /// May name tables that are gone.
  private var tablesOf: [[Int]] = []

  /// Entries of a table that one reduction may make, and all of them together.
  private static let tableCapacity = 1 << 14
  private static let workCapacity = 1 << 24
  /// With so many neighbours of two states each, the table is too large.
  private static let highestDegree = 14
  /// Of so many that are to be guessed, the one with the most neighbours is looked for.
  private static let comparedGuesses = 256

  /// A new variable, with the costs of its states.
  @discardableResult
  mutating func add(costs: [Double]) -> Int {
    own.append(costs.isEmpty ? [0] : costs.map { $0.isNaN ? .infinity : $0 })
    tablesOf.append([])
    return own.count - 1
  }

  mutating func add(between a: Int, and b: Int, _ cost: (_ ofA: Int, _ ofB: Int) -> Double) {
    var costs: [Double] = []
    for i in own[a].indices { for j in own[b].indices { costs.append(cost(i, j)) } }
    add(Table(scope: [a, b], costs: costs))
  }

  private mutating func add(_ table: Table) {
    if table.scope.count == 1 {
      let variable = table.scope[0]
      for state in own[variable].indices { own[variable][state] += table.costs[state] }
      return
    }
    for variable in table.scope { tablesOf[variable].append(tables.count) }
    tables.append(table)
  }

  /// Empties the problem.
  mutating func solve() -> (states: [Int], guessCount: Int) {
    var steps: [Step] = []
    var isDone = [Bool](repeating: false, count: own.count)
    // What has no choice ties nobody to anybody.
    for variable in own.indices where own[variable].count == 1 {
      fix(variable, 0)
      isDone[variable] = true
    }
    // Variables by their number of neighbours when they were last looked at: the fewest go first.
    var waiting = [[Int]](repeating: [], count: Self.highestDegree + 1)
    for variable in own.indices.reversed() where !isDone[variable] {
      waiting[min(neighbours(of: variable).count, Self.highestDegree)].append(variable)
    }
    // Those that no small table can replace, as far as is known.
    var large: [Int] = []
    var isLarge = isDone
    var work = 0
    var guessCount = 0
    while true {
      if let degree = waiting.firstIndex(where: { !$0.isEmpty }) {
        let variable = waiting[degree].removeLast()
        if isDone[variable] { continue }
        let around = neighbours(of: variable)
        if min(around.count, Self.highestDegree) != degree {
          waiting[min(around.count, Self.highestDegree)].append(variable)
          continue
        }
        let size = around.reduce(Double(own[variable].count)) { $0 * Double(own[$1].count) }
        if size
          <= Double(around.count > 2 ? min(Self.tableCapacity, Self.workCapacity - work) : Self.workCapacity)
        {
          work += Int(size)
          steps.append(reduce(variable, around))
          isDone[variable] = true
        } else if !isLarge[variable] {
          isLarge[variable] = true
          large.append(variable)
        }
      } else {
        while let last = large.last, isDone[last] { large.removeLast() }
        guard var variable = large.last else { break }
        if large.count <= Self.comparedGuesses {
          for other in large where !isDone[other] && tablesOf[other].count > tablesOf[variable].count {
            variable = other
          }
        }
        let around = neighbours(of: variable)
        let state = likelyState(of: variable)
        fix(variable, state)
        isDone[variable] = true
        steps.append(.guessed(variable, state))
        guessCount += 1
        // They have a neighbour less.
        for other in around { waiting[min(neighbours(of: other).count, Self.highestDegree)].append(other) }
      }
    }
    var states = [Int](repeating: 0, count: own.count)
    for step in steps.reversed() {
      switch step {
      case .guessed(let variable, let state): states[variable] = state
      case .reduced(let variable, let around, let best):
        states[variable] = Int(best[around.reduce(0) { $0 * own[$1].count + states[$1] }])
      }
    }
    return (states, guessCount)
  }

  private mutating func neighbours(of variable: Int) -> [Int] {
    tablesOf[variable].removeAll { tables[$0].scope.isEmpty }
    var found: [Int] = []
    for t in tablesOf[variable] {
      for other in tables[t].scope where other != variable { found.append(other) }
    }
    found.sort()
    var last = -1
    return found.filter { other in
      defer { last = other }
      return other != last
    }
  }

  private func tables(of variable: Int) -> [Int] { tablesOf[variable].filter { !tables[$0].scope.isEmpty } }

  /// Entries of a table between one state of its i-th variable and the next.
  private func stride(_ table: Table, _ i: Int) -> Int {
    table.scope[(i + 1)...].reduce(1) { $0 * own[$1].count }
  }

  /// Puts the best answer of `variable` into a table of its neighbours.
  private mutating func reduce(_ variable: Int, _ around: [Int]) -> Step {
    let gone = tables(of: variable)
    let parts = gone.map { tables[$0] }
    // By how much each table's entry moves when one of `around`, or `variable` itself, goes one state on.
    let strides = parts.map { table in
      (around + [variable]).map { other in table.scope.firstIndex(of: other).map { stride(table, $0) } ?? 0 }
    }
    let count = around.reduce(1) { $0 * own[$1].count }
    var costs = [Double](repeating: 0, count: count)
    var best = [Int32](repeating: 0, count: count)
    var states = [Int](repeating: 0, count: around.count)
    var offsets = [Int](repeating: 0, count: parts.count)
    for entry in 0..<count {
      var least = Double.infinity
      for state in own[variable].indices {
        var cost = own[variable][state]
        for t in parts.indices { cost += parts[t].costs[offsets[t] + state * strides[t][around.count]] }
        if cost < least {
          least = cost
          best[entry] = Int32(state)
        }
      }
      costs[entry] = least
      for i in around.indices.reversed() {
        states[i] += 1
        for t in parts.indices { offsets[t] += strides[t][i] }
        if states[i] < own[around[i]].count { break }
        for t in parts.indices { offsets[t] -= states[i] * strides[t][i] }
        states[i] = 0
      }
    }
    drop(gone)
    if !around.isEmpty { add(Table(scope: around, costs: costs)) }
    return .reduced(variable, by: around, best: best)
  }

  private mutating func drop(_ gone: [Int]) { for t in gone { tables[t] = Table(scope: [], costs: []) } }

  /// Leaves of the variable's tables what they say of its neighbours when it has `state`.
  private mutating func fix(_ variable: Int, _ state: Int) {
    let gone = tables(of: variable)
    let left = gone.map { t -> Table in
      let table = tables[t]
      let i = table.scope.firstIndex(of: variable) ?? 0
      let inner = stride(table, i)
      var costs: [Double] = []
      for start in Swift.stride(from: state * inner, to: table.costs.count, by: inner * own[variable].count) {
        costs += table.costs[start..<start + inner]
      }
      return Table(scope: table.scope.filter { $0 != variable }, costs: costs)
    }
    drop(gone)
    for table in left { add(table) }
  }

  /// The state that is cheapest when each neighbour may answer as it likes.
  private func likelyState(of variable: Int) -> Int {
    var sums = own[variable]
    for t in tables(of: variable) {
      let table = tables[t]
      let inner = stride(table, table.scope.firstIndex(of: variable) ?? 0)
      var least = [Double](repeating: .infinity, count: sums.count)
      for (entry, cost) in table.costs.enumerated() {
        let state = entry / inner % sums.count
        least[state] = min(least[state], cost)
      }
      for state in sums.indices { sums[state] += least[state] }
    }
    return sums.indices.min { sums[$0] < sums[$1] } ?? 0
  }
}
