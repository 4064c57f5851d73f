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
import math
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
    if o.get("amsgrad"):
        v = state["h"] = np.maximum(state.get("h", 0), v)
    w -= alpha * m / (np.sqrt(v) + o["epsilon"])


def adamax(o, step, w, g, state):
    b1, b2 = o["beta_1"], o["beta_2"]
    m = state["m"] = state.get("m", 0) + (g - state.get("m", 0)) * (1 - b1)
    u = state["u"] = np.maximum(b2 * state.get("u", 0), np.abs(g))
    w -= o["learning_rate"] * m / ((1 - b1**step) * (u + o["epsilon"]))


def nadam(o, step, w, g, state):
    b1, b2 = o["beta_1"], o["beta_2"]
    share = lambda t: b1 * (1 - 0.5 * 0.96**t)
    product = state["U"] = state.get("U", 1) * share(step)
    m = state["m"] = state.get("m", 0) + (g - state.get("m", 0)) * (1 - b1)
    v = state["v"] = state.get("v", 0) + (g * g - state.get("v", 0)) * (1 - b2)
    m_hat = share(step + 1) * m / (1 - product * share(step + 1)) + (1 - share(step)) * g / (1 - product)
    w -= o["learning_rate"] * m_hat / (np.sqrt(v / (1 - b2**step)) + o["epsilon"])


def adagrad(o, step, w, g, state):
    a = state["a"] = state.get("a", o["initial_accumulator_value"]) + g * g
    w -= o["learning_rate"] * g / np.sqrt(a + o["epsilon"])


def adadelta(o, step, w, g, state):
    rho, eps = o["rho"], o["epsilon"]
    a = state["a"] = rho * state.get("a", 0) + (1 - rho) * g * g
    delta = -np.sqrt(state.get("d", 0) + eps) * g / np.sqrt(a + eps)
    state["d"] = rho * state.get("d", 0) + (1 - rho) * delta * delta
    w += o["learning_rate"] * delta


def lion(o, step, w, g, state):
    m = state.get("m", 0)
    w -= o["learning_rate"] * np.sign(o["beta_1"] * m + (1 - o["beta_1"]) * g)
    state["m"] = o["beta_2"] * m + (1 - o["beta_2"]) * g


UPDATE = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam, "AdamW": adam, "Adamax": adamax, "Nadam": nadam,
          "Adagrad": adagrad, "Adadelta": adadelta, "Lion": lion}


# ---- what all optimizers share ---------------------------------------------------------------

def clip(o, gradients):
    if "clipnorm" in o:
        return [g * o["clipnorm"] / max(np.sqrt((g * g).sum()), o["clipnorm"]) for g in gradients]
    if "global_clipnorm" in o:
        length = np.sqrt(sum((g * g).sum() for g in gradients))
        return [g * o["global_clipnorm"] * min(1 / length, 1 / o["global_clipnorm"]) for g in gradients]
    if "clipvalue" in o:
        return [np.clip(g, -o["clipvalue"], o["clipvalue"]) for g in gradients]
    return gradients


def exponential_decay(c, step):
    p = step / c["decay_steps"]
    return c["initial_learning_rate"] * c["decay_rate"] ** (math.floor(p) if c.get("staircase") else p)


def inverse_time_decay(c, step):
    return c["initial_learning_rate"] / (1 + c["decay_rate"] * step / c["decay_steps"])


def polynomial_decay(c, step):
    steps = c["decay_steps"]
    if c.get("cycle"):
        steps *= 1 if step == 0 else math.ceil(step / steps)
    else:
        step = min(step, steps)
    first, last = c["initial_learning_rate"], c["end_learning_rate"]
    return (first - last) * (1 - step / steps) ** c["power"] + last


def piecewise_constant_decay(c, step):
    for boundary, value in zip(c["boundaries"], c["values"]):
        if step <= boundary:
            return value
    return c["values"][-1]


def cosine_decay(c, step):
    first, warm, target = c["initial_learning_rate"], c.get("warmup_steps", 0), c.get("warmup_target")
    if target is not None:
        if step < warm:
            return (target - first) * step / warm + first
        step, first = step - warm, target
    p = min(step, c["decay_steps"]) / c["decay_steps"]
    return first * ((1 - c["alpha"]) * 0.5 * (1 + math.cos(math.pi * p)) + c["alpha"])


