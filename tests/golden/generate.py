#!/usr/bin/env python3
"""Weight trajectories of small networks, computed in numpy float64.

    python3 generate.py > golden.json     write the file
    python3 generate.py --check           test this script and the committed golden.json

An implementation that replays a case from golden.json alone must arrive at the same losses and
weights. The arithmetic is written out plainly and shares nothing with the library it tests:
losses give dL/dy, activations turn that into dL/dz, nothing is fused or simplified.
Update formulas: Keras 3, keras/src/optimizers/{sgd,rmsprop,adam}.py.
"""
import itertools
import json
import os
import sys

import numpy as np

SAMPLES = 40
PROBES = 40
NETWORKS = {
    "3-5-2": {"sizes": [3, 5, 2], "weight_range": 0.6, "zero_below": None},
    "784-32-16-10": {"sizes": [784, 32, 16, 10], "weight_range": 0.2, "zero_below": 0.6},
}

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
    "loss_formulas": "Per row: squared_error sum (y-t)^2; quadratic half of that; mean_squared_error that sum / outputs; "
                     "binary_crossentropy mean over outputs of -(t log y + (1-t) log(1-y)); "
                     "categorical and sparse_categorical_crossentropy -log y[label].",
    "compare": "A float32 run agrees to |a - b| <= 1e-5 * max(|b|, root mean square of the tensor b), losses to 1e-5 relative. "
               "sum: tolerance 1e-5 * sqrt(count * sum_of_squares); sum_of_squares: 2e-5 relative. "
               "probes are [index in the row-major tensor, value].",
}


# ---- numbers -------------------------------------------------------------------------------

def stream(seed):
    s = seed
    while True:
        s = (1664525 * s + 1013904223) % 2**32
        yield s / 2**32


def draw(numbers, *shape):
    return np.array(list(itertools.islice(numbers, int(np.prod(shape))))).reshape(shape)


def make(network, dtype=np.float64):
    """The initial weights [kernel0, bias0, ...], the inputs and the labels of a network."""
    spec = NETWORKS[network]
    sizes = spec["sizes"]
    numbers = stream(1)
    weights = []
    for fan_in, units in zip(sizes, sizes[1:]):
        for shape in ((fan_in, units), (units,)):
            weights.append(((draw(numbers, *shape) - 0.5) * spec["weight_range"]).astype(dtype))
    inputs = 2 * draw(stream(2), SAMPLES, sizes[0]) - 1
    if spec["zero_below"] is not None:
        inputs = np.where(inputs > spec["zero_below"], inputs, 0.0)
    labels = np.floor(draw(stream(3), SAMPLES) * sizes[-1]).astype(int)
    return weights, inputs.astype(dtype), labels


# ---- network -------------------------------------------------------------------------------

def activate(name, z):
    if name == "tanh":
        return np.tanh(z)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    e = np.exp(z - z.max(axis=1, keepdims=True))      # softmax
    return e / e.sum(axis=1, keepdims=True)


def activation_gradient(name, y, dy):
    """dL/dz from the activation's output y and dL/dy."""
    if name == "tanh":
        return dy * (1 - y * y)
    if name == "sigmoid":
        return dy * y * (1 - y)
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


def loss_and_gradient(name, y, t):
    """Mean loss over the rows, and dL/dy of that mean."""
    rows, outputs = y.shape
    if name in ("squared_error", "quadratic", "mean_squared_error"):
        scale = {"squared_error": 1, "quadratic": 0.5, "mean_squared_error": 1 / outputs}[name]
        return scale * ((y - t) ** 2).sum() / rows, scale * 2 * (y - t) / rows
    if name == "binary_crossentropy":
        terms = t * np.log(y) + (1 - t) * np.log(1 - y)
        return -terms.sum() / (rows * outputs), -(t / y - (1 - t) / (1 - y)) / (rows * outputs)
    return -(t * np.log(y)).sum() / rows, -t / y / rows     # (sparse) categorical


def forward(case, weights, x):
    """Outputs of every layer, the input first."""
    outputs = [x]
    layers = len(weights) // 2
    for k in range(layers):
        z = outputs[-1] @ weights[2 * k] + weights[2 * k + 1]
        last = k == layers - 1
        outputs.append(activate(case["output_activation" if last else "hidden_activation"], z))
    return outputs


def loss_and_gradients(case, weights, x, t):
    outputs = forward(case, weights, x)
    loss, d = loss_and_gradient(case["loss"], outputs[-1], t)
    gradients = [None] * len(weights)
    layers = len(weights) // 2
    for k in reversed(range(layers)):
        last = k == layers - 1
        dz = activation_gradient(case["output_activation" if last else "hidden_activation"], outputs[k + 1], d)
        gradients[2 * k] = outputs[k].T @ dz
        gradients[2 * k + 1] = dz.sum(axis=0)
        d = dz @ weights[2 * k].T
    return loss, gradients


