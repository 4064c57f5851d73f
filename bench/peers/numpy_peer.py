#!/usr/bin/python3
"""The dense workloads in numpy, tuned: float32, flat vectors, batches vectorised."""
import common

options = common.parse(__doc__)
import numpy as np

random = np.random.default_rng(1)


def normal(deviation, *shape):
    return (random.standard_normal(shape) * deviation).astype(np.float32)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def one_hot(labels, off=0.0, on=1.0):
    targets = np.full((len(labels), 10), off, np.float32)
    targets[np.arange(len(labels)), labels] = on
    return targets


def accuracy(outputs, labels):
    return float((outputs.argmax(axis=1) == labels).mean())


# ---- one sample a step ------------------------------------------------------------------------

@common.workload("sample-sgd")
def sample_sgd(name):
    (x, labels), (test_x, test_labels) = common.mnist()
    targets = one_hot(labels)
    sizes = [784, 32, 16, 10]
    weights = [normal(0.1, units, fan_in) for fan_in, units in zip(sizes, sizes[1:])]     # (units, inputs)
    biases = [normal(0.1, units) for units in sizes[1:]]
    rate = np.float32(0.01)

    def forward(v):
        outputs = [v]
        for w, b in zip(weights, biases):
            outputs.append(np.tanh(w @ outputs[-1] + b))
        return outputs

    def train(first, last):
        for i in range(first, last):
            outputs = forward(x[i])
            d = 2 * (outputs[-1] - targets[i])
            for k in (2, 1, 0):
                dz = d * (1 - outputs[k + 1] ** 2)
                if k:
                    d = weights[k].T @ dz
                weights[k] -= rate * np.outer(dz, outputs[k])
                biases[k] -= rate * dz

    train(0, 200)      # warm-up
    time = common.seconds(lambda: train(200, 200 + common.SINGLE_SAMPLES))
    out = test_x
    for w, b in zip(weights, biases):
        out = np.tanh(out @ w.T + b)
    return common.result(name, time * len(x) / common.SINGLE_SAMPLES, len(x),
                         accuracy=accuracy(out, test_labels), measured_samples=common.SINGLE_SAMPLES)


@common.workload("sigmoid-sample")
def sigmoid_sample(name):
    """Tariq Rashid's network (Make Your Own Neural Network)."""
    (x, labels), (test_x, test_labels) = common.mnist(0.99 / 255, 0.01)
    targets = one_hot(labels, 0.01, 0.99)
    hidden_weights, output_weights = normal(90 ** -0.5, 90, 784), normal(10 ** -0.5, 10, 90)
    rate = np.float32(0.1)

    def train(first, last):
        nonlocal hidden_weights, output_weights
        for i in range(first, last):
            inputs = x[i].reshape(-1, 1)
            hidden = sigmoid(hidden_weights @ inputs)
            outputs = sigmoid(output_weights @ hidden)
            errors = targets[i].reshape(-1, 1) - outputs
            hidden_errors = output_weights.T @ errors
            output_weights += rate * np.dot(errors * outputs * (1 - outputs), hidden.T)
            hidden_weights += rate * np.dot(hidden_errors * hidden * (1 - hidden), inputs.T)

    train(0, 200)
    time = common.seconds(lambda: train(200, 200 + common.SINGLE_SAMPLES))
    out = sigmoid(sigmoid(test_x @ hidden_weights.T) @ output_weights.T)
    return common.result(name, time * len(x) / common.SINGLE_SAMPLES, len(x),
                         accuracy=accuracy(out, test_labels), measured_samples=common.SINGLE_SAMPLES)


# ---- batches ----------------------------------------------------------------------------------

@common.workload("minibatch")
def minibatch(name, epochs=10, batch=1000, rate=np.float32(3)):
    (x, labels), (test_x, test_labels) = common.mnist()
    x, targets = x[:50_000], one_hot(labels[:50_000])
    w1, b1, w2, b2 = normal(1, 784, 30), normal(1, 30), normal(1, 30, 10), normal(1, 10)

    def train(count):
        for _ in range(count):
            order = random.permutation(len(x))
            for start in range(0, len(x), batch):
                rows = order[start:start + batch]
                inputs = x[rows]
                hidden = sigmoid(inputs @ w1 + b1)
                outputs = sigmoid(hidden @ w2 + b2)
                d2 = (outputs - targets[rows]) * outputs * (1 - outputs)
                d1 = d2 @ w2.T * hidden * (1 - hidden)
                for parameter, gradient in ((w2, hidden.T @ d2), (b2, d2.sum(axis=0)),
                                            (w1, inputs.T @ d1), (b1, d1.sum(axis=0))):
                    parameter -= rate / batch * gradient

    train(1)
    time = common.seconds(lambda: train(epochs)) / epochs
    out = sigmoid(sigmoid(test_x @ w1 + b1) @ w2 + b2)
    return common.result(name, time, len(x), accuracy=accuracy(out, test_labels), measured_samples=epochs * len(x))


