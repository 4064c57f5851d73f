#!/usr/bin/env python3
"""Weight trajectories of small networks, computed in numpy float64.

    python3 generate.py > golden.json     write the file
    python3 generate.py --check           test this script and the committed golden.json

An implementation that replays a case from golden.json alone must arrive at the same losses and
weights. The arithmetic is written out plainly and shares nothing with the library it tests:
losses give dL/dy, activations turn that into dL/dz, nothing is fused or simplified.
Update formulas and schedules: Keras 3, keras/src/optimizers; OneCycle: PyTorch. Where PyTorch has the same thing, --check
holds this script against it; there epsilon is next to nothing, since PyTorch adds it elsewhere than Keras.
"""
import itertools
import json
import os
import sys

import numpy as np

from cases import OUTPUT_ACTIVATION, batch_rows, cases, deviation, run
from network import NETWORKS, SAMPLES, loss_and_gradients, make
from with_torch import check_torch

PROBES = 40
ABOUT = {
    "about": "Weights and losses of an independent numpy float64 implementation; see generate.py.",
    "random_numbers": "32-bit LCG: s starts at the seed; each draw does s = (1664525*s + 1013904223) mod 2^32 "
                      "and then returns u = s / 2^32. The streams below are separate and each is read from its start.",
    "weights": "Stream of seed 1, in the order kernel0, bias0, kernel1, bias1, ...; a kernel is drawn row by row, "
               "its shape is (inputs, units). Each value is (u - 0.5) * weight_range.",
    "inputs": "Stream of seed 2, sample by sample. v = 2u - 1 for every value; where the network has "
              "a zero_below, the input is v if v > zero_below, else 0.",
    "labels": "Stream of seed 3, one draw a sample: floor(u * classes). Targets are one-hot, "
              "or the label itself where the loss is sparse.",
    "training": "Samples are taken in order and wrap around: step k (from 0) takes samples "
                "(k*batch_size + i) mod samples for i = 0 .. batch_size-1. The loss of a batch is the mean over its rows; "
                "losses[k] is that of step k's batch before its update. No probability is clipped.",
    "optimizer_options": "In a step, in this order: the gradients are clipped (clipnorm: each tensor's to this length; "
                         "global_clipnorm: all together; clipvalue: number by number); weight_decay: w -= weight_decay * "
                         "learning_rate * w; the optimizer's own step; use_ema: average = ema_momentum * average + "
                         "(1 - ema_momentum) * w, and average = w in the first step; every ema_overwrite_frequency steps "
                         "w = average, and after the last step in any case. A learning_rate that is an object is a "
                         "schedule, a function of the number of steps done before.",
    "loss_formulas": "Per row: squared_error sum (y-t)^2; quadratic half of that; mean_squared_error that sum / outputs; "
                     "binary_crossentropy mean over outputs of -(t log y + (1-t) log(1-y)); "
                     "categorical and sparse_categorical_crossentropy -log y[label].",
    "compare": "A float32 run agrees to |a - b| <= 1e-5 * max(|b|, root mean square of the tensor b), losses to 1e-5 relative. "
               "sum: tolerance 1e-5 * sqrt(count * sum_of_squares); sum_of_squares: 2e-5 relative. "
               "probes are [index in the row-major tensor, value].",
}


