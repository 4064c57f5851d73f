#!/usr/bin/env python3
"""Trajectories of small convolutional networks, computed by PyTorch in float64.

    python3 convolution.py > convolution.json

The layers are written as Gradus reads them and, beside that, as PyTorch computes them. Random numbers, weights, labels
and batches are those of network.py: weights from stream 1, layer by layer, each in the row-major order of Keras's
shape (a kernel is (height, width, inputs, filters)); images (height, width, channels) from stream 2; labels from 3.
"""
import json

import numpy as np
import torch
from torch.nn import functional as F

from network import draw, stream

SAMPLES, BATCH, STEPS, CLASSES, RANGE = 24, 6, 8, 4, 0.6
RATE, MOMENTUM = 0.05, 0.9


def same(size, window, stride, dilation=1):
    """TensorFlow's padding: before, after."""
    count = -(-size // stride)
    total = max(0, (count - 1) * stride + (window - 1) * dilation + 1 - size)
    return total // 2, total - total // 2


def pad(x, window, stride, dilation, value=0.0):
    (top, bottom), (left, right) = (same(x.shape[2 + i], window[i], stride[i], dilation[i]) for i in (0, 1))
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(weights, x, stride=(1, 1), padded=False, dilation=(1, 1), groups=1):
    kernel, bias = weights
    if padded:
        x = pad(x, kernel.shape[:2], stride, dilation)
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, stride, 0, dilation, groups)


def depthwise(weights, x, stride=(1, 1), padded=False):
    kernel, bias = weights                                  # (height, width, channels, multiplier)
    height, width, channels, multiplier = kernel.shape
    if padded:
        x = pad(x, (height, width), stride, (1, 1))
    filters = kernel.permute(2, 3, 0, 1).reshape(channels * multiplier, 1, height, width)
    return F.conv2d(x, filters, bias, stride, 0, 1, channels)


def max_pool(x, window, stride, padded=False):
    return F.max_pool2d(pad(x, window, stride, (1, 1), float("-inf")) if padded else x, window, stride)


def average_pool(x, window, stride, padded=False):
    if not padded:
        return F.avg_pool2d(x, window, stride)
    ones = torch.ones_like(x[:1, :1])
    total, count = (F.avg_pool2d(pad(each, window, stride, (1, 1)), window, stride) for each in (x, ones))
    return total / count


def flat(x):
    return x.permute(0, 2, 3, 1).flatten(1)                 # the order of channels_last


def dense(weights, x):
    return x @ weights[0] + weights[1]


# name: image shape, layers for Gradus, shapes of the weights, the network from weights and x to logits.
CASES = {
    "valid": ((9, 8, 1), "conv2d 6 3x3 relu, max_pooling2d 2, conv2d 5 2x2 tanh, flatten, dense 4 softmax",
              [(3, 3, 1, 6), (6,), (2, 2, 6, 5), (5,), (20, 4), (4,)],
              lambda w, x: dense(w[4:], flat(torch.tanh(conv(w[2:4], max_pool(conv(w[0:2], x).relu(), 2, 2)))))),
    "same and strides": ((7, 8, 3), "conv2d 4 4x3 strides=2x3 same sigmoid, max_pooling2d 3 2 same, flatten, dense 4 softmax",
                         [(4, 3, 3, 4), (4,), (16, 4), (4,)],
                         lambda w, x: dense(w[2:], flat(max_pool(torch.sigmoid(
                             conv(w[0:2], x, (2, 3), True)), (3, 3), (2, 2), True)))),
    "dilation and groups": ((8, 9, 4), "conv2d 6 3x3 dilation_rate=2 groups=2 same tanh, average_pooling2d 3x2 2 same, "
                                       "global_average_pooling2d, dense 4 softmax",
                            [(3, 3, 2, 6), (6,), (6, 4), (4,)],
                            lambda w, x: dense(w[2:], average_pool(torch.tanh(
                                conv(w[0:2], x, (1, 1), True, (2, 2), 2)), (3, 2), (2, 2), True).mean((2, 3)))),
    "depthwise": ((6, 7, 3), "depthwise_conv2d 3x2 strides=2 same depth_multiplier=2 relu, conv2d 8 1x1 tanh, "
                             "average_pooling2d 2x1, global_max_pooling2d, dense 4 softmax",
                  [(3, 2, 3, 2), (6,), (1, 1, 6, 8), (8,), (8, 4), (4,)],
                  lambda w, x: dense(w[4:], average_pool(torch.tanh(conv(w[2:4], depthwise(
                      w[0:2], x, (2, 2), True).relu())), (2, 1), (2, 1)).amax((2, 3)))),
}


def run(shape, weight_shapes, network):
    numbers = stream(1)
    weights = [torch.tensor((draw(numbers, *s) - 0.5) * RANGE, requires_grad=True) for s in weight_shapes]
    images = torch.tensor(2 * draw(stream(2), SAMPLES, *shape) - 1).permute(0, 3, 1, 2)
    labels = torch.tensor(np.floor(draw(stream(3), SAMPLES) * CLASSES).astype(int))
    optimizer = torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        rows = (step * BATCH + np.arange(BATCH)) % SAMPLES
        loss = F.cross_entropy(network(weights, images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return losses, [w.detach().numpy() for w in weights]


def describe(w):
    values = w.ravel()
    probes = [int(i) for i in np.unique(np.linspace(0, len(values) - 1, 12).astype(int))]
    return {"shape": list(w.shape), "sum": float(values.sum()), "sum_of_squares": float((values * values).sum()),
            "probes": [[i, float(values[i])] for i in probes]}


def main():
    cases = []
    for name, (shape, layers, weight_shapes, network) in CASES.items():
        losses, weights = run(shape, weight_shapes, network)
        cases.append({"name": name, "shape": shape, "layers": layers, "losses": losses,
                      "weights": [describe(w) for w in weights]})
    head = {"about": "By PyTorch in float64; see convolution.py.", "samples": SAMPLES, "batch_size": BATCH,
            "classes": CLASSES, "weight_range": RANGE, "learning_rate": RATE, "momentum": MOMENTUM}
    print(json.dumps(head)[:-1] + ', "cases": [')
    print(",\n".join(map(json.dumps, cases)) + "\n]}")


if __name__ == "__main__":
    main()
