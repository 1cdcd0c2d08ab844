"""Processes, and memory.

Processes: forests voting, two processes against one, in turns, through joblib's own processes and
through a dask cluster on this machine; the certificates have the same bits. Memory: the most that
a process has resident, above what it had with the rows in memory, at three numbers of rows and of
votes; each in a process of its own.

    python examples/benchmarks/scale.py [--rows 1000000] [--votes 1000] [--output scale.json]
"""

import argparse
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import parallel_config
from measure import in_turn, ratio, resident_mib, write
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier

MODELS = {
    "logistic regression": LogisticRegression(max_iter=5000),
    "decision tree": DecisionTreeClassifier(max_depth=6, random_state=0),
}

# What dask sets for its workers; and what keeps their memory from being given back at every step.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
DASK = {
    "dask": ONE_THREAD | {"MALLOC_TRIM_THRESHOLD_": "65536"},
    "dask, memory kept": ONE_THREAD | {
        "MALLOC_TRIM_THRESHOLD_": "1073741824", "MALLOC_MMAP_THRESHOLD_": "1073741824",
        "MALLOC_TOP_PAD_": "268435456", "MALLOC_ARENA_MAX": "1",
    },
}  # fmt: skip


def processes(repeats):
    import dask
    from dask.distributed import Client, LocalCluster

    X, y = load_breast_cancer(return_X_y=True)
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    one, two = (
        RobustPrivacyClassifier(
            FrozenEstimator(forest), method="monte_carlo", n_samples=10_000, n_jobs=n_jobs,
            random_state=0,
        ).fit(X, y)
        for n_jobs in (1, 2)
    )  # fmt: skip
    rows = X
    same = one.certify(rows).to_json() == two.certify(rows).to_json()
    times = in_turn(repeats, lambda: two.certify(rows), lambda: one.certify(rows))
    answer = {"joblib": {**ratio(times), "same_bits": same}}
    for name, environment in DASK.items():
        with (
            dask.config.set({"distributed.nanny.pre-spawn-environ": environment}),
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster),
            parallel_config(backend="dask", n_jobs=2),
        ):
            there = RobustPrivacyClassifier(
                FrozenEstimator(forest), method="monte_carlo", n_samples=10_000, random_state=0
            ).fit(X, y)
            same = one.certify(rows).to_json() == there.certify(rows).to_json()
            times = in_turn(repeats, lambda: there.certify(rows), lambda: one.certify(rows))  # noqa: B023
            answer[name] = {**ratio(times), "same_bits": same}
    return answer


def memory(model, rows, votes):
    """In this very process: the peak above the input, in MiB, and the time."""
    X, y = load_breast_cancer(return_X_y=True)
    clf = RobustPrivacyClassifier(
        FrozenEstimator(MODELS[model].fit(X, y)), method="monte_carlo", n_samples=votes,
        random_state=0,
    ).fit(X, y)  # fmt: skip
    clf.certify(X[:10])
    rng = np.random.default_rng(0)
    big = np.empty((rows, X.shape[1]))
    for part in np.array_split(big, max(1, rows // 10_000)):
        part[:] = rng.normal(X.mean(axis=0), X.std(axis=0), size=part.shape)
    before, start = resident_mib(), time.perf_counter()
    cert = clf.certify(big)
    answer = {"mib": resident_mib() - before, "seconds": time.perf_counter() - start}
    return answer | {"input_mib": big.nbytes / 2**20, "certified": 1 - cert.abstained.mean()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--votes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=None)
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.alone:
        model, rows, votes = args.alone
        print(json.dumps(memory(model, int(rows), int(votes))))
        return
    warnings.filterwarnings("ignore")
    found = processes(args.repeats)
    for name, one in found.items():
        print(
            f"two processes over one, {name}: {one['ratio']:.2f} times faster ({one['low']:.2f} to "
            f"{one['high']:.2f}), same bits: {one['same_bits']}"
        )
    sizes = [
        *(("logistic regression", args.rows // part, args.votes) for part in (4, 2, 1)),
        *(("logistic regression", args.rows // 4, votes) for votes in (10_000, 100_000)),
        *(("decision tree", args.rows // part, 100) for part in (4, 2, 1)),
        *(("decision tree", args.rows // 100, votes) for votes in (1000, 10_000)),
    ]
    peaks = []
    for model, rows, votes in sizes:
        command = [sys.executable, __file__, "--alone", model, str(rows), str(votes)]
        one = json.loads(subprocess.check_output(command, cwd=Path(__file__).parent))
        peaks.append({"model": model, "rows": rows, "votes": votes, **one})
        print(
            f"{model:20} {rows:8} rows x {votes:6} votes: {one['mib']:6.0f} MiB above an input of "
            f"{one['input_mib']:4.0f}, {one['seconds']:6.1f} s",
            flush=True,
        )
    write(args.output, {"processes": found, "memory": peaks})


if __name__ == "__main__":
    main()
