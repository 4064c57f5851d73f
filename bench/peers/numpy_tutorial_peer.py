#!/usr/bin/python3
"""The single-sample networks in numpy as a tutorial writes them: float64, one column vector a sample, np.dot.

numpy_peer.py does the same work with more care (float32, flat vectors, nothing parsed while training).
"""
import common

options = common.parse(__doc__)
import numpy as np

random = np.random.default_rng(1)


def time_epoch(name, train, samples, accuracy):
    """`train(first, last)` trains on these samples one by one; the epoch's time is scaled up from its first part."""
    train(0, 200)      # warm-up
    time = common.seconds(lambda: train(200, 200 + common.SINGLE_SAMPLES))
    return common.result(name, time * samples / common.SINGLE_SAMPLES, samples, accuracy=accuracy(),
                         measured_samples=common.SINGLE_SAMPLES)


# ---- layers as objects, each with a forward and a backward method --------------------------------

class Dense:
    def __init__(self, inputs, units):
        self.weights = random.normal(0, 0.1, (units, inputs))
        self.bias = random.normal(0, 0.1, (units, 1))

    def forward(self, x):
        self.x = x
        return np.dot(self.weights, x) + self.bias

    def backward(self, gradient, rate):
        weights_gradient = np.dot(gradient, self.x.T)
        passed_down = np.dot(self.weights.T, gradient)
        self.weights -= rate * weights_gradient
        self.bias -= rate * gradient
        return passed_down


class Tanh:
    def forward(self, x):
        self.x = x
        return np.tanh(x)

    def backward(self, gradient, rate):
        return np.multiply(gradient, 1 - np.tanh(self.x) ** 2)


@common.workload("sample-sgd")
def sample_sgd(name):
    (images, labels), (test_images, test_labels) = common.mnist()
    x = images.astype(np.float64).reshape(-1, 784, 1)
    targets = np.eye(10)[labels].reshape(-1, 10, 1)
    network = [Dense(784, 32), Tanh(), Dense(32, 16), Tanh(), Dense(16, 10), Tanh()]

    def predict(column):
        for layer in network:
            column = layer.forward(column)
        return column

    def train(first, last):
        error = 0
        for sample, target in zip(x[first:last], targets[first:last]):
            output = predict(sample)
            error += np.sum(np.power(target - output, 2))
            gradient = 2 * (output - target)
            for layer in reversed(network):
                gradient = layer.backward(gradient, 0.01)

    def accuracy():
        columns = test_images.astype(np.float64).reshape(-1, 784, 1)
        return float(np.mean([np.argmax(predict(column)) == label for column, label in zip(columns, test_labels)]))

    return time_epoch(name, train, len(x), accuracy)


# ---- a network that trains from lines of CSV: parsed, scaled and turned into columns in the loop ---

class LineNetwork:
    def __init__(self):
        self.hidden_weights = random.normal(0, 90 ** -0.5, (90, 784))
        self.output_weights = random.normal(0, 10 ** -0.5, (10, 90))
        self.rate = 0.1

    def query(self, values):
        self.inputs = np.array(values, ndmin=2).T
        self.hidden = self.squash(np.dot(self.hidden_weights, self.inputs))
        return self.squash(np.dot(self.output_weights, self.hidden))

    def train(self, values, wanted):
        outputs = self.query(values)
        errors = np.array(wanted, ndmin=2).T - outputs
        hidden_errors = np.dot(self.output_weights.T, errors)
        self.output_weights += self.rate * np.dot(errors * outputs * (1 - outputs), self.hidden.T)
        self.hidden_weights += self.rate * np.dot(hidden_errors * self.hidden * (1 - self.hidden), self.inputs.T)

    @staticmethod
    def squash(z):
        return 1 / (1 + np.exp(-z))


def csv_lines(part):
    """The lines of MNIST's CSV form, label first; made before the clock starts, as a program would have read them."""
    images = common.idx(f"{part}-images-idx3-ubyte", 16).reshape(-1, 784)
    labels = common.idx(f"{part}-labels-idx1-ubyte", 8)
    words = np.arange(256).astype(str)
    return [f"{label}," + ",".join(words[image]) for label, image in zip(labels, images)]


def scaled(fields):
    return np.asarray(fields, dtype=np.float64) / 255.0 * 0.99 + 0.01


@common.workload("sigmoid-sample")
def sigmoid_sample(name):
    network, lines = LineNetwork(), csv_lines("train")

    def train(first, last):
        for line in lines[first:last]:
            label, *pixels = line.split(",")
            wanted = np.zeros(10) + 0.01
            wanted[int(label)] = 0.99
            network.train(scaled(pixels), wanted)

    def accuracy():
        hits = []
        for line in csv_lines("t10k"):
            label, *pixels = line.split(",")
            hits.append(np.argmax(network.query(scaled(pixels))) == int(label))
        return float(np.mean(hits))

    return time_epoch(name, train, len(lines), accuracy)


common.main(f"numpy {np.__version__}, tutorial style")
