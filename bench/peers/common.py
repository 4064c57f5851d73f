"""What the Python peers share: options, MNIST, timing, output.

Every peer does the work of `gradus bench NAME` as a good user of that system would write it, on the same files.
What is timed: shuffling, gathering and every training step. What is not: reading the files, scaling the pixels
(once, before the clock starts), building the model, and a short warm-up on a second model.
Long single-sample epochs are timed over their first part and scaled; "measured_samples" then says so.
"""
import argparse
import gzip
import json
import os
import pathlib
import platform
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNITS = {
    "sample-sgd": "epoch", "sigmoid-sample": "epoch", "keras-mlp": "5 epochs", "minibatch": "epoch",
    "mid-mlp": "epoch", "wide-mlp": "step", "predict-1": "call", "predict-10k": "call", "start": "start",
    "lenet5": "epoch", "convnet": "step",
}
SINGLE_SAMPLES = 10_000     # how much of a single-sample epoch is timed

options = None
offered = {}                # name -> function that returns the workload's fields


def parse(description, extra=()):
    """Reads the command line. To be called before numpy or torch is imported: both read their
    thread count from the environment when they are loaded."""
    global options
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help="workloads (default: all that this peer does)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N", help="default: all cores")
    parser.add_argument("--data", metavar="DIR", help="MNIST's IDX files (default: $GRADUS_DATA_DIR)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--list", action="store_true", help="print the peer's version and workloads as JSON, run nothing")
    for name, text in extra:
        parser.add_argument(name, metavar="FILE", help=text)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in UNITS]
    if unknown:
        parser.error(f"no workload '{unknown[0]}'; there are: {', '.join(UNITS)}")
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)
    return options


def workload(name):
    """Decorator: registers a function that runs the workload and returns its fields."""
    def register(function):
        offered[name] = function
        return function
    return register


# ---- data ----------------------------------------------------------------------------------

def data_directory():
    candidates = [options.data] if options.data else [os.environ.get("GRADUS_DATA_DIR"), ROOT.parent / "shared/data/mnist"]
    for place in filter(None, candidates):
        for directory in (pathlib.Path(place), pathlib.Path(place) / "mnist"):
            if any(directory.glob("train-images-idx3-ubyte*")):
                return directory
    sys.exit("MNIST not found: give its directory with --data or GRADUS_DATA_DIR")


def idx(name, header):
    import numpy as np
    path = data_directory() / name
    raw = path.read_bytes() if path.exists() else gzip.decompress(path.with_name(name + ".gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=header)


def mnist(scale=1 / 255, offset=0.0):
    """Training and test set: float32 images (n, 784) = pixels * scale + offset, and int64 labels."""
    import numpy as np
    sets = []
    for part in ("train", "t10k"):
        images = idx(f"{part}-images-idx3-ubyte", 16).reshape(-1, 784).astype(np.float32)
        images *= np.float32(scale)
        images += np.float32(offset)
        sets.append((images, idx(f"{part}-labels-idx1-ubyte", 8).astype(np.int64)))
    return sets


# ---- timing --------------------------------------------------------------------------------

def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def seconds_per_call(function, budget=1.0):
    """Median over blocks of calls, each block at least 20 ms, for `budget` seconds; one block warms up."""
    calls, block = 1, seconds(function)
    while block < 0.02:
        calls *= 2
        block = seconds(lambda: [function() for _ in range(calls)])
    blocks = []
    while sum(blocks) < budget or len(blocks) < 5:
        blocks.append(seconds(lambda: [function() for _ in range(calls)]))
    return statistics.median(blocks) / calls


def result(name, seconds_per_unit, samples=None, **more):
    fields = {"name": name, "unit": UNITS[name], "seconds_per_unit": seconds_per_unit}
    if samples:
        fields["samples_per_second"] = samples / seconds_per_unit
    return {**fields, **more}


def wide_mlp_flops(batch):
    """Products of one step: forward and weight gradient of each layer, input gradient of all but the first."""
    layers = [784 * 2048, 2048 * 2048, 2048 * 10]
    return 2 * batch * (2 * sum(layers) + sum(layers[1:]))


# ---- output --------------------------------------------------------------------------------

def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return f"{model}, {os.cpu_count()} cores"


def main(peer):
    if options.list:
        print(json.dumps({"peer": peer, "workloads": list(offered)}))
        return
    names = options.names or list(offered)
    for name in set(names) - set(offered):
        print(f"{peer}: does not do {name}", file=sys.stderr)
    results = [offered[name](name) for name in names if name in offered]
    report = {"peer": peer, "machine": machine(), "threads": options.threads, "workloads": results}
    if options.json:
        print(json.dumps(report))
        return
    print(f"{peer}, {options.threads} threads, {report['machine']}")
    for fields in results:
        more = ", ".join(f"{k} {v:.4g}" for k, v in fields.items() if k not in ("name", "unit", "seconds_per_unit"))
        print(f"  {fields['name']:15} {fields['seconds_per_unit']:.4g} s a {fields['unit']}  ({more})")
