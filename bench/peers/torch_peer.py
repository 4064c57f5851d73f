#!/usr/bin/python3
"""All workloads in PyTorch: data preloaded as one tensor, batches by index_select, no DataLoader."""
import statistics
import subprocess
import sys

import common

options = common.parse(__doc__, [("--export-onnx", "write the 784-90-10 network of predict-1 as ONNX, and end")])
import torch
from torch import nn

torch.set_num_threads(options.threads)
torch.manual_seed(1)


def mnist(**scaling):
    return [tuple(map(torch.from_numpy, part)) for part in common.mnist(**scaling)]


def one_hot(labels, off=0.0, on=1.0):
    return nn.functional.one_hot(labels, 10).float() * (on - off) + off


def relu():
    return nn.ReLU(inplace=True)


def dense(*sizes, activation, output=None, bias=True):
    """Linear layers with activations between them; after the last one `output`, by default nothing (logits)."""
    layers = []
    for fan_in, units in zip(sizes, sizes[1:]):
        layers += [nn.Linear(fan_in, units, bias=bias), activation()]
    return nn.Sequential(*layers[:-1], *([output] if output else []))


def draw_normal(model, deviation, biases=True):
    """Kernels (and biases) N(0, deviation^2); deviation may be a function of the layer."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            std = deviation(layer) if callable(deviation) else deviation
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=std) if biases else nn.init.zeros_(layer.bias)
    return model


def half_squared_error(y, t):
    return 0.5 * (y - t).square().sum()


def train_step(model, optimizer, loss, x, t):
    optimizer.zero_grad(set_to_none=True)
    loss(model(x), t).backward()
    optimizer.step()


def epoch(model, optimizer, loss, x, t, batch):
    for rows in torch.randperm(len(x)).split(batch):
        train_step(model, optimizer, loss, x.index_select(0, rows), t.index_select(0, rows))


def accuracy(model, x, labels):
    model.eval()
    with torch.inference_mode():
        hits = sum((model(part).argmax(dim=1) == truth).sum() for part, truth in zip(x.split(1000), labels.split(1000)))
    return float(hits) / len(x)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7)


# ---- one sample a step ------------------------------------------------------------------------

def single_sample(name, model, loss, rate, targets, **scaling):
    (x, labels), (test_x, test_labels) = mnist(**scaling)
    t = one_hot(labels, *targets)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)

    def train(first, last):
        for i in range(first, last):
            train_step(model, optimizer, loss, x[i:i + 1], t[i:i + 1])

    train(0, 200)      # warm-up
    time = common.seconds(lambda: train(200, 200 + common.SINGLE_SAMPLES))
    return common.result(name, time * len(x) / common.SINGLE_SAMPLES, len(x),
                         accuracy=accuracy(model, test_x, test_labels), measured_samples=common.SINGLE_SAMPLES)


@common.workload("sample-sgd")
def sample_sgd(name):
    model = draw_normal(dense(784, 32, 16, 10, activation=nn.Tanh, output=nn.Tanh()), 0.1)
    return single_sample(name, model, nn.MSELoss(reduction="sum"), 0.01, (0.0, 1.0))


@common.workload("sigmoid-sample")
def sigmoid_sample(name):
    model = dense(784, 90, 10, activation=nn.Sigmoid, output=nn.Sigmoid(), bias=False)
    draw_normal(model, lambda layer: layer.out_features ** -0.5)
    return single_sample(name, model, half_squared_error, 0.1, (0.01, 0.99), scale=0.99 / 255, offset=0.01)


# ---- batches ----------------------------------------------------------------------------------

def train_epochs(name, make, make_optimizer, loss, epochs, batch, prepare=lambda x: x, **scaling):
    """Times `epochs` epochs. `make` builds a model, `prepare` shapes the images."""
    (x, labels), (test_x, test_labels) = mnist(**scaling)
    x, test_x = prepare(x), prepare(test_x)
    warm = make()
    epoch(warm, make_optimizer(warm), loss, x[:10 * batch], labels[:10 * batch], batch)
    model = make()
    optimizer = make_optimizer(model)
    time = common.seconds(lambda: [epoch(model, optimizer, loss, x, labels, batch) for _ in range(epochs)])
    return common.result(name, time, epochs * len(x), accuracy=accuracy(model, test_x, test_labels))


def time_step(name, model, batch, prepare=lambda x: x):
    (x, labels), _ = mnist()
    x = prepare(x)
    optimizer, loss = adam(model), nn.CrossEntropyLoss()

    def step():
        rows = torch.randint(len(x), (batch,))
        train_step(model, optimizer, loss, x.index_select(0, rows), labels.index_select(0, rows))

    return common.result(name, common.seconds_per_call(step, budget=3), batch)


@common.workload("keras-mlp")
def keras_mlp(name):
    return train_epochs(
        name, lambda: draw_normal(dense(784, 90, 10, activation=relu), 0.05, biases=False),
        lambda model: torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7),
        nn.CrossEntropyLoss(), 5, 200, scale=0.99 / 255, offset=0.01)


@common.workload("minibatch")
def minibatch(name, epochs=10, batch=1000):
    (x, labels), (test_x, test_labels) = mnist()
    x, t = x[:50_000], one_hot(labels[:50_000])
    model = draw_normal(dense(784, 30, 10, activation=nn.Sigmoid, output=nn.Sigmoid()), 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=3)

    def loss(y, t):
        return half_squared_error(y, t) / len(y)

    epoch(model, optimizer, loss, x, t, batch)
    time = common.seconds(lambda: [epoch(model, optimizer, loss, x, t, batch) for _ in range(epochs)]) / epochs
    return common.result(name, time, len(x), accuracy=accuracy(model, test_x, test_labels),
                         measured_samples=epochs * len(x))


@common.workload("mid-mlp")
def mid_mlp(name):
    return train_epochs(name, lambda: dense(784, 512, 512, 10, activation=relu), adam, nn.CrossEntropyLoss(), 1, 128)


@common.workload("wide-mlp")
def wide_mlp(name, batch=256):
    fields = time_step(name, dense(784, 2048, 2048, 10, activation=relu), batch)
    fields["gflops"] = common.wide_mlp_flops(batch) / fields["seconds_per_unit"] / 1e9
    return fields


# ---- convolutions: channels_last is the faster layout on CPUs ----------------------------------

def as_images(x):
    return x.reshape(-1, 1, 28, 28)


def lenet():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), relu(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), relu(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), relu(), nn.Linear(120, 84), relu(), nn.Linear(84, 10))
    return model.to(memory_format=torch.channels_last)


@common.workload("lenet5")
def lenet5(name):
    return train_epochs(name, lenet, adam, nn.CrossEntropyLoss(), 1, 64, as_images)


@common.workload("convnet")
def convnet(name):
    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), relu(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), relu(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Dropout(0.5), nn.Linear(1600, 10))
    return time_step(name, model.to(memory_format=torch.channels_last), 128, as_images)


# ---- prediction, start --------------------------------------------------------------------------

def digits():
    return dense(784, 90, 10, activation=relu, output=nn.Softmax(dim=1)).eval()


@common.workload("predict-1")
def predict_1(name, rows=1):
    _, (x, _) = mnist()
    model, x = digits(), x[:rows].clone()
    with torch.inference_mode():
        return common.result(name, common.seconds_per_call(lambda: model(x)), rows)


@common.workload("predict-10k")
def predict_10k(name):
    return predict_1(name, 10_000)


@common.workload("start")
def start(name):
    command = [sys.executable, "-c", "import torch"]
    runs = [common.seconds(lambda: subprocess.run(command, check=True)) for _ in range(3)]
    return common.result(name, statistics.median(runs))


if options.export_onnx:
    torch.onnx.export(digits(), torch.zeros(1, 784), options.export_onnx, opset_version=13,
                      input_names=["input"], output_names=["probabilities"],
                      dynamic_axes={"input": {0: "rows"}, "probabilities": {0: "rows"}})
else:
    common.main(f"pytorch {torch.__version__}")