def cosine_decay_restarts(c, step):
    p, t = step / c["first_decay_steps"], c["t_mul"]
    if t == 1:
        restart = math.floor(p)
        p -= restart
    else:
        restart = math.floor(math.log(1 - p * (1 - t)) / math.log(t) + 1e-12)
        p = (p - (1 - t**restart) / (1 - t)) / t**restart
    wave = 0.5 * c["m_mul"] ** restart * (1 + math.cos(math.pi * p))
    return c["initial_learning_rate"] * ((1 - c["alpha"]) * wave + c["alpha"])


def one_cycle(c, step):
    first = c["max_learning_rate"] / c["div_factor"]
    peak, end = c["pct_start"] * c["total_steps"] - 1, c["total_steps"] - 1
    between = lambda a, b, p: b + (a - b) / 2 * (1 + math.cos(math.pi * p))
    if step <= peak:
        return between(first, c["max_learning_rate"], step / peak)
    return between(c["max_learning_rate"], first / c["final_div_factor"], (step - peak) / (end - peak))


SCHEDULE = {"ExponentialDecay": exponential_decay, "InverseTimeDecay": inverse_time_decay,
            "PolynomialDecay": polynomial_decay, "PiecewiseConstantDecay": piecewise_constant_decay,
            "CosineDecay": cosine_decay, "CosineDecayRestarts": cosine_decay_restarts, "OneCycle": one_cycle}


def learning_rate(o, step):
    """The rate of the step that comes after `step` others."""
    rate = o["learning_rate"]
    return SCHEDULE[rate["class_name"]](rate["config"], step) if isinstance(rate, dict) else rate


def apply(o, step, weights, gradients, states):
    """One step, counted from 1, with all that belongs to it."""
    now = dict(o, learning_rate=learning_rate(o, step - 1))
    for w, g, state in zip(weights, clip(o, gradients), states):
        if "weight_decay" in o:
            w -= w * o["weight_decay"] * now["learning_rate"]
        UPDATE[o["class_name"]](now, step, w, g.astype(w.dtype), state)
        if o.get("use_ema"):
            keep = 0 if step == 1 else o["ema_momentum"]
            state["average"] = keep * state.get("average", 0) + (1 - keep) * w
            if "ema_overwrite_frequency" in o and step % o["ema_overwrite_frequency"] == 0:
                w[...] = state["average"]


def finish(o, weights, states):
    if o.get("use_ema"):
        for w, state in zip(weights, states):
            w[...] = state["average"]


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
ADAM = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def schedule(class_name, **config):
    return {"class_name": class_name, "config": config}