def rmsprop(w, g, state, step):
    v = state.setdefault("v", np.zeros_like(w))
    v *= np.float32(0.9)
    v += np.float32(0.1) * g * g
    w -= np.float32(0.001) * g / np.sqrt(v + np.float32(1e-7))


def adam(w, g, state, step):
    m, v = state.setdefault("m", np.zeros_like(w)), state.setdefault("v", np.zeros_like(w))
    m += (g - m) * np.float32(0.1)
    v += (g * g - v) * np.float32(0.001)
    alpha = 0.001 * (1 - 0.999 ** step) ** 0.5 / (1 - 0.9 ** step)
    w -= np.float32(alpha) * m / (np.sqrt(v) + np.float32(1e-7))


class Classifier:
    """relu layers, softmax, cross-entropy."""

    def __init__(self, sizes, update, deviation=None):
        """Kernels N(0, deviation^2), by default He's 2/inputs; biases 0."""
        self.update, self.step = update, 0
        self.parameters = []
        for fan_in, units in zip(sizes, sizes[1:]):
            self.parameters += [normal(deviation or (2 / fan_in) ** 0.5, fan_in, units), np.zeros(units, np.float32)]
        self.states = [{} for _ in self.parameters]

    def forward(self, x):
        outputs = [x]
        for w, b in zip(self.parameters[:-2:2], self.parameters[1:-2:2]):
            outputs.append(np.maximum(outputs[-1] @ w + b, 0))
        z = outputs[-1] @ self.parameters[-2] + self.parameters[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return outputs + [e / e.sum(axis=1, keepdims=True)]

    def train(self, x, targets):
        *outputs, y = self.forward(x)
        d = (y - targets) / np.float32(len(x))
        self.step += 1
        for k in range(len(self.parameters) - 2, -1, -2):
            inputs, w = outputs[k // 2], self.parameters[k]
            gradients = inputs.T @ d, d.sum(axis=0)
            if k:
                d = d @ w.T * (inputs > 0)
            for j, g in zip((k, k + 1), gradients):
                self.update(self.parameters[j], g, self.states[j], self.step)

    def epoch(self, x, targets, batch):
        order = random.permutation(len(x))
        for start in range(0, len(x), batch):
            rows = order[start:start + batch]
            self.train(x[rows], targets[rows])


def train_epochs(name, make, epochs, batch, **scaling):
    (x, labels), (test_x, test_labels) = common.mnist(**scaling)
    targets = one_hot(labels)
    make().epoch(x[:10 * batch], targets[:10 * batch], batch)      # warm-up
    model = make()
    time = common.seconds(lambda: [model.epoch(x, targets, batch) for _ in range(epochs)])
    return common.result(name, time, epochs * len(x), accuracy=accuracy(model.forward(test_x)[-1], test_labels))


@common.workload("keras-mlp")
def keras_mlp(name):
    return train_epochs(name, lambda: Classifier([784, 90, 10], rmsprop, 0.05), 5, 200, scale=0.99 / 255, offset=0.01)


@common.workload("mid-mlp")
def mid_mlp(name):
    return train_epochs(name, lambda: Classifier([784, 512, 512, 10], adam), 1, 128)


@common.workload("wide-mlp")
def wide_mlp(name, batch=256):
    (x, labels), _ = common.mnist()
    targets = one_hot(labels)
    model = Classifier([784, 2048, 2048, 10], adam)

    def step():
        rows = random.integers(0, len(x), batch)
        model.train(x[rows], targets[rows])

    time = common.seconds_per_call(step, budget=3)
    return common.result(name, time, batch, gflops=common.wide_mlp_flops(batch) / time / 1e9)


@common.workload("predict-1")
def predict_1(name, rows=1):
    _, (x, _) = common.mnist()
    model = Classifier([784, 90, 10], None)
    x = x[:rows]
    return common.result(name, common.seconds_per_call(lambda: model.forward(x)), rows)


@common.workload("predict-10k")
def predict_10k(name):
    return predict_1(name, 10_000)


common.main(f"numpy {np.__version__}")
