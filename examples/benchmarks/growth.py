"""How the time of a certificate grows: with rows, features, votes, classes and noise level.

For each engine one size is varied, the others stay; the slope of a line through the logarithms of
size and time says how time grows (1: in proportion; 0: not at all). Synthetic data. Times are
medians of several turns.

    python examples/benchmarks/growth.py [--repeats 3] [--output growth.json]
"""

import argparse
from pathlib import Path

import numpy as np
from measure import exponent, in_turn, write
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier

SIZES = {
    "rows": (50, 100, 200, 400),
    "features": (10, 20, 40, 80),
    "votes": (1000, 2000, 4000, 8000),
    "classes": (2, 4, 8, 16),
    "sigma": (0.125, 0.25, 0.5, 1.0),
}
USUAL = {"rows": 100, "features": 20, "votes": 2000, "classes": 2, "sigma": 0.5}
VOTED = {"method": "monte_carlo"}
ENGINES = {
    "votes: naive Bayes": (GaussianNB(), VOTED),
    "votes: logistic regression": (LogisticRegression(max_iter=200), VOTED),
    "votes: decision tree": (DecisionTreeClassifier(max_depth=6, random_state=0), VOTED),
    "votes: forest, 10 trees": (RandomForestClassifier(10, max_depth=6, random_state=0), VOTED),
    "exact: logistic regression": (LogisticRegression(max_iter=200), {}),
    "exact: naive Bayes": (GaussianNB(), {}),
    "exact: forest, 10 trees": (
        RandomForestClassifier(10, max_depth=6, random_state=0),
        {"voting": "soft"},
    ),
    "exact: sweep of boosting": (
        HistGradientBoostingClassifier(max_iter=10, random_state=0),
        {"noise_features": [0]},
    ),
}
TWO_CLASSES = ("exact: naive Bayes",)  # alone are exact


def prepared(model, arguments, rows, features, votes, classes, sigma):
    X, y = make_classification(
        1000, features, n_informative=min(features, 8), n_redundant=0, n_classes=classes,
        n_clusters_per_class=1, random_state=0,
    )  # fmt: skip
    clf = RobustPrivacyClassifier(
        FrozenEstimator(clone(model).fit(X, y)), sigma=sigma, n_samples=votes, alpha=0.05,
        random_state=0, **arguments,
    ).fit(X, y)  # fmt: skip
    clf.certify(X[:2])
    return lambda: clf.certify(X[:rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()

    results = {}
    print(f"{'exponent of the time in':28}", *(f"{name:>9}" for name in SIZES), "   ms a row")
    for engine, (model, arguments) in ENGINES.items():
        found = {}
        for name, sizes in SIZES.items():
            if name == "classes" and engine in TWO_CLASSES:
                continue
            calls = [prepared(model, arguments, **(USUAL | {name: size})) for size in sizes]
            times = np.median(in_turn(args.repeats, *calls), axis=0)
            found[name] = {
                "sizes": list(sizes),
                "seconds": times.tolist(),
                "exponent": exponent(sizes, times),
            }
        rows = found["rows"]
        found["ms_a_row"] = 1e3 * rows["seconds"][-1] / rows["sizes"][-1]
        results[engine] = found
        print(
            f"{engine:28}",
            *(f"{found[name]['exponent']:9.2f}" if name in found else f"{'':9}" for name in SIZES),
            f"{found['ms_a_row']:11.3f}",
            flush=True,
        )
    write(args.output, {"usual": USUAL, "results": results})


if __name__ == "__main__":
    main()