# ---- optimizers: each keeps its state in a dict per tensor, and changes w in place ------------

def sgd(o, step, w, g, state):
    lr, mu = o["learning_rate"], o["momentum"]
    if mu == 0:
        w -= lr * g
        return
    m = state["m"] = mu * state.get("m", 0) - lr * g
    w += mu * m - lr * g if o["nesterov"] else m


def rmsprop(o, step, w, g, state):
    lr, rho, mu = o["learning_rate"], o["rho"], o["momentum"]
    v = state["v"] = rho * state.get("v", 0) + (1 - rho) * g * g
    denominator = v + o["epsilon"]                    # epsilon stands inside the root
    if o["centered"]:
        a = state["a"] = rho * state.get("a", 0) + (1 - rho) * g
        denominator = v - a * a + o["epsilon"]
    increment = lr * g / np.sqrt(denominator)
    if mu > 0:
        increment = state["m"] = mu * state.get("m", 0) + increment
    w -= increment


def adam(o, step, w, g, state):
    b1, b2 = o["beta_1"], o["beta_2"]
    m = state["m"] = state.get("m", 0) + (g - state.get("m", 0)) * (1 - b1)
    v = state["v"] = state.get("v", 0) + (g * g - state.get("v", 0)) * (1 - b2)
    alpha = o["learning_rate"] * np.sqrt(1 - b2**step) / (1 - b1**step)     # step counts from 1
    w -= alpha * m / (np.sqrt(v) + o["epsilon"])


UPDATE = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam}


def make_sgd(learning_rate, momentum=0.0, nesterov=False):
    return {"class_name": "SGD", "learning_rate": learning_rate, "momentum": momentum, "nesterov": nesterov}


def make_rmsprop(momentum=0.0, centered=False):
    return {"class_name": "RMSprop", "learning_rate": 0.001, "rho": 0.9, "momentum": momentum,
            "epsilon": 1e-7, "centered": centered}


OPTIMIZERS = {
    "sgd": make_sgd(0.1),
    "sgd_momentum": make_sgd(0.05, 0.9),
    "sgd_nesterov": make_sgd(0.05, 0.9, True),
    "rmsprop": make_rmsprop(),
    "rmsprop_centered": make_rmsprop(centered=True),
    "rmsprop_momentum": make_rmsprop(momentum=0.9),
    "adam": {"class_name": "Adam", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
}
OUTPUT_ACTIVATION = {
    "mean_squared_error": "sigmoid",
    "squared_error": "tanh",
    "quadratic": "sigmoid",
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


# ---- cases ---------------------------------------------------------------------------------

def cases():
    for network in NETWORKS:
        yield {"name": f"{network} single squared_error sgd", "network": network,
               "hidden_activation": "tanh", "output_activation": "tanh", "loss": "squared_error",
               "optimizer": make_sgd(0.05 if network == "3-5-2" else 0.01), "batch_size": 1, "steps": 100}
        for loss, optimizer in itertools.product(OUTPUT_ACTIVATION, OPTIMIZERS):
            yield {"name": f"{network} batch {loss} {optimizer}", "network": network,
                   "hidden_activation": "tanh", "output_activation": OUTPUT_ACTIVATION[loss], "loss": loss,
                   "optimizer": OPTIMIZERS[optimizer], "batch_size": 8, "steps": 20}


def batch_rows(case, step):
    return (step * case["batch_size"] + np.arange(case["batch_size"])) % SAMPLES


def run(case, dtype=np.float64):
    """Trains a case; returns the loss of each step and the final weights."""
    weights, inputs, labels = make(case["network"], dtype)
    targets = np.eye(NETWORKS[case["network"]]["sizes"][-1], dtype=dtype)[labels]
    states = [{} for _ in weights]
    losses = []
    for step in range(case["steps"]):
        rows = batch_rows(case, step)
        loss, gradients = loss_and_gradients(case, weights, inputs[rows], targets[rows])
        losses.append(float(loss))
        for w, g, state in zip(weights, gradients, states):
            UPDATE[case["optimizer"]["class_name"]](case["optimizer"], step + 1, w, g.astype(dtype), state)
    return losses, weights


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


def deviation(a, b):
    """The measure of ABOUT['compare']: 1 means a relative difference of 1."""
    scale = np.maximum(np.abs(b), np.sqrt((b * b).mean()))
    return float((np.abs(a - b) / scale).max())


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
        sys.exit(0 if all([check_gradients(), check_float32(), check_committed()]) else 1)
    if sys.argv[1:]:
        sys.exit(__doc__)
    write(generate(), sys.stdout)
