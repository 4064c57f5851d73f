"""Opens a .keras file by means that Gradus does not use (Python's zipfile and json, h5py) and compares it with what
Keras 3.0 writes. Exit status 77: h5py is not there.

    check_keras_file.py FILE
"""
import io
import json
import sys
import zipfile

from check_keras import DENSE_KEYS, check, check_sample, h5py, np


def check_archive(archive):
    names = [info.filename for info in archive.infolist()]
    check(names == ["metadata.json", "config.json", "model.weights.h5"], f"members {names}")
    check(archive.testzip() is None, "a checksum")
    for info in archive.infolist():
        check(info.compress_type == zipfile.ZIP_STORED, "stored members")
        check(info.flag_bits & ~0x800 == 0, f"flags {info.flag_bits:#x} of {info.filename}")
        check(info.create_version <= 63 and info.extract_version <= 20, "version needed")
        check(not info.extra, "no extra fields, no zip64")
        check(info.date_time == (1980, 1, 1, 0, 0, 0), f"date {info.date_time}")


def check_config(config):
    check(config["module"] == "keras" and config["class_name"] == "Sequential", "a Sequential")
    check(config["registered_name"] is None, "registered_name")
    layers = config["config"]["layers"]
    check(layers[0]["class_name"] == "InputLayer", "an InputLayer first")
    check(set(layers[0]["config"]) == {"batch_shape", "dtype", "sparse", "name"}, "InputLayer's keys of Keras 3.0")
    names = [layer["config"]["name"] for layer in layers]
    check(len(set(names)) == len(names), f"unique names {names}")
    for layer in layers[1:]:
        check(set(layer) == {"module", "class_name", "config", "registered_name", "build_config"}, "a layer's keys")
        check(layer["module"] == "keras.layers" and layer["registered_name"] is None, "a layer's module")
        check(layer["config"]["dtype"] == "float32", "dtype as a text")
        if layer["class_name"] == "Dense":
            check(set(layer["config"]) == DENSE_KEYS, f"Dense's keys: {sorted(layer['config'])}")
    compiled = config["compile_config"]
    check(set(compiled) == {"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly",
                            "steps_per_execution", "jit_compile"}, "compile_config's keys")
    optimizer = compiled["optimizer"]
    check(optimizer["module"] == "keras.optimizers" and optimizer["class_name"] == "Adam", "the optimizer")
    check(not {"lr", "decay", "jit_compile", "is_legacy_optimizer"} & set(optimizer["config"]), "no keys of Keras 2")


def check_weights(content):
    check(content[8] == 0, "superblock 0")
    with h5py.File(io.BytesIO(content), "r") as file:
        groups = sorted(set(file) - {"gradus"})     # what only a checkpoint has
        check(groups == ["layers", "optimizer", "vars"], f"groups {groups}")
        check(sorted(file["layers"]) == ["dense", "dense_1", "flatten", "rescaling"], "keys by class")
        check(file["layers/dense/vars"].attrs["name"] == "first", "the layer's name")
        check(len(file["layers/flatten/vars"]) == 0, "an empty group for a layer without weights")
        check(file["vars"].attrs["name"] == "checked", "the model's name")
        kernel, bias = file["layers/dense/vars/0"], file["layers/dense/vars/1"]
        check(kernel.shape == (6, 5) and bias.shape == (5,), "shapes")
        check(kernel.dtype == np.dtype("<f4"), "little-endian float32")
        check(kernel.chunks is None and kernel.compression is None, "contiguous")
        state = file["optimizer/vars"]
        check(len(state) == 2 + 2 * 4, f"optimizer state of {len(state)}")
        check(state["0"].dtype == np.dtype("<i8") and state["0"].shape == () and state["0"][()] == 6, "iteration")
        check(state["1"].shape == () and state["1"][()] == np.float32(0.01), "learning rate")
        shapes = [state[str(i)].shape for i in range(2, 10)]
        check(shapes == [(6, 5), (6, 5), (5,), (5,), (5, 2), (5, 2), (2,), (2,)], f"interleaved slots {shapes}")
        check(all((state[str(i)][()] >= 0).all() for i in (3, 5, 7, 9)), "velocities behind momenta")
        return [file[f"layers/{key}/vars/{i}"][()] for key in ("dense", "dense_1") for i in (0, 1)]


def main(path):
    with zipfile.ZipFile(path) as archive:
        check_archive(archive)
        metadata = json.loads(archive.read("metadata.json"))
        config = json.loads(archive.read("config.json"))
        weights = check_weights(archive.read("model.weights.h5"))
    check(metadata["keras_version"] == "3.0.0" and len(metadata["date_saved"]) == 19, "metadata")
    check_config(config)
    check_sample(metadata["gradus"]["sample"], weights)


main(sys.argv[1])
