"""The numbers and the networks of generate.py: random numbers, forward pass, losses, gradients."""
import itertools

import numpy as np

SAMPLES = 40
NETWORKS = {
    "3-5-2": {"sizes": [3, 5, 2], "weight_range": 0.6, "zero_below": None},
    "784-32-16-10": {"sizes": [784, 32, 16, 10], "weight_range": 0.2, "zero_below": 0.6},
}


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
