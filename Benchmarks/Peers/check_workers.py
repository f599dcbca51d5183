"""Talks to every engine's worker: check-workers [--batch N] [--threads N] [--engine NAME] MODEL ...

Prints load, first and median time, the rise of memory and the largest difference to ONNX Runtime's answers.
Fails when a worker fails, or answers differently by more than its precision allows.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from client import PEERS, Declined, Worker, difference, measure, write_inputs
from engines import ENGINES

MODELS = PEERS.parent / "models" / "built"
# Shares of the outputs' magnitude: f32 with other orders of summing and Winograd's transforms, and bf16.
TOLERANCE, LOW_PRECISION_TOLERANCE = 5e-3, 2e-1


def check_requests(engine, folder, inputs, facts):
    """Asks what measure() leaves out: bad requests, evaluate and load; returns what went wrong."""
    wrong = []

    def expect(verb, *arguments, **fields):
        try:
            worker.ask(*arguments, **fields)
            answered = "ok"
        except Declined as error:
            answered = error.verb
        if answered != verb:
            wrong.append(f"{arguments[0]}: {answered}, expected {verb}")

    with Worker(engine) as worker, tempfile.TemporaryDirectory() as scratch:
        expect("error", "run", seconds=0, maximum=1)
        expect("error", "nonsense")
        expect("error", "prepare", model=folder, threads=0, inputs=inputs)
        expect("unsupported", "prepare", model=folder, threads=1, inputs=inputs, backend="simd")
        worker.ask("prepare", model=folder, threads=1, inputs=inputs)
        expect("error", "run", seconds="x", maximum=1)
        times = worker.ask("run", seconds=10, maximum=3)["times_ns"].split(",")
        if len(times) != 3:
            wrong.append(f"run: {len(times)} times, expected 3")
        answer = worker.ask("load", concurrency=2, seconds=0.05)
        latencies = [int(value) for value in answer["latencies_ns"].split(",")]
        if len(latencies) < 2 or max(latencies) > int(answer["wall_ns"]):
            wrong.append("load: latencies do not fit the wall time")
        if len(facts["inputs"]) == 1 and facts["outputs"][-1]["shape"][1:] in ([10], [1000]):
            images, labels = Path(scratch, "images.npy"), Path(scratch, "labels.npy")
            write_inputs(facts, 5, scratch, seed=2)
            Path(scratch, "input_0.npy").rename(images)
            with Worker("onnxruntime") as judge:
                judge.ask("prepare", model=folder, threads=1, inputs=inputs)
                np.save(labels, np.zeros(5, np.uint8))
                wanted = judge.ask("evaluate", images=images, labels=labels, batch=2, count=5)
            batch = 1 if engine == "ncnn" else 2
            given = worker.ask("evaluate", images=images, labels=labels, batch=batch, count=5)
            if abs(float(given["loss"]) - float(wanted["loss"])) > 0.02 * float(wanted["loss"]):
                wrong.append(f"evaluate: a loss of {given['loss']}, ONNX Runtime's is {wanted['loss']}")
            expect("error", "evaluate", images=images, labels=labels, batch=1, count=6)
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/Peers/check-workers", description=__doc__)
    parser.add_argument("models", metavar="MODEL", nargs="+", help="a model's name, or a folder")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3, help="how long each engine runs")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only these engines")
    parser.add_argument("--logs", type=Path, help="a folder for what the workers write to their standard error")
    parser.add_argument("--requests", action="store_true", help="check evaluate, load and bad requests as well")
    options = parser.parse_args()
    failed = False
    for name in options.models:
        folder = Path(name) if Path(name, "model.json").exists() else MODELS / name
        facts = json.loads((folder / "model.json").read_text())
        print(f"\n{facts['name']}, batch {options.batch}, threads {options.threads}")
        row = "{:24} {:>9} {:>9} {:>9} {:>8} {:>10}  {}".format
        print(row("engine", "load ms", "first ms", "p50 ms", "rise MB", "max |d|", ""))
        with tempfile.TemporaryDirectory() as inputs:
            write_inputs(facts, options.batch, inputs)
            expected = measure("onnxruntime", folder, inputs)["arrays"]
            magnitude = max(float(np.abs(array).max()) for array in expected)
            for engine in options.engine or ENGINES:
                log = options.logs / f"{facts['name']}.{engine}.log" if options.logs else None
                try:
                    got = measure(engine, folder, inputs, options.threads, options.seconds, log)
                    d, note = difference(got["arrays"], expected), ""
                    low = not got["precision"].startswith("f32")
                    if not d <= magnitude * (LOW_PRECISION_TOLERANCE if low else TOLERANCE):
                        note, failed = f"DIFFERS (outputs up to {magnitude:.3g})", True
                    if options.requests:
                        for problem in check_requests(engine, folder, inputs, facts):
                            note, failed = f"{note} {problem};", True
                except Declined as error:
                    if error.verb != "unsupported":
                        failed = True
                    print(row(engine, "", "", "", "", "", f"{error.verb}: {error}"))
                    continue
                except ValueError as error:
                    failed = True
                    print(row(engine, "", "", "", "", "", f"DIFFERS: {error}"))
                    continue
                p50 = statistics.median(int(value) for value in got["times_ns"].split(","))
                print(row(engine, f"{int(got['load_ns']) / 1e6:.1f}", f"{int(got['first_ns']) / 1e6:.2f}",
                          f"{p50 / 1e6:.4f}", f"{int(got['rise_bytes']) / 1e6:.1f}", f"{d:.1e}", note), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
