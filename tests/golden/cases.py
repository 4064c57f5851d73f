"""The cases of generate.py, and what it takes to run one."""
import itertools

import numpy as np

from network import NETWORKS, SAMPLES, loss_and_gradients, make
from update_rules import apply, finish


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


def deviation(a, b):
    """The measure of "compare" in golden.json: 1 means a relative difference of 1."""
    scale = np.maximum(np.abs(b), np.sqrt((b * b).mean()))
    return float((np.abs(a - b) / scale).max())
