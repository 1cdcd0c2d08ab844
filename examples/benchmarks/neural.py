"""Throughput of the engine for neural networks, against the bare forward pass and a plain loop.

An MLP on 30 features and a small convolutional net on 64 x 64 images, on the CPU and on a CUDA
device where there is one. Bare: the module in evaluation and inference mode on batches of the same
size that lie on the device. Plain loop: per row, noise drawn on the host, skorch's ``predict``,
labels counted on the host. All sides in turn; medians of ratios.

    python examples/benchmarks/neural.py [--repeats 5] [--output neural.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sklearn_rp import RobustPrivacyClassifier


def mlp():
    return nn.Sequential(
        nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    )


def convolution():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def seconds(function, device):
    start = time.perf_counter()
    function()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(name, make, shape, n_classes, device, n_rows, n_votes, repeats):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, *shape)).astype(np.float32)
    y = np.arange(200) % n_classes
    net = NeuralNetClassifier(
        make(), criterion=nn.CrossEntropyLoss, max_epochs=1, verbose=0, device=device,
        batch_size=128,
    )  # fmt: skip
    clf = RobustPrivacyClassifier(
        net, sigma=0.5, noise_scale=None, n_samples=n_votes, method="monte_carlo", random_state=0
    ).fit(X, y)
    assert clf.engine_ == "torch"
    rows = X[:n_rows]
    module = clf.estimator_.module_.eval()
    row = torch.zeros((1, int(np.prod(shape))), device=device)
    with torch.inference_mode():
        size = min(clf._engine._copies_at_once(row), n_rows * n_votes)
    batch = torch.randn((size, *shape), device=device)

    def bare():
        with torch.inference_mode():
            for _ in range(round(n_rows * n_votes / size)):
                module(batch)

    few = 1  # rows of the slow side

    def loop():
        counts = np.zeros((few, n_classes), dtype=int)
        for i in range(few):
            for _ in range(0, n_votes, 1000):
                noise = 0.5 * rng.standard_normal((min(1000, n_votes), *shape), dtype=np.float32)
                counts[i] += np.bincount(
                    clf.estimator_.predict(rows[i] + noise), minlength=n_classes
                )

    for function in (bare, lambda: clf.certify(rows[:2])):
        function()
    rounds = [
        (seconds(bare, device), seconds(lambda: clf.certify(rows), device), seconds(loop, device))
        for _ in range(repeats)
    ]
    bare_time, ours, loop_time = np.median(rounds, axis=0).tolist()
    done = round(n_rows * n_votes / size) * size / (n_rows * n_votes)
    record = {
        "net": name,
        "device": torch.cuda.get_device_name()
        if device == "cuda"
        else f"CPU, {torch.get_num_threads()} threads, {platform.machine()}",
        "votes_per_second": n_rows * n_votes / ours,
        "share_of_bare": bare_time / ours / done,
        "times_the_loop": loop_time / ours * n_rows / few,
        "batch": size,
    }
    print(
        f"{name:14} {record['device']:32} {record['votes_per_second']:12,.0f} votes a second   "
        f"{record['share_of_bare']:.2f} of the bare forward pass   "
        f"{record['times_the_loop']:.1f} times the plain loop"
    )
    return record


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    results = []
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        much = 20 if device == "cuda" else 1
        results.append(measure("MLP", mlp, (30,), 2, device, 20, 10_000 * much, args.repeats))
        results.append(
            measure(
                "convolution", convolution, (1, 64, 64), 10, device, 32, 256 * much, args.repeats
            )
        )
    if args.output is not None:
        args.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
