#!/usr/bin/env python3
"""Recipe minibatch-1000 in numpy: test accuracy after some epochs, for ten seeds.

usage: minibatch.py MNIST_DIRECTORY [EPOCHS]

784-30-10, sigmoid, cost 1/2 |y - t|^2 averaged over the batch, weights and biases N(0, 1), batches of 1000 in a new
order every epoch, learning rate 3, the first 50,000 training images. The recipe's test holds Gradus against this.
"""
import gzip
import statistics
import sys

import numpy as np


def read(name, offset):
    with gzip.open(f"{sys.argv[1]}/{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def accuracy(seed, epochs, x, t, test_x, test_labels):
    random = np.random.default_rng(seed)
    w1, b1 = random.standard_normal((784, 30)), random.standard_normal(30)
    w2, b2 = random.standard_normal((30, 10)), random.standard_normal(10)
    for _ in range(epochs):
        order = random.permutation(len(x))
        for i in range(0, len(x), 1000):
            batch = order[i:i + 1000]
            a0 = x[batch]
            a1 = sigmoid(a0 @ w1 + b1)
            a2 = sigmoid(a1 @ w2 + b2)
            d2 = (a2 - t[batch]) * a2 * (1 - a2)
            d1 = (d2 @ w2.T) * a1 * (1 - a1)
            rate = 3 / len(batch)
            w2 -= rate * (a1.T @ d2)
            b2 -= rate * d2.sum(0)
            w1 -= rate * (a0.T @ d1)
            b1 -= rate * d1.sum(0)
    y = sigmoid(sigmoid(test_x @ w1 + b1) @ w2 + b2)
    return float((y.argmax(1) == test_labels).mean())


def main():
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    x = read("train-images-idx3-ubyte", 16).reshape(-1, 784)[:50000] / 255
    t = np.eye(10)[read("train-labels-idx1-ubyte", 8)[:50000]]
    test_x = read("t10k-images-idx3-ubyte", 16).reshape(-1, 784) / 255
    test_labels = read("t10k-labels-idx1-ubyte", 8)
    results = [accuracy(seed, epochs, x, t, test_x, test_labels) for seed in range(10)]
    print(f"{epochs} epochs: median {statistics.median(results):.4f}, from {min(results):.4f} to {max(results):.4f}")


if __name__ == "__main__":
    main()
