"""What check_keras_file.py and check_keras_h5.py share: the network that they are given, computed by numpy.
Exit status 77: h5py is not there.
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(error)
    sys.exit(77)

DENSE_KEYS = {
    "name", "trainable", "dtype", "units", "activation", "use_bias", "kernel_initializer", "bias_initializer",
    "kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint",
}


def check(good, what):
    if not good:
        sys.exit("wrong: " + what)


def forward(x, weights):
    kernel0, bias0, kernel1, bias1 = weights
    hidden = np.maximum(x.reshape(len(x), -1) * (1 / 255) @ kernel0 + bias0, 0)
    z = hidden @ kernel1 + bias1
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def check_sample(sample, weights):
    """The sample that the file holds, against the weights that h5py found."""
    x = np.array(sample["input"], dtype=np.float64).reshape(1, 2, 3)
    difference = np.abs(forward(x, weights) - np.array(sample["output"])).max()
    check(difference < 1e-5, f"outputs differ by {difference}")
