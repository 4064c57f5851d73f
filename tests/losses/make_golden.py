"""Writes golden.inc: what PyTorch, or the formula of Keras's documentation in numpy, gives in double precision.

    /usr/bin/python3 tests/losses/make_golden.py > tests/losses/golden.inc
"""

import numpy
import torch
import torch.nn.functional as F

rng = numpy.random.default_rng(7)
EPSILON = 1e-7
N = 6
classes = numpy.eye(N)[2]
amounts = numpy.round(rng.normal(0, 2, N), 3)
outputs = numpy.round(rng.normal(0, 2, N), 3)
shares = numpy.round(rng.dirichlet(numpy.ones(N)), 4)
target_shares = numpy.round(rng.dirichlet(numpy.ones(N)), 4)
signs = numpy.array([1, -1, 1, 1, -1, -1.0])
counts = numpy.array([0, 1, 4, 2, 0, 7.0])
positive = numpy.round(rng.uniform(0.05, 5, N), 3)


def clip(x, low, high):
    return torch.clamp(x, low, high)


def smooth(t, share):
    return t * (1 - share) + share / len(t)


def signed(t):
    return 2 * t - 1 if bool(((t == 0) | (t == 1)).all()) else t


def probabilities(y):
    return clip(y / y.sum(), EPSILON, 1 - EPSILON)


def binary(y, t, share=0.0):
    return F.binary_cross_entropy(clip(y, EPSILON, 1 - EPSILON), t * (1 - share) + share / 2)


CASES = [
    ("MeanSquaredError{}", amounts, outputs, F.mse_loss),
    ("MeanAbsoluteError{}", amounts, outputs, F.l1_loss),
    ("MeanAbsolutePercentageError{}", amounts, outputs,
     lambda y, t: 100 * (abs(y - t) / abs(t).clamp(min=EPSILON)).mean()),
    ("MeanSquaredLogarithmicError{}", counts, outputs,
     lambda y, t: ((torch.log(y.clamp(min=EPSILON) + 1) - torch.log(t.clamp(min=EPSILON) + 1)) ** 2).mean()),
    ("Huber{}", amounts, outputs, lambda y, t: F.huber_loss(y, t, delta=1.0)),
    ("Huber{.delta = 2.5}", amounts, outputs, lambda y, t: F.huber_loss(y, t, delta=2.5)),
    ("LogCosh{}", amounts, outputs, lambda y, t: torch.log(torch.cosh(y - t)).mean()),
    ("Hinge{}", signs, outputs, lambda y, t: (1 - signed(t) * y).clamp(min=0).mean()),
    ("Hinge{}", classes, outputs, lambda y, t: (1 - signed(t) * y).clamp(min=0).mean()),
    ("SquaredHinge{}", signs, outputs, lambda y, t: ((1 - signed(t) * y).clamp(min=0) ** 2).mean()),
    ("SquaredHinge{}", classes, outputs, lambda y, t: ((1 - signed(t) * y).clamp(min=0) ** 2).mean()),
    ("CategoricalHinge{}", classes, outputs, lambda y, t: (1 + ((1 - t) * y).max() - (t * y).sum()).clamp(min=0)),
    ("KLDivergence{}", target_shares, shares, lambda y, t: F.kl_div(torch.log(y), t, reduction="sum")),
    ("KLDivergence{}", classes, shares,
     lambda y, t: (clip(t, EPSILON, 1) * torch.log(clip(t, EPSILON, 1) / clip(y, EPSILON, 1))).sum()),
    ("Poisson{}", counts, positive, lambda y, t: F.poisson_nll_loss(y, t, log_input=False, eps=EPSILON)),
    ("CosineSimilarity{}", amounts, outputs, lambda y, t: -F.cosine_similarity(y, t, dim=0)),
    ("BinaryCrossentropy{}", classes, shares, binary),
    ("BinaryCrossentropy{.label_smoothing = 0.3}", classes, shares, lambda y, t: binary(y, t, 0.3)),
    ("BinaryCrossentropy{.from_logits = true, .label_smoothing = 0.3}", classes, outputs,
     lambda y, t: F.binary_cross_entropy_with_logits(y, t * 0.7 + 0.15)),
    ("CategoricalCrossentropy{}", classes, positive, lambda y, t: -(t * torch.log(probabilities(y))).sum()),
    ("CategoricalCrossentropy{.label_smoothing = 0.2}", classes, positive,
     lambda y, t: -(smooth(t, 0.2) * torch.log(probabilities(y))).sum()),
    ("CategoricalCrossentropy{.from_logits = true, .label_smoothing = 0.2}", classes, outputs,
     lambda y, t: F.cross_entropy(y[None], torch.tensor([2]), label_smoothing=0.2)),
    ("SparseCategoricalCrossentropy{.from_logits = true}", classes, outputs,
     lambda y, t: F.cross_entropy(y[None], torch.tensor([2]))),
]


def numbers(values):
    return "{" + ", ".join(repr(float(v)) for v in values) + "}"


print("// Written by make_golden.py: loss, targets, outputs, value, slope by each output.")
for name, target, output, formula in CASES:
    y = torch.tensor(output, dtype=torch.float64, requires_grad=True)
    value = formula(y, torch.tensor(target, dtype=torch.float64))
    value.backward()
    print(f"{{{name},\n {numbers(target)},\n {numbers(output)},\n {float(value.detach())!r},\n {numbers(y.grad)}}},")