def probe_indices(case, k, shape):
    """Spread over the tensor; in kernel0 half lie in rows whose input is zero all through the last batch
    (the optimizer's memory still moves them), half in rows whose input is not."""
    count = int(np.prod(shape))
    if count <= PROBES:
        return range(count)
    if k > 0:
        return [int(i) for i in np.linspace(0, count - 1, PROBES)]
    _, inputs, _ = make(case["network"])
    used = inputs[batch_rows(case, case["steps"] - 1)].any(axis=0)
    picked = []
    for group in (np.flatnonzero(used), np.flatnonzero(~used)):
        rows = group[np.linspace(0, len(group) - 1, PROBES // 2).astype(int)]
        picked += [int(row) * shape[1] + (7 * n) % shape[1] for n, row in enumerate(rows)]
    return sorted(picked)


def describe(case, weights):
    tensors = []
    for k, w in enumerate(weights):
        tensor = {"name": f"{'bias' if k % 2 else 'kernel'}{k // 2}", "shape": list(w.shape)}
        flat = w.ravel()
        if case["network"] == "3-5-2":
            tensor["values"] = flat.tolist()
        else:
            tensor["sum"] = float(flat.sum())
            tensor["sum_of_squares"] = float((flat * flat).sum())
            tensor["probes"] = [[i, float(flat[i])] for i in probe_indices(case, k, w.shape)]
        tensors.append(tensor)
    return tensors


def generate():
    networks = {}
    for name, spec in NETWORKS.items():
        weights, inputs, labels = make(name)
        networks[name] = dict(spec, samples=SAMPLES, check={     # to test one's own generator first
            "first_weights": weights[0].ravel()[:3].tolist(), "last_weight": float(weights[-1][-1]),
            "first_inputs": inputs.ravel()[:8].tolist(), "sum_of_inputs": float(inputs.sum()),
            "labels": labels.tolist()})
    results = []
    for case in cases():
        losses, weights = run(case)
        targets = "label" if case["loss"].startswith("sparse") else "one_hot"
        results.append(dict(case, targets=targets, losses=losses, weights=describe(case, weights)))
    return dict(ABOUT, networks=networks, cases=results)


def write(golden, out):
    """JSON with one line for each loss list and each tensor. Python prints floats so that they read back exactly."""
    out.write("{\n")
    for key in ABOUT:
        out.write(f"{json.dumps(key)}: {json.dumps(golden[key])},\n")
    networks = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden["networks"].items())
    out.write('"networks": {\n' + networks + '\n},\n"cases": [\n')
    lines = []
    for case in golden["cases"]:
        head = {k: v for k, v in case.items() if k not in ("losses", "weights")}
        tensors = ",\n  ".join(json.dumps(t, separators=(",", ":")) for t in case["weights"])
        losses = json.dumps(case["losses"], separators=(",", ":"))
        lines.append(f'{json.dumps(head)[:-1]},\n "losses": {losses},\n "weights": [\n  {tensors}]}}')
    out.write(",\n".join(lines) + "\n]}\n")


# ---- checks --------------------------------------------------------------------------------

def check_gradients():
    """Backpropagation against central differences: every weight of the small network, 12 of each tensor of the large."""
    worst = 0.0
    for network, (loss, output) in itertools.product(NETWORKS, OUTPUT_ACTIVATION.items()):
        case = {"hidden_activation": "tanh", "output_activation": output, "loss": loss}
        weights, inputs, labels = make(network)
        x, t = inputs[:8], np.eye(NETWORKS[network]["sizes"][-1])[labels[:8]]
        _, gradients = loss_and_gradients(case, weights, x, t)
        for w, g in zip(weights, gradients):
            flat = w.reshape(-1)
            indices = range(flat.size) if flat.size <= 16 else np.linspace(0, flat.size - 1, 12).astype(int)
            for i in indices:
                old, h = flat[i], 1e-5
                flat[i] = old + h
                above, _ = loss_and_gradients(case, weights, x, t)
                flat[i] = old - h
                below, _ = loss_and_gradients(case, weights, x, t)
                flat[i] = old
                numeric = (above - below) / (2 * h)
                worst = max(worst, abs(numeric - g.ravel()[i]) / np.abs(g).max())
    print(f"gradients against central differences: worst relative error {worst:.1e}")
    return worst < 1e-7


def check_float32():
    """The stated tolerance can be met: the same program in float32 stays within it."""
    errors = []
    for case in cases():
        losses, weights = run(case)
        losses32, weights32 = run(case, np.float32)
        assert all(w.dtype == np.float32 for w in weights32)
        worst = max(deviation(a.astype(float), b) for a, b in zip(weights32, weights))
        loss_error = np.max(np.abs(np.array(losses32) / np.array(losses) - 1))
        errors.append((max(worst, loss_error), worst, loss_error, case["name"]))
    for _, worst, loss_error, name in sorted(errors)[-5:]:
        print(f"float32 against float64: weights {worst:.1e}, losses {loss_error:.1e}: {name}")
    return max(errors)[0] < 1e-5


def check_committed():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json")
    with open(path) as file:
        committed = json.load(file)

    def same(a, b):
        if isinstance(a, float):
            return abs(a - b) <= 1e-11 * max(1.0, abs(a))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(map(same, a, b))
        return a == b

    equal = same(committed, json.loads(json.dumps(generate())))
    print(f"golden.json ({os.path.getsize(path)} bytes) {'is' if equal else 'IS NOT'} what this script computes")
    return equal


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if all([check_gradients(), check_float32(), check_torch(), check_committed()]) else 1)
    if sys.argv[1:]:
        sys.exit(__doc__)
    write(generate(), sys.stdout)
