"""Exports models with `needletail export` and lets ONNX and ONNX Runtime judge what was written.

    Benchmarks/Peers/check-export [--tool FILE] [--optimize LEVEL] [--verbose] PATH…

A PATH is a model, or a folder that is searched for models. Each is exported; `onnx.checker` checks the file with its
shapes, and ONNX Runtime runs it beside the original, on the recorded inputs where there are some and on random ones
else. Where the runtime cannot run the original, the recorded outputs judge.

Outcomes: `equal` to the original in ONNX Runtime; `recorded`, equal to the recorded outputs; `refused` by the importer or
exporter with a reason; `not run`, where ONNX Runtime runs neither of both, for want of a kernel or type; `apart`, where
the export runs alone and differs from the recorded outputs; `wrong`, everything else, also an export that does not run
where the original does. The exit code is 1 when something is wrong or apart.
"""

import argparse
import collections
import glob
import multiprocessing
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

DRAWN = {"RandomUniform", "RandomNormal", "RandomUniformLike", "RandomNormalLike", "Bernoulli", "Multinomial"}
TYPES = {
    "tensor(float)": numpy.float32, "tensor(double)": numpy.float64, "tensor(float16)": numpy.float16,
    "tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32, "tensor(int16)": numpy.int16,
    "tensor(int8)": numpy.int8, "tensor(uint8)": numpy.uint8, "tensor(uint16)": numpy.uint16,
    "tensor(uint32)": numpy.uint32, "tensor(uint64)": numpy.uint64, "tensor(bool)": numpy.bool_,
}

class NotRun(Exception):
    pass


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise NotRun(str(error).replace("\n", " ")) from None


def read(path, kind):
    """One recorded value: a tensor, a sequence or an optional, as the type of its port says."""
    with open(path, "rb") as file:
        content = file.read()
    if kind == "sequence_type":
        proto = onnx.SequenceProto.FromString(content)
        return numpy_helper.to_list(proto)
    if kind == "optional_type":
        if not content:
            return None
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
    return numpy_helper.to_array(onnx.TensorProto.FromString(content))


def recorded(folder, stem, ports):
    values = []
    for i, port in enumerate(ports):
        path = os.path.join(folder, f"{stem}_{i}.pb")
        if not os.path.exists(path):
            return None
        values.append(read(path, port.type.WhichOneof("value")))
    return values


def invented(run, seed=1):
    random = numpy.random.default_rng(seed)
    feed = {}
    for port in run.get_inputs():
        kind = TYPES.get(port.type)
        if kind is None:
            raise NotRun(f"no inputs are made of type {port.type}")
        sizes = [size if isinstance(size, int) else 2 for size in port.shape]
        if kind == numpy.bool_:
            feed[port.name] = random.integers(0, 2, sizes).astype(kind)
        elif numpy.issubdtype(kind, numpy.integer):
            feed[port.name] = random.integers(0, 2, sizes).astype(kind)
        else:
            feed[port.name] = random.standard_normal(sizes).astype(kind)
    return feed


def difference(found, expected, loose):
    """What is wrong with a value; None where nothing is."""
    if isinstance(expected, (list, tuple)):
        if len(found) != len(expected):
            return f"{len(found)} items, expected {len(expected)}"
        return next(filter(None, (difference(a, b, loose) for a, b in zip(found, expected))), None)
    if isinstance(expected, dict):
        if list(found) != list(expected):
            return f"keys {list(found)}, expected {list(expected)}"
        return difference(numpy.array(list(found.values())), numpy.array(list(expected.values())), loose)
    if expected is None or found is None:
        return None if expected is found else "a value where none is expected, or none"
    found, expected = numpy.asarray(found), numpy.asarray(expected)
    if found.dtype == numpy.uint8 and expected.dtype.itemsize == 1:
        # The runtime gives small floats as their bytes.
        expected = expected.view(numpy.uint8)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{found.dtype}{found.shape}, expected {expected.dtype}{expected.shape}"
    if expected.dtype.kind in "OUSb":
        return None if (found == expected).all() else "other elements"
    if loose == "shapes":
        return None
    if expected.dtype.kind in "iu":
        apart = numpy.abs(found.astype(numpy.float64) - expected.astype(numpy.float64))
        if (apart > 0).sum() == 0:
            return None
        if loose == "steps" and apart.max() <= 2 and (apart > 0).sum() <= max(1, apart.size / 100):
            return None
        return f"integers {apart.max():g} apart in {(apart > 0).sum()} of {apart.size}"
    narrow = expected.dtype.itemsize < 4
    found, expected = found.astype(numpy.complex128), expected.astype(numpy.complex128)
    if expected.size == 0:
        return None
    finite = numpy.isfinite(expected)
    if (numpy.isfinite(found) != finite).any():
        return "other elements that are infinite or no numbers"
    scale = numpy.abs(expected[finite]).max() if finite.any() else 0
    apart = numpy.abs(found[finite] - expected[finite]).max() if finite.any() else 0
    allowed = scale * (1e-2 if narrow else 1e-4) + (1e-3 if narrow else 1e-6)
    return None if apart <= allowed else f"{apart:g} apart at a magnitude of {scale:g}"


