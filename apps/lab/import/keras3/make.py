"""Writes the models beside this file: tiny ones, as Keras 3 itself describes and runs them.

pip install keras numpy && KERAS_BACKEND=numpy python make.py
"""

import base64
import json
import pathlib

import keras
import numpy as np
from keras import layers

SIDE = 12
HERE = pathlib.Path(__file__).parent
random = np.random.default_rng(3)
keras.utils.set_random_seed(3)


def image():
    return keras.Input((SIDE, SIDE, 3))


def functional():
    photo = image()
    x = layers.RandomFlip()(photo)
    x = layers.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.2, 0.1, 0.3])(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = layers.Add()([x, layers.BatchNormalization()(x)])
    x = layers.ReLU(max_value=6)(x)
    x = layers.Dense(6, activation="silu")(x)
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Conv2D(6, 1, activation="relu")(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    return keras.Model(photo, layers.Dense(5, activation="softmax")(x))


def nested():
    photo = image()
    x = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(4, 3)(photo))
    backbone = keras.Model(photo, x, name="backbone")
    head = keras.Sequential(
        [layers.GlobalAveragePooling2D(), layers.Dense(7, activation="relu"), layers.Dense(2)], name="head"
    )
    before = [image(), layers.RandomRotation(0.1), layers.Rescaling(1 / 3, offset=-0.5)]
    return keras.Sequential([*before, backbone, head, layers.Activation("softmax")])


def multi():
    photo = image()
    x = layers.Conv2D(4, 3, activation="relu")(photo)
    kind = layers.Dense(3, activation="softmax", name="kind")(layers.GlobalAveragePooling2D()(x))
    flag = layers.Dense(1, activation="sigmoid", name="flag")(layers.Flatten()(x))
    return keras.Model(photo, [kind, flag])


def shared():
    photo = image()
    again = layers.Conv2D(3, 3, padding="same", activation="relu", name="again")
    x = again(again(photo))
    x = layers.GlobalMaxPooling2D()(layers.Average()([x, again(x)]))
    return keras.Model(photo, layers.Dense(4, activation="softmax")(x))


def text(values):
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode()


def write(make):
    model = make()
    weights = [weight for weight in model.weights if weight.dtype == "float32"]
    for weight in weights:
        values = random.normal(size=weight.shape) * 0.6
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    images = random.uniform(size=(2, SIDE, SIDE, 3)).astype("float32")
    outputs = model.predict(images, verbose=0)
    manifest = [{"name": one.path, "shape": list(one.shape), "dtype": "float32"} for one in weights]
    described = {
        "model_config": json.loads(model.to_json()),
        "weights": manifest,
        "values": text(np.concatenate([np.ravel(one.value) for one in weights])),
        "images": text(images),
        "outputs": [text(one) for one in (outputs if isinstance(outputs, list) else [outputs])],
    }
    (HERE / f"{make.__name__}.json").write_text(json.dumps(described) + "\n")


for each in (functional, nested, multi, shared):
    write(each)
