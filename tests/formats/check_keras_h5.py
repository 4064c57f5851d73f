"""Opens an .h5 file of Gradus with h5py and compares it with what tf.keras 2 and Keras 3 ask of such a file.
Exit status 77: h5py is not there.

    check_keras_h5.py FILE
"""
import json
import sys

from check_keras import DENSE_KEYS, check, check_sample, h5py, np


def texts(values):
    return [v.decode() if isinstance(v, bytes) else v for v in values]


def check_config(config):
    check(config["class_name"] == "Sequential", "a Sequential")
    check(set(config["config"]) == {"name", "layers"}, f"keys {sorted(config['config'])}")
    layers = config["config"]["layers"]
    check(all(set(layer) == {"class_name", "config"} for layer in layers), "a layer's keys, as tf.keras 2 has them")
    check(layers[0] == {"class_name": "InputLayer", "config": {
        "batch_input_shape": [None, 2, 3], "dtype": "float32", "sparse": False, "name": "input_layer"}}, "the input")
    check([layer["class_name"] for layer in layers[1:]] == ["Rescaling", "Flatten", "Dense", "Dense"], "the layers")
    dense = layers[3]["config"]
    check(set(dense) == DENSE_KEYS, f"Dense: {sorted(dense)}")
    check(dense["kernel_initializer"] == {"class_name": "GlorotUniform", "config": {"seed": None}}, "an initializer")
    check(dense["name"] == "erste_Stufe_\u00e4", "a name beyond ASCII")
    return [layer["config"]["name"] for layer in layers[1:]]


def check_training(training):
    check(set(training) == {"optimizer_config", "loss", "loss_weights", "metrics", "weighted_metrics"}, "keys")
    optimizer = training["optimizer_config"]
    check(optimizer["class_name"] == "Adam" and
          set(optimizer["config"]) >= {"name", "learning_rate", "beta_1", "beta_2", "epsilon"}, f"{optimizer}")
    check(None not in optimizer["config"].values(), "no options that say nothing")
    check(training["loss"] == "categorical_crossentropy" and training["metrics"] == ["accuracy"], "loss and metrics")


def check_weights(file, names):
    group = file["model_weights"]
    for attribute in ("keras_version", "backend"):
        check(texts([group.attrs[attribute]]) == texts([file.attrs[attribute]]), attribute)
    check(texts(group.attrs["layer_names"]) == names, f"layer_names {group.attrs['layer_names']}")
    top = group["top_level_model_weights"].attrs["weight_names"]
    check(top.dtype == np.float64 and top.shape == (0,), "no names as numpy writes them")
    found = []
    for name in names:
        weight_names = group[name].attrs["weight_names"]
        if not len(weight_names):
            check(weight_names.dtype == np.float64, "no names as numpy writes them")
        for weight in texts(weight_names):
            check(weight.startswith(name + "/") and weight.endswith(":0"), f"the name {weight}")
            data = group[name][weight]
            check(data.dtype == np.dtype("<f4") and data.chunks is None, "little-endian float32 in one piece")
            found.append(data[()])
    state = file["optimizer_weights"]
    names = texts(state.attrs["weight_names"])
    check(names[:2] == ["adam/iteration", "adam/learning_rate"], f"the state's names {names}")
    check(state[names[0]].dtype == np.dtype("<i8") and state[names[0]][()] == 6, "iteration")
    check([state[name].shape for name in names[2:]] ==
          [w.shape for weight in found for w in (weight, weight)], "two slots a weight")
    return found


def main(path):
    with open(path, "rb") as raw:
        check(raw.read(9)[8] == 0, "superblock 0")
    with h5py.File(path, "r") as file:
        check(set(file) == {"model_weights", "optimizer_weights"}, f"groups {sorted(file)}")
        for attribute in ("model_config", "training_config"):
            check(file.attrs.get_id(attribute).get_type().get_cset() == h5py.h5t.CSET_ASCII, attribute + " is ASCII")
        names = check_config(json.loads(file.attrs["model_config"]))
        check_training(json.loads(file.attrs["training_config"]))
        weights = check_weights(file, names)
        sample = json.loads(file.attrs["gradus"])["sample"]
    check_sample(sample, weights)


main(sys.argv[1])
