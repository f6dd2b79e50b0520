"""The benchmark cases in PyTorch, eager and idiomatic.    python torch_cases.py [THREADS] [CASE ...]"""

import sys
import time

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
only = sys.argv[2:]
t0 = time.perf_counter()
import torch

imported = time.perf_counter() - t0
import numpy as np
import torch.nn as nn
import torch.nn.functional as F
from timing import report, timed

torch.set_num_threads(threads)
rng = np.random.default_rng(0)
f32 = lambda *s: torch.tensor(rng.standard_normal(s).astype("f"))
ints = lambda hi, *s: torch.tensor(rng.integers(0, hi, s))


def train(model, opt, loss, n):
    def step():
        opt.zero_grad()
        loss(model).backward()
        opt.step()

    return timed(step, n)


def mlp(sizes):
    ls = []
    for i in range(len(sizes) - 1):
        ls += [nn.Linear(sizes[i], sizes[i + 1])] + ([nn.ReLU()] if i < len(sizes) - 2 else [])
    return nn.Sequential(*ls)


def mlp_case(opt, n, b=64, sizes=(784, 128, 10)):
    def run():
        m = mlp(sizes)
        x, y = f32(b, sizes[0]), ints(sizes[-1], b)
        return train(m, opt(m.parameters()), lambda m: F.cross_entropy(m(x), y), n)

    return run


def linreg():
    m = nn.Linear(10, 1)
    x, y = f32(32, 10), f32(32, 1)
    return train(m, torch.optim.SGD(m.parameters(), 0.01), lambda m: F.mse_loss(m(x), y), 1000)


def lenet():
    class L(nn.Module):
        def __init__(s):
            super().__init__()
            s.c1, s.c2 = nn.Conv2d(1, 32, 5, padding=2), nn.Conv2d(32, 64, 5, padding=2)
            s.f1, s.f2 = nn.Linear(3136, 512), nn.Linear(512, 10)

        def forward(s, x):
            x = F.max_pool2d(F.relu(s.c1(x)), 2)
            x = F.max_pool2d(F.relu(s.c2(x)), 2)
            return s.f2(F.relu(s.f1(x.flatten(1))))

    best = None
    for fmt in (torch.contiguous_format, torch.channels_last):
        m = L().to(memory_format=fmt)
        x, y = f32(64, 1, 28, 28).to(memory_format=fmt), ints(10, 64)
        r = train(m, torch.optim.SGD(m.parameters(), 0.01, momentum=0.9), lambda m: F.cross_entropy(m(x), y), 5)
        best = r if best is None or r[0] < best[0] else best
    return best


def lstm():
    class M(nn.Module):
        def __init__(s):
            super().__init__()
            s.e, s.l, s.o = nn.Embedding(65, 128), nn.LSTM(128, 128, batch_first=True), nn.Linear(128, 65)

        def forward(s, x):
            return s.o(s.l(s.e(x))[0])

    m = M()
    x, y = ints(65, 50, 25), ints(65, 50, 25)
    opt = torch.optim.Adam(m.parameters())

    def step():
        opt.zero_grad()
        F.cross_entropy(m(x).reshape(-1, 65), y.reshape(-1)).backward()
        nn.utils.clip_grad_norm_(m.parameters(), 5.0)
        opt.step()

    return timed(step, 10)


def skipgram():
    a, z = nn.Embedding(50000, 128, sparse=True), nn.Embedding(50000, 128, sparse=True)
    opt = torch.optim.SGD([*a.parameters(), *z.parameters()], 0.1)
    c, o = ints(50000, 128), ints(50000, 128, 6)
    lab = torch.zeros(128, 6)
    lab[:, 0] = 1

    def step():
        opt.zero_grad()
        s = (a(c).unsqueeze(1) * z(o)).sum(2)
        F.binary_cross_entropy_with_logits(s, lab, reduction="none").sum(1).mean().backward()
        opt.step()

    return timed(step, 50)


def chain(k=10000):
    x = torch.ones(4)

    def f():
        with torch.no_grad():
            y = x
            for i in range(k):
                y = torch.tanh(y) if i % 2 else torch.add(y, x)

    r = timed(f, 3)
    return [r[0] / k, r[1] / k]


S, A = lambda p: torch.optim.SGD(p, 0.1), lambda p: torch.optim.Adam(p)
CASES = dict(
    linreg=linreg,
    mlp64_sgd=mlp_case(S, 300),
    mlp64_adam=mlp_case(A, 300),
    mlp_wide=mlp_case(S, 5, 256, (1024, 1024, 1024, 10)),
    rl_net=mlp_case(A, 500, 64, (8, 64, 64, 4)),
    lenet64=lenet,
    lstm=lstm,
    skipgram=skipgram,
    chain10k=chain,
)
report(CASES, only, {"import_s": round(imported, 3)})
