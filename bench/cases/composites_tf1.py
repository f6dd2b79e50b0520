"""Composites as programs of TensorFlow 1 write them, on hookloop.    python composites_tf1.py THREADS     (composites.py says how it is asked)"""

import functools
import sys

import composites
import numpy as np

import hookloop as tf


def normalized(x, axis):
    mean, variance = tf.nn.moments(x, [axis], keep_dims=True)
    return (x - mean) * tf.rsqrt(variance + 1e-5)


def instance_norm(x):
    rows, columns = x.shape.as_list()
    return normalized(tf.reshape(x, [rows // 4, 4 * columns // 16, 16]), 1)


def softmax_by_hand(x):
    exponentials = tf.exp(x - tf.reduce_max(x, 1, keep_dims=True))
    return exponentials / tf.reduce_sum(exponentials, 1, keep_dims=True)


def glu(x):
    left, right = tf.split(x, 2, axis=1)
    return left * tf.sigmoid(right)


def huber(x, y):
    error = tf.abs(x - y)
    quadratic = tf.minimum(error, 1.0)
    return tf.reduce_mean(0.5 * tf.square(quadratic) + (error - quadratic))


def focal(x, labels):
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=x)
    p = tf.sigmoid(x)
    right = labels * p + (1 - labels) * (1 - p)
    return tf.reduce_mean(loss * tf.square(1 - right))


def cosine(x, y):
    return tf.reduce_sum(tf.nn.l2_normalize(x, 1) * tf.nn.l2_normalize(y, 1), 1)


CASES = {
    "layer_norm": lambda x, g, b: normalized(x, 1) * g + b,
    "batch_norm": lambda x, g, b: normalized(x, 0) * g + b,
    "instance_norm": instance_norm,
    "rms_norm": lambda x, g: x * tf.rsqrt(tf.reduce_mean(tf.square(x), 1, keep_dims=True) + 1e-6) * g,
    "l2_normalize": lambda x: tf.nn.l2_normalize(x, 1),
    "softmax_by_hand": softmax_by_hand,
    "softmax_temperature": lambda x: tf.nn.softmax(x / 1.7),
    "masked_softmax": lambda x, m: tf.nn.softmax(x * 0.125 + (1 - m) * -1e9),
    "logsumexp": lambda x: tf.reduce_logsumexp(x, 1),
    "gelu_erf": lambda x: 0.5 * x * (1 + tf.erf(x / np.float32(np.sqrt(2)))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + tf.tanh(np.float32(np.sqrt(2 / np.pi)) * (x + 0.044715 * tf.pow(x, 3)))),
    "swish": lambda x: x * tf.sigmoid(x),
    "glu": glu,
    "mish": lambda x: x * tf.tanh(tf.nn.softplus(x)),
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "prelu": lambda x, a: tf.maximum(x, 0.0) + a * tf.minimum(x, 0.0),
    "dropout": lambda x: tf.nn.dropout(x, keep_prob=0.9),
    "huber": huber,
    "focal": focal,
    "gaussian_kl": lambda m, v: -0.5 * tf.reduce_mean(tf.reduce_sum(1 + v - tf.square(m) - tf.exp(v), 1)),
    "cosine": cosine,
    "clip_by_norm": lambda x: tf.clip_by_norm(x, composites.NORM),
}


def step_of(case, gradient, rows, columns, threads=1):
    results, session = built(case, gradient, rows, columns, threads)
    return session.make_callable(results)


def built(case, gradient, rows, columns, threads=1):
    """The first element of each result, so that it is made and not copied, and a session."""
    with tf.Graph().as_default():
        variables = [tf.Variable(v) for v in composites.inputs_of(case, rows, columns)]
        y = CASES[case](*variables)
        results = [y]
        if gradient:
            size = y.shape.as_list()
            along = (
                tf.Variable(np.random.default_rng(1).standard_normal(size).astype("f"), trainable=False)
                if size
                else None
            )
            wanted = [variables[i] for i in composites.differentiable(case)]
            results += tf.gradients(y, wanted, grad_ys=along)
        session = tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads))
        session.run(tf.global_variables_initializer())
        return [tf.reshape(r, [-1])[:1] for r in results], session


if __name__ == "__main__":
    composites.serve(functools.partial(step_of, threads=int(sys.argv[1])))
