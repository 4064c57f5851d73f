#!/usr/bin/env python3
"""Steps of training through normalisation, activations and other layers, computed by PyTorch in float64.

    python3 normalization.py > normalization.json

Data and weights are drawn from the random numbers of golden.json ("random_numbers" there), in the order of use. Each
model is trained by plain gradient descent on the mean squared error, batches in order. PyTorch's own running variance
is divided by n - 1; Keras's, which is meant here, by n, so the moving averages are kept by hand.
"""
import itertools
import json
import sys

import torch
import torch.nn.functional as F

from network import stream

torch.set_default_dtype(torch.float64)
BATCH, STEPS, RATE = 6, 5, 0.02


def draw(numbers, *shape):
    count = 1
    for size in shape:
        count *= size
    return (torch.tensor(list(itertools.islice(numbers, count))) * 2 - 1).reshape(shape)


class Model:
    """The weights in Gradus's order, made as they are asked for."""

    def __init__(self):
        self.numbers = stream(1)
        self.weights, self.trained = [], []
        self.next = 0

    def weight(self, *shape, trained=True):
        if self.next == len(self.weights):
            values = draw(self.numbers, *shape) * 0.5
            if not trained:
                values = values.abs() + 0.5
            self.weights.append(values.requires_grad_(trained))
            self.trained.append(trained)
        self.next += 1
        return self.weights[self.next - 1]

    def dense(self, x, units):
        kernel = self.weight(x.shape[-1], units)
        return x @ kernel + self.weight(units)

    def batch_norm(self, x, momentum=0.9, epsilon=0.001):
        channels = x.shape[-1]
        gamma, beta = self.weight(channels), self.weight(channels)
        average, spread = self.weight(channels, trained=False), self.weight(channels, trained=False)
        flat = x.reshape(-1, channels)
        y = F.batch_norm(flat, None, None, gamma, beta, True, 0, epsilon).reshape(x.shape)
        average.mul_(momentum).add_((1 - momentum) * flat.mean(0).detach())
        spread.mul_(momentum).add_((1 - momentum) * flat.var(0, unbiased=False).detach())
        return y

    def layer_norm(self, x, epsilon=0.001):
        gamma, beta = self.weight(x.shape[-1]), self.weight(x.shape[-1])
        return F.layer_norm(x, (x.shape[-1],), gamma, beta, epsilon)

    def prelu(self, x):
        return torch.where(x > 0, x, self.weight(x.shape[-1]) * x)


def batch_norm_images(m, x):
    x = m.batch_norm(x)
    x = torch.tanh(m.dense(x, 5))
    x = m.batch_norm(x).flatten(1)
    return m.dense(x, 2)


def batch_norm_rows(m, x):
    x = F.elu(m.batch_norm(m.dense(x, 7)))
    return m.dense(m.batch_norm(x), 2)


def layer_norm(m, x):
    x = F.gelu(m.dense(m.layer_norm(x), 6))
    x = F.silu(m.dense(m.layer_norm(x), 5)).flatten(1)
    x = F.mish(m.dense(x, 4))
    return m.dense(m.prelu(x), 2)


def residual(m, x):
    inner = m.dense(F.silu(m.dense(x, 3)), x.shape[-1])
    x = x + m.batch_norm(inner)
    return m.dense(x.flatten(1), 2)


def upsampled(m, x):
    x = m.dense(x, 2)
    x = F.interpolate(x.permute(0, 3, 1, 2), scale_factor=(2, 3), mode="bilinear", align_corners=False)
    x = F.pad(x, (0, 2, 1, 0)).permute(0, 2, 3, 1)
    x = F.softplus(x).permute(0, 2, 1, 3).flatten(1)
    return m.dense(F.selu(x), 2)


def train(forward, shape):
    model = Model()
    inputs, targets = draw(stream(2), BATCH * STEPS, *shape), draw(stream(3), BATCH * STEPS, 2)
    losses = []
    for step in range(STEPS):
        model.next = 0
        here = slice(step * BATCH, (step + 1) * BATCH)
        loss = F.mse_loss(forward(model, inputs[here]), targets[here])
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for weight, trained in zip(model.weights, model.trained):
                if trained:
                    weight -= RATE * weight.grad
                    weight.grad = None
    return {"shape": shape, "losses": losses, "trained": model.trained,
            "weights": [w.detach().flatten().tolist() for w in model.weights]}


if __name__ == "__main__":
    cases = {f.__name__: train(f, shape) for f, shape in ((batch_norm_images, [3, 4, 3]), (batch_norm_rows, [5]),
                                                         (layer_norm, [2, 4]), (residual, [2, 3]),
                                                         (upsampled, [3, 2, 3]))}
    json.dump({"batch_size": BATCH, "steps": STEPS, "rate": RATE, "cases": cases}, sys.stdout)
    print()
