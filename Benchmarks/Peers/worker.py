"""One engine in a process of its own, asked by lines: `worker.py ENGINE`. README.md has the protocol."""

import gc
import os
import sys
import threading
import time
from pathlib import Path

# Answers have the standard output for themselves: whatever an engine prints goes to the standard error.
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)
sys.stdout = sys.stderr

import numpy as np  # noqa: E402

import engines  # noqa: E402
from engines.base import Model, Unsupported  # noqa: E402


class BadRequest(Exception):
    """A request that says too little or something else than it should."""


def resident_peak():
    """The largest resident memory so far, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def forget_peak():
    """Lets the peak begin anew at what is resident now, where the kernel allows it."""
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        print(f"the peak of memory keeps what importing needed: {error}", file=sys.stderr)


class Worker:
    """Answers requests about one engine."""

    def __init__(self, name):
        self.name = name
        self.engine = engines.make(name)
        forget_peak()
        self.base = resident_peak()
        self.main = None

    def answer(self, verb, fields):
        """The fields of the answer to one request."""
        methods = {"hello": self.hello, "prepare": self.prepare, "run": self.run, "outputs": self.outputs,
                   "evaluate": self.evaluate, "load": self.load}
        if verb not in methods:
            raise BadRequest(f"no request is called '{verb}'")
        if self.main is None and verb not in ("hello", "prepare"):
            raise BadRequest(f"'{verb}' comes before 'prepare'")
        return methods[verb](fields)

    def hello(self, fields):
        return {"engine": self.name, "version": self.engine.version, "precision": self.engine.precision,
                "call": self.engine.call, "package_bytes": self.engine.package_bytes(), "base_bytes": self.base}

    def prepare(self, fields):
        if self.main is not None:
            raise BadRequest("a worker prepares one model")
        for option in ("backend", "optimize"):
            if option in fields:
                raise Unsupported(f"{self.name} has no option '{option}'")
        model = Model(text(fields, "model"))
        threads = whole(fields, "threads")
        folder = Path(text(fields, "inputs"))
        inputs = [np.load(folder / f"input_{index}.npy") for index in range(len(model.inputs))]
        for array, value in zip(inputs, model.facts["inputs"], strict=True):
            check(array, value)
        start = time.perf_counter_ns()
        self.engine.load(model, threads)
        self.main = self.engine.caller(inputs)
        loaded = time.perf_counter_ns()
        self.main.run()
        ended = time.perf_counter_ns()
        self.model, self.inputs = model, inputs
        peak = resident_peak()
        return {"load_ns": loaded - start, "first_ns": ended - loaded, "peak_bytes": peak,
                "rise_bytes": peak - self.base, "precision": self.engine.precision}

    def run(self, fields):
        seconds, maximum = number(fields, "seconds"), whole(fields, "maximum")
        run, clock, times = self.main.run, time.perf_counter_ns, []
        deadline = clock() + int(seconds * 1e9)
        while True:
            start = clock()
            run()
            end = clock()
            times.append(end - start)
            if end >= deadline or len(times) >= maximum:
                return {"times_ns": listed(times)}

    def outputs(self, fields):
        folder = Path(text(fields, "directory"))
        arrays = self.main.outputs()
        for index, array in enumerate(arrays):
            np.save(folder / f"output_{index}.npy", array)
        return {"count": len(arrays)}

    def evaluate(self, fields):
        batch, count = whole(fields, "batch"), whole(fields, "count")
        images, labels = np.load(text(fields, "images"), mmap_mode="r"), np.load(text(fields, "labels"))
        if len(images) < count or len(labels) < count:
            raise BadRequest(f"{count} items asked for; there are {len(images)} images and {len(labels)} labels")
        images, labels = np.array(images[:count]), labels[:count].astype(np.int64)
        check(images, self.model.facts["inputs"][0])
        callers, correct, loss, total = {}, 0, 0.0, 0
        for first in range(0, count, batch):
            part = images[first:first + batch]
            if len(part) not in callers:
                callers[len(part)] = self.engine.caller([part])
                callers[len(part)].run()
            caller = callers[len(part)]
            start = time.perf_counter_ns()
            caller.feed([part])
            caller.run()
            scores = caller.outputs()[-1]
            total += time.perf_counter_ns() - start
            right, lost = judge(scores, labels[first:first + batch])
            correct, loss = correct + right, loss + lost
        return {"correct": correct, "loss": repr(loss / count), "total_ns": total, "peak_bytes": resident_peak()}

    def load(self, fields):
        concurrency, seconds = whole(fields, "concurrency"), number(fields, "seconds")
        callers = [self.engine.caller(self.inputs) for _ in range(concurrency)]
        for caller in callers:
            caller.run()
        clock = time.perf_counter_ns
        latencies, failures = [[] for _ in callers], []
        start_line = threading.Barrier(concurrency + 1)

        def work(caller, mine):
            start_line.wait()
            deadline = clock() + int(seconds * 1e9)
            try:
                while True:
                    start = clock()
                    caller.run()
                    end = clock()
                    mine.append(end - start)
                    if end >= deadline:
                        return
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=pair) for pair in zip(callers, latencies)]
        for thread in threads:
            thread.start()
        start_line.wait()
        start = clock()
        for thread in threads:
            thread.join()
        wall = clock() - start
        if failures:
            raise failures[0]
        return {"wall_ns": wall, "latencies_ns": listed(value for mine in latencies for value in mine)}


def judge(scores, labels):
    """How many of the items are classified rightly, and the sum of the true class' cross-entropy."""
    scores = scores.reshape(len(labels), -1).astype(np.float64)
    sums = scores.sum(1)
    if (scores < 0).any() or not np.allclose(sums, 1, atol=1e-3):
        scores = np.exp(scores - scores.max(1, keepdims=True))
        scores /= scores.sum(1, keepdims=True)
    correct = int((scores.argmax(1) == labels).sum())
    return correct, float(-np.log(np.maximum(scores[np.arange(len(labels)), labels], 1e-12)).sum())


