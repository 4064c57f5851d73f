"""How the cases of generate.py are trained: optimizers, what they share, and schedules.

Each optimizer keeps its state in a dict per tensor, and changes w in place.
"""
import math

import numpy as np


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
