"""The points of a sweep in PyTorch, eager and idiomatic.    python torch_points.py THREADS     (points.py says how it is asked)"""

import sys

import points
import torch
from torch import nn
from torch.nn import functional

torch.set_num_threads(int(sys.argv[1]))


def floats(*shape):
    return torch.tensor(points.floats(*shape))


def integers(high, *shape):
    return torch.tensor(points.integers(high, *shape)).long()


def training(model, optimizer, loss):
    def step():
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()

    return step


def linreg(batch, features):
    model, x, y = nn.Linear(features, 1), floats(batch, features), floats(batch, 1)
    return training(model, torch.optim.SGD(model.parameters(), 0.01), lambda m: functional.mse_loss(m(x), y))


def mlp(batch, inputs, width, depth, optimizer):
    layers, size = [], inputs
    for _ in range(depth):
        layers += [nn.Linear(size, width), nn.ReLU()]
        size = width
    model = nn.Sequential(*layers, nn.Linear(size, 10))
    x, y = floats(batch, inputs), integers(10, batch)
    return training(model, optimizer(model.parameters()), lambda m: functional.cross_entropy(m(x), y))


def mlp_sgd(**parameters):
    return mlp(optimizer=lambda p: torch.optim.SGD(p, 0.1), **parameters)


def mlp_adam(**parameters):
    return mlp(optimizer=torch.optim.Adam, **parameters)


def convnet(batch, image, channels):
    side = -(-image // 4)  # two poolings halve it, rounding up
    model = nn.Sequential(
        nn.Conv2d(1, channels, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(channels, 2 * channels, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
        nn.Flatten(), nn.Linear(2 * channels * side * side, 512), nn.ReLU(), nn.Linear(512, 10),
    ).to(memory_format=torch.channels_last)  # fmt: skip
    x = floats(batch, 1, image, image).to(memory_format=torch.channels_last)
    y = integers(10, batch)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    return training(model, optimizer, lambda m: functional.cross_entropy(m(x), y))


class Recurrent(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.table, self.cell = nn.Embedding(words, width), nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, words)

    def forward(self, x):
        return self.out(self.cell(self.table(x))[0])


def lstm(batch, steps, width, words=65):
    model, x, y = Recurrent(words, width), integers(words, batch, steps), integers(words, batch, steps)
    optimizer = torch.optim.Adam(model.parameters())

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model(x).reshape(-1, words), y.reshape(-1)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    return step


def skipgram(batch, width, negatives, words=50000):
    inside, outside = nn.Embedding(words, width, sparse=True), nn.Embedding(words, width, sparse=True)
    optimizer = torch.optim.SGD([*inside.parameters(), *outside.parameters()], 0.1)
    c, o = integers(words, batch), integers(words, batch, 1 + negatives)
    labels = torch.zeros(batch, 1 + negatives)
    labels[:, 0] = 1

    def step():
        optimizer.zero_grad()
        scores = (inside(c).unsqueeze(1) * outside(o)).sum(2)
        functional.binary_cross_entropy_with_logits(scores, labels, reduction="none").sum(1).mean().backward()
        optimizer.step()

    return step


points.serve(
    {"linreg": linreg, "mlp_sgd": mlp_sgd, "mlp_adam": mlp_adam, "convnet": convnet, "lstm": lstm, "skipgram": skipgram}
)
