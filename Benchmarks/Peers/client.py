"""Talks to workers, for the checks written in Python."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PEERS = Path(__file__).resolve().parent


class Declined(Exception):
    """A worker that answers `unsupported` or `error`, or ends."""

    def __init__(self, verb, reason):
        super().__init__(reason)
        self.verb = verb


class Worker:
    """A worker process; ends with the `with` block."""

    def __init__(self, engine, log=None):
        self.log = open(log, "w") if log else subprocess.DEVNULL
        self.process = subprocess.Popen(
            [sys.executable, str(PEERS / "worker.py"), engine], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.communicate("quit\n", timeout=20)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self.process.kill()
            self.process.wait()
        if self.log is not subprocess.DEVNULL:
            self.log.close()

    def ask(self, verb, **fields):
        """The fields of an answer that begins with ok."""
        line = "\t".join([verb, *(f"{key}={value}" for key, value in fields.items())])
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline().rstrip("\n")
        if not answer:
            raise Declined("ended", f"the worker ended with status {self.process.wait()}")
        verb, *parts = answer.split("\t")
        values = dict(part.split("=", 1) for part in parts)
        if verb != "ok":
            raise Declined(verb, values.get("reason") or values.get("message") or answer)
        return values


def write_inputs(facts, batch, folder, seed=1):
    """Writes seeded inputs of a model as input_0.npy, input_1.npy ..."""
    random = np.random.default_rng(seed)
    for index, value in enumerate(facts["inputs"]):
        shape = [batch if size == "N" else size for size in value["shape"]]
        if value["dtype"].startswith("int"):
            array = random.integers(value["minimum"], value["maximum"] + 1, shape).astype(value["dtype"])
        else:
            array = random.uniform(value["minimum"], value["maximum"], shape).astype(value["dtype"])
        np.save(Path(folder, f"input_{index}.npy"), array)


def measure(engine, model, inputs, threads=1, seconds=0.0, log=None):
    """What a fresh worker answers to hello, prepare and run, with its outputs as `arrays`."""
    with Worker(engine, log) as worker, tempfile.TemporaryDirectory() as folder:
        facts = worker.ask("hello")
        facts |= worker.ask("prepare", model=model, threads=threads, inputs=inputs)
        facts |= worker.ask("run", seconds=seconds, maximum=1000 if seconds else 1)
        count = int(worker.ask("outputs", directory=folder)["count"])
        facts["arrays"] = [np.load(Path(folder, f"output_{index}.npy")) for index in range(count)]
    return facts


def difference(arrays, expected):
    """The largest absolute difference between two lists of arrays; raises where shapes differ."""
    if [array.size for array in arrays] != [array.size for array in expected]:
        raise ValueError(f"outputs of shapes {[a.shape for a in arrays]}, expected {[a.shape for a in expected]}")
    return max(float(np.abs(a.reshape(b.shape).astype(np.float64) - b).max(initial=0))
               for a, b in zip(arrays, expected))