def operators(graph):
    for node in graph.node:
        yield node.op_type
        for attribute in node.attribute:
            for region in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield from operators(region)


def judge(tool, level, path, queue):
    """Puts (outcome, reason) for one model."""
    with tempfile.TemporaryDirectory() as folder:
        written = os.path.join(folder, "written.onnx")
        export = subprocess.run(
            [tool, "export", path, "-o", written, "--optimize", level], capture_output=True, text=True)
        if export.returncode == 2:
            return queue.put(("refused", export.stderr.strip().split("\n")[-1].strip()))
        if export.returncode != 0:
            return queue.put(("wrong", f"exit code {export.returncode}: {export.stderr.strip()[-300:]}"))
        original = onnx.load(path)
        try:
            onnx.checker.check_model(path, full_check=True)
            is_checked = True
        except Exception:
            is_checked = False
        try:
            # A model that contradicts itself is checked for its form alone.
            onnx.checker.check_model(written, full_check=is_checked)
        except Exception as error:
            return queue.put(("wrong", f"checker: {str(error)[:400]}"))
        constants = {tensor.name for tensor in original.graph.initializer}
        inputs = [port for port in original.graph.input if port.name not in constants]
        outputs = list(original.graph.output)
        names = [port.name for port in onnx.load(written, load_external_data=False).graph.output]
        if names != [port.name for port in outputs]:
            return queue.put(("wrong", f"outputs {names}"))
        used = set(operators(original.graph)) | {n.op_type for f in original.functions for n in f.node}
        loose = "shapes" if used & DRAWN else "steps" if any("Quantize" in name or "Integer" in name or "QLinear" in name for name in used) else None
        sets = sorted(glob.glob(os.path.join(glob.escape(os.path.dirname(path)), "test_data_set_*")))
        try:
            try:
                before, silence = session(path), None
            except NotRun as error:
                before, silence = None, error
            try:
                after = session(written)
            except NotRun as error:
                runs = before is not None
                if runs:
                    for data in sets[:1]:
                        try:
                            before.run(names, dict(zip((p.name for p in inputs), recorded(data, "input", inputs))))
                        except Exception:
                            runs = False
                return queue.put(("wrong" if runs else "not run", f"export: {str(error)[:400]}"))
            feeds = []
            for data in sets:
                values = recorded(data, "input", inputs)
                if values is not None:
                    feeds.append((dict(zip((port.name for port in inputs), values)), recorded(data, "output", outputs)))
            if not feeds:
                feeds = [(invented(before or after), None)]
            outcome = "equal"
            for feed, answers in feeds:
                expected = answers
                if before is not None:
                    try:
                        expected = before.run(names, feed)
                    except Exception as error:
                        silence, expected = error, answers
                if expected is None:
                    return queue.put(("not run", f"original: {str(silence)[:200]}"))
                if expected is answers:
                    outcome = "recorded"
                try:
                    found = after.run(names, feed)
                except Exception as error:
                    unable = outcome == "recorded"
                    return queue.put(("not run" if unable else "wrong", f"export: {str(error)[:400]}"))
                for name, a, b in zip(names, found, expected):
                    reason = difference(a, b, loose)
                    if reason:
                        # Without the original beside it, the runtime itself may be what differs.
                        return queue.put(("wrong" if outcome == "equal" else "apart", f"'{name}': {reason}"))
            return queue.put((outcome, ""))
        except NotRun as error:
            return queue.put(("not run", str(error)))
        except Exception as error:
            return queue.put(("wrong", f"{type(error).__name__}: {str(error)[:300]}"))


def models(path):
    if os.path.isfile(path):
        return [path]
    found = glob.glob(os.path.join(glob.escape(path), "**", "*.onnx"), recursive=True)
    return sorted(name for name in found if "test_data_set_" not in name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tool", default=".build/release/needletail")
    parser.add_argument("--optimize", default="full")
    parser.add_argument("--verbose", action="store_true", help="a line for every model")
    parser.add_argument("paths", nargs="+")
    arguments = parser.parse_args()
    counts = collections.Counter()
    lines = collections.defaultdict(list)
    paths = [name for path in arguments.paths for name in models(path)]
    for done, path in enumerate(paths):
        if sys.stderr.isatty():
            print(f"\r{done}/{len(paths)}", end="", file=sys.stderr)
        # A process for each: what crashes there is told here.
        queue = multiprocessing.Queue()
        child = multiprocessing.Process(target=judge, args=(arguments.tool, arguments.optimize, path, queue))
        child.start()
        try:
            outcome, reason = queue.get(timeout=300)
        except Exception:
            outcome, reason = "wrong", "no answer within 300 s"
        child.join(10)
        if child.is_alive():
            child.terminate()
        counts[outcome] += 1
        lines[outcome].append(f"{path}: {reason}")
        if arguments.verbose:
            print(f"{outcome:9}{path}  {reason}", flush=True)
    for outcome in ["refused", "not run", "apart", "wrong"]:
        if not arguments.verbose:
            for line in lines[outcome]:
                print(f"{outcome:9}{line}")
    print(f"{len(paths)} models, optimize {arguments.optimize}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))
    return 1 if counts["wrong"] or counts["apart"] else 0


if __name__ == "__main__":
    sys.exit(main())
