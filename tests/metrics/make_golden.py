"""Writes golden.inc: figures of scikit-learn for the metrics that are computed over a whole set.

    /usr/bin/python3 tests/metrics/make_golden.py > tests/metrics/golden.inc
"""

import numpy
import sklearn.metrics as M

rng = numpy.random.default_rng(11)
SAMPLES, CLASSES = 60, 6
labels = rng.integers(0, CLASSES, SAMPLES)
labels[labels == 5] = 0  # a class without samples
logits = rng.normal(0, 1, (SAMPLES, CLASSES)) + 1.2 * numpy.eye(CLASSES)[labels]
scores = numpy.round(numpy.exp(logits) / numpy.exp(logits).sum(1, keepdims=True), 2)  # ties, among others at the top
weights = numpy.round(rng.uniform(0, 3, SAMPLES), 2)
truth = rng.integers(0, 2, SAMPLES)
score = numpy.round(numpy.clip(rng.normal(0.35 + 0.3 * truth, 0.25), 0, 1), 2)
targets = numpy.round(64 * rng.normal(1000, 3, (SAMPLES, 2))) / 64  # exact in 32 bits
predictions = targets + numpy.round(64 * rng.normal(0, 2, (SAMPLES, 2))) / 64

one_hot = numpy.eye(CLASSES)[labels]
taken = scores.argmax(1)
present = sorted(set(labels))


def f(values):
    return ", ".join(repr(float(v)) for v in numpy.ravel(values))


def counted(function, average):
    return lambda w: numpy.ravel(function(labels, taken, labels=range(CLASSES), average=average, sample_weight=w,
                                          zero_division=0))


def flat(function, chosen):
    return lambda w: function(one_hot.ravel(), chosen.ravel(), zero_division=0,
                              sample_weight=None if w is None else numpy.repeat(w, CLASSES))


def one_vs_rest(average):
    def value(w):
        areas = [M.roc_auc_score(labels == c, scores[:, c], sample_weight=w) for c in present]
        if average is None:
            return areas + [0]
        shares = [(labels == c).sum() if w is None else w[labels == c].sum() for c in present]
        return numpy.average(areas, weights=shares if average == "weighted" else None)

    return value


def top(k):  # ranks as Keras: among the k greatest when fewer than k are greater
    own = scores[range(SAMPLES), labels]
    return ((scores > own[:, None]).sum(1) < k).astype(float)


def greatest(k):  # of equal outputs those in front
    order = numpy.argsort(-scores, axis=1, kind="stable")[:, :k]
    chosen = numpy.zeros_like(scores)
    numpy.put_along_axis(chosen, order, 1, 1)
    return chosen


CLASSIFIED = [
    ("Accuracy{}", lambda w: M.accuracy_score(labels, taken, sample_weight=w)),
    ("TopKCategoricalAccuracy{.k = 2}", lambda w: numpy.average(top(2), weights=w)),
    ("TopKCategoricalAccuracy{}", lambda w: numpy.average(top(5), weights=w)),
    ("BinaryAccuracy{.threshold = 0.3}", lambda w: numpy.average(((scores > 0.3) == one_hot).mean(1), weights=w)),
    ("Precision{}", flat(M.precision_score, scores > 0.5)),
    ("Recall{.thresholds = 0.25}", flat(M.recall_score, scores > 0.25)),
    ("Precision{.top_k = 2}", flat(M.precision_score, greatest(2))),
    ("Recall{.class_id = 3}", lambda w: M.recall_score(labels == 3, scores[:, 3] > 0.5, sample_weight=w)),
    ("Precision{.average = Average::none}", counted(M.precision_score, None)),
    ("Recall{.average = Average::none}", counted(M.recall_score, None)),
    ("Recall{.average = Average::macro}", counted(M.recall_score, "macro")),
    ("Precision{.average = Average::weighted}", counted(M.precision_score, "weighted")),
    ("F1Score{}", counted(M.f1_score, None)),
    ("F1Score{.average = Average::macro}", counted(M.f1_score, "macro")),
    ("F1Score{.average = Average::micro}", counted(M.f1_score, "micro")),
    ("F1Score{.average = Average::weighted}", counted(M.f1_score, "weighted")),
    ("F1Score{.average = Average::macro, .threshold = 0.2}",
     lambda w: M.f1_score(one_hot, scores > 0.2, average="macro", sample_weight=w, zero_division=0)),
    ("AUC{}", one_vs_rest("macro")),
    ("AUC{.average = Average::none}", one_vs_rest(None)),
    ("AUC{.average = Average::weighted}", one_vs_rest("weighted")),
    ("AUC{.average = Average::micro}",
     lambda w: M.roc_auc_score(one_hot.ravel(), scores.ravel(),
                               sample_weight=None if w is None else numpy.repeat(w, CLASSES))),
]
BINARY = [
    ("Accuracy{}", lambda w: M.accuracy_score(truth, score > 0.5, sample_weight=w)),
    ("Precision{}", lambda w: M.precision_score(truth, score > 0.5, sample_weight=w)),
    ("Recall{.thresholds = 0.4}", lambda w: M.recall_score(truth, score > 0.4, sample_weight=w)),
    ("F1Score{}", lambda w: M.f1_score(truth, score > 0.5, sample_weight=w)),
    ("AUC{}", lambda w: M.roc_auc_score(truth, score, sample_weight=w)),
]
REGRESSION = [
    ("metrics::MeanAbsoluteError{}", lambda w: M.mean_absolute_error(targets, predictions, sample_weight=w)),
    ("metrics::MeanSquaredError{}", lambda w: M.mean_squared_error(targets, predictions, sample_weight=w)),
    ("metrics::RootMeanSquaredError{}",
     lambda w: numpy.sqrt(M.mean_squared_error(targets, predictions, sample_weight=w))),
    ("R2Score{}", lambda w: M.r2_score(targets, predictions, sample_weight=w)),
]

print("// Written by make_golden.py.")
for name, values in [("labels", labels), ("truth", truth)]:
    print(f"const std::vector<std::int32_t> {name}{{{', '.join(str(v) for v in values)}}};")
for name, values in [("scores", scores), ("weights", weights), ("score", score), ("targets", targets),
                     ("predictions", predictions)]:
    print(f"const std::vector<double> {name}{{{f(values)}}};")
for name, cases in [("classified", CLASSIFIED), ("binary", BINARY), ("regression", REGRESSION)]:
    print(f"const std::vector<Golden> {name}_cases{{")
    for metric, figure in cases:
        print(f"    {{{metric}, {{{f(figure(None))}}}, {{{f(figure(weights))}}}}},")
    print("};")
