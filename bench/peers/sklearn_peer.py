#!/usr/bin/python3
"""The relu networks as scikit-learn's MLPClassifier (adam; it has no RMSprop)."""
import warnings

import common

options = common.parse(__doc__)
import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)     # "maximum iterations reached" is what is asked for


def classifier(hidden, batch, epochs=1):
    return MLPClassifier(hidden, activation="relu", solver="adam", alpha=0, batch_size=batch, learning_rate_init=0.001,
                         epsilon=1e-7, max_iter=epochs, n_iter_no_change=10 * epochs, random_state=1)


def train_epochs(name, hidden, batch, epochs, **scaling):
    (x, labels), (test_x, test_labels) = common.mnist(**scaling)
    classifier(hidden, batch).fit(x[:10 * batch], labels[:10 * batch])      # warm-up
    model = classifier(hidden, batch, epochs)
    time = common.seconds(lambda: model.fit(x, labels))
    return common.result(name, time, epochs * len(x), accuracy=float(model.score(test_x, test_labels)))


@common.workload("keras-mlp")
def keras_mlp(name):
    return train_epochs(name, (90,), 200, 5, scale=0.99 / 255, offset=0.01)


@common.workload("mid-mlp")
def mid_mlp(name):
    return train_epochs(name, (512, 512), 128, 1)


@common.workload("wide-mlp")
def wide_mlp(name, batch=256):
    (x, labels), _ = common.mnist()
    random = np.random.default_rng(1)
    model = classifier((2048, 2048), batch)
    classes = np.arange(10)

    def step():
        rows = random.integers(0, len(x), batch)
        model.partial_fit(x[rows], labels[rows], classes)

    time = common.seconds_per_call(step, budget=3)
    return common.result(name, time, batch, gflops=common.wide_mlp_flops(batch) / time / 1e9)


@common.workload("predict-1")
def predict_1(name, rows=1):
    (train_x, labels), (x, _) = common.mnist()
    model = classifier((90,), 200).fit(train_x[:1000], labels[:1000])
    x = x[:rows]
    return common.result(name, common.seconds_per_call(lambda: model.predict_proba(x)), rows)


@common.workload("predict-10k")
def predict_10k(name):
    return predict_1(name, 10_000)


common.main(f"scikit-learn {sklearn.__version__}")