# Of these, one loss is enough.
MORE_OPTIMIZERS = {
    "adam_amsgrad": {"class_name": "Adam", **ADAM, "amsgrad": True},
    "adamw": {"class_name": "AdamW", **ADAM, "amsgrad": False, "weight_decay": 0.004},
    "adamax": {"class_name": "Adamax", **ADAM},
    "nadam": {"class_name": "Nadam", **ADAM},
    "adagrad": {"class_name": "Adagrad", "learning_rate": 0.01, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "adadelta": {"class_name": "Adadelta", "learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-7},
    "lion": {"class_name": "Lion", "learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    "sgd_weight_decay": dict(make_sgd(0.1), weight_decay=0.1),
    "momentum_clipnorm": dict(make_sgd(0.1, 0.9), clipnorm=0.05),
    "sgd_global_clipnorm": dict(make_sgd(0.1), global_clipnorm=0.1),
    "sgd_clipvalue": dict(make_sgd(0.1), clipvalue=0.01),
    "adam_ema": {"class_name": "Adam", **ADAM, "use_ema": True, "ema_momentum": 0.8},
    "sgd_ema_overwrite": dict(make_sgd(0.1), use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=6),
    "everything": {"class_name": "AdamW", **ADAM, "amsgrad": True, "weight_decay": 0.1, "global_clipnorm": 0.1,
                   "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 7},
}
SCHEDULES = {
    "exponential": schedule("ExponentialDecay", initial_learning_rate=0.2, decay_steps=7, decay_rate=0.5),
    "step": schedule("ExponentialDecay", initial_learning_rate=0.2, decay_steps=7, decay_rate=0.5, staircase=True),
    "inverse_time": schedule("InverseTimeDecay", initial_learning_rate=0.2, decay_steps=7, decay_rate=0.5),
    "polynomial": schedule("PolynomialDecay", initial_learning_rate=0.2, decay_steps=9, end_learning_rate=0.01,
                           power=2.0),
    "polynomial_cycle": schedule("PolynomialDecay", initial_learning_rate=0.2, decay_steps=6, end_learning_rate=0.01,
                                 power=1.0, cycle=True),
    "piecewise": schedule("PiecewiseConstantDecay", boundaries=[4, 11], values=[0.2, 0.1, 0.05]),
    "cosine": schedule("CosineDecay", initial_learning_rate=0.2, decay_steps=15, alpha=0.1),
    "cosine_warmup": schedule("CosineDecay", initial_learning_rate=0.0, decay_steps=12, alpha=0.0, warmup_target=0.2,
                              warmup_steps=5),
    "restarts": schedule("CosineDecayRestarts", initial_learning_rate=0.2, first_decay_steps=3, t_mul=2.0, m_mul=0.7,
                         alpha=0.05),
    "restarts_equal": schedule("CosineDecayRestarts", initial_learning_rate=0.2, first_decay_steps=6, t_mul=1.0,
                               m_mul=0.9, alpha=0.0),
    "one_cycle": schedule("OneCycle", max_learning_rate=0.3, total_steps=20, pct_start=0.3, div_factor=25.0,
                          final_div_factor=1e4),
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
        more = dict(MORE_OPTIMIZERS)
        if network == "3-5-2":
            more.update({f"sgd_{name}": make_sgd(rate) for name, rate in SCHEDULES.items()})
        else:
            del more["lion"]     # the sign of a sum of next to nothing differs with the rounding
        for name, optimizer in more.items():
            yield {"name": f"{network} more {name}", "network": network, "hidden_activation": "tanh",
                   "output_activation": "softmax", "loss": "categorical_crossentropy", "optimizer": optimizer,
                   "batch_size": 8, "steps": 20}


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
        apply(case["optimizer"], step + 1, weights, gradients, states)
    finish(case["optimizer"], weights, states)
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


# ---- PyTorch -------------------------------------------------------------------------------

TINY = 1e-30     # PyTorch puts epsilon elsewhere


def torch_optimizer(torch, o, parameters):
    """PyTorch's optimizer of the same meaning, or None."""
    kind, optim = o["class_name"], torch.optim
    common = {"lr": 1.0 if isinstance(o["learning_rate"], dict) else o["learning_rate"]}
    adam_options = dict(common, betas=(o.get("beta_1", 0), o.get("beta_2", 0)), eps=TINY)
    if kind == "SGD":
        return optim.SGD(parameters, momentum=o["momentum"], nesterov=o["nesterov"],
                         weight_decay=o.get("weight_decay", 0), **common)
    if kind == "RMSprop":
        return optim.RMSprop(parameters, alpha=o["rho"], momentum=o["momentum"], centered=o["centered"], eps=TINY, **common)
    if kind == "Adam":
        return optim.Adam(parameters, amsgrad=o.get("amsgrad", False), **adam_options)
    if kind == "AdamW":
        return optim.AdamW(parameters, amsgrad=o["amsgrad"], weight_decay=o["weight_decay"], **adam_options)
    if kind == "Adamax":
        return optim.Adamax(parameters, **adam_options)
    if kind == "Nadam" and int(torch.__version__.split(".")[0]) >= 2:     # 1.x has u_t twice in U_{t+1}
        return optim.NAdam(parameters, momentum_decay=1.0, **adam_options)
    if kind == "Adagrad":
        return optim.Adagrad(parameters, initial_accumulator_value=o["initial_accumulator_value"], eps=TINY, **common)
    if kind == "Adadelta":
        return optim.Adadelta(parameters, rho=o["rho"], eps=o["epsilon"], **common)     # the same place as Keras's
    return None


def torch_schedule(torch, rate, optimizer):
    """PyTorch's schedule of the same meaning, or None. The optimizer's rate must be the first one."""
    if not isinstance(rate, dict):
        return None
    c, schedules = rate["config"], torch.optim.lr_scheduler
    optimizer.param_groups[0]["lr"] = c.get("initial_learning_rate", 1.0)
    if rate["class_name"] == "ExponentialDecay" and c.get("staircase"):
        return schedules.StepLR(optimizer, c["decay_steps"], c["decay_rate"])
    if rate["class_name"] == "ExponentialDecay":
        return schedules.ExponentialLR(optimizer, c["decay_rate"] ** (1 / c["decay_steps"]))
    if rate["class_name"] == "PiecewiseConstantDecay":
        optimizer.param_groups[0]["lr"] = c["values"][0]
        return schedules.MultiStepLR(optimizer, [b + 1 for b in c["boundaries"]], c["values"][1] / c["values"][0])
    if rate["class_name"] == "CosineDecayRestarts" and c["t_mul"] == 2 and c["m_mul"] == 1:
        least = c["alpha"] * c["initial_learning_rate"]
        return schedules.CosineAnnealingWarmRestarts(optimizer, c["first_decay_steps"], 2, least)
    if rate["class_name"] == "OneCycle":
        return schedules.OneCycleLR(optimizer, c["max_learning_rate"], c["total_steps"], c["pct_start"],
                                    cycle_momentum=False, div_factor=c["div_factor"],
                                    final_div_factor=c["final_div_factor"])
    return None


def run_torch(torch, case):
    """Final weights by PyTorch, its own gradients included; None where it has nothing alike."""
    o = case["optimizer"]
    weights, inputs, labels = make(case["network"])
    parameters = [torch.tensor(w, requires_grad=True) for w in weights]
    optimizer = torch_optimizer(torch, o, parameters)
    if optimizer is None or o.get("use_ema") or (o["class_name"] not in ("SGD", "AdamW") and "weight_decay" in o):
        return None
    scheduler = torch_schedule(torch, o["learning_rate"], optimizer)
    if isinstance(o["learning_rate"], dict) and scheduler is None:
        return None
    x, t = torch.tensor(inputs), torch.tensor(labels)
    for step in range(case["steps"]):
        rows = batch_rows(case, step)
        y = x[rows]
        for k in range(0, len(parameters), 2):
            y = y @ parameters[k] + parameters[k + 1]
            if k + 2 < len(parameters):
                y = torch.tanh(y)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(y, t[rows]).backward()
        for p in parameters:
            if "clipnorm" in o:
                torch.nn.utils.clip_grad_norm_([p], o["clipnorm"])
        if "global_clipnorm" in o:
            torch.nn.utils.clip_grad_norm_(parameters, o["global_clipnorm"])
        if "clipvalue" in o:
            torch.nn.utils.clip_grad_value_(parameters, o["clipvalue"])
        optimizer.step()
        if scheduler:
            scheduler.step()
    return [p.detach().numpy() for p in parameters]


def check_torch():
    """Against PyTorch in double, where it has the optimizer and the schedule."""
    try:
        import torch
    except ImportError:
        print("no PyTorch here: not compared with it")
        return True
    compared, worst = [], (0.0, "")
    restarts = schedule("CosineDecayRestarts", initial_learning_rate=0.2, first_decay_steps=3, t_mul=2.0, m_mul=1.0,
                        alpha=0.05)
    further = {"name": "3-5-2 restarts as PyTorch has them", "network": "3-5-2", "hidden_activation": "tanh",
               "output_activation": "softmax", "loss": "categorical_crossentropy", "optimizer": make_sgd(restarts),
               "batch_size": 8, "steps": 20}
    for case in [*cases(), further]:
        if case["loss"] != "categorical_crossentropy" or case["hidden_activation"] != "tanh":
            continue
        o = case["optimizer"]
        if "epsilon" in o and o["class_name"] != "Adadelta":
            case = dict(case, optimizer=dict(o, epsilon=TINY))
        theirs = run_torch(torch, case)
        if theirs is None:
            continue
        if any("norm" in key for key in o):
            limit = 1e-4    # PyTorch adds 1e-6 to the length
        else:
            limit = 1e-9
        difference = max(deviation(a, b) for a, b in zip(run(case)[1], theirs))
        compared.append(case["name"])
        worst = max(worst, (difference / limit, f"{difference:.1e}: {case['name']}"))
    print(f"PyTorch {torch.__version__}: {len(compared)} cases compared, nearest to its limit {worst[1]}")
    return worst[0] < 1 and len(compared) >= 30


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