def check(array, value):
    """Refuses an input whose type or shape is not the model's."""
    wanted = value["shape"]
    fits = array.ndim == len(wanted) and all(w in ("N", a) for w, a in zip(wanted, array.shape))
    if not fits or str(array.dtype) != value["dtype"]:
        raise BadRequest(f"input '{value['name']}': {array.dtype}{list(array.shape)} given, "
                         f"the model wants {value['dtype']}{wanted}")


def text(fields, key):
    if key not in fields:
        raise BadRequest(f"'{key}=' is missing")
    return fields[key]


def number(fields, key):
    try:
        value = float(text(fields, key))
    except ValueError:
        raise BadRequest(f"'{key}={fields[key]}' is not a number") from None
    if not value >= 0:
        raise BadRequest(f"'{key}={fields[key]}' is not a number of at least 0")
    return value


def whole(fields, key):
    try:
        value = int(text(fields, key))
    except ValueError:
        value = 0
    if value < 1:
        raise BadRequest(f"'{key}={fields[key]}' is not a whole number of at least 1")
    return value


def listed(values):
    return ",".join(map(str, values))


def say(verb, fields):
    """Writes one answer; tabs and line ends inside a value become spaces."""
    parts = [f"{key}={' '.join(str(value).split())}" for key, value in fields.items()]
    ANSWERS.write("\t".join([verb, *parts]) + "\n")
    ANSWERS.flush()


def main(arguments):
    if len(arguments) != 1 or arguments[0] not in engines.ENGINES:
        print(f"usage: worker.py ENGINE, one of {', '.join(engines.ENGINES)}", file=sys.stderr)
        return 2
    worker, reason = None, None
    try:
        worker = Worker(arguments[0])
    except ImportError as error:
        reason = f"{arguments[0]} is not installed: {error}"
    except Exception as error:  # A library that does not fit this machine fails in ways of its own.
        reason = f"{arguments[0]} cannot be started: {type(error).__name__}: {error}"
    gc.disable()
    for line in sys.stdin:
        verb, *parts = line.rstrip("\n").split("\t")
        if verb == "quit":
            return 0
        try:
            fields = dict(part.split("=", 1) for part in parts)
        except ValueError:
            say("error", {"message": f"a field of '{verb}' has no '='"})
            continue
        try:
            if reason:
                raise Unsupported(reason)
            answer = "ok", worker.answer(verb, fields)
        except Unsupported as error:
            answer = "unsupported", {"reason": error}
        except BadRequest as error:
            answer = "error", {"message": error}
        except Exception as error:  # The engine's own errors are answers, too.
            answer = "error", {"message": f"{type(error).__name__}: {error}"}
        # Before the answer: afterwards it is another worker's turn.
        gc.collect()
        say(*answer)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    ANSWERS.flush()
    # Engines' own shutdown may hang or crash, and nothing is left to be saved.
    os._exit(code)
