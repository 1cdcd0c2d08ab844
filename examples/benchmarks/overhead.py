"""What certify costs beyond the base model's own predictions.

For each base model, on breast-cancer data: the time of ``certify`` for 50 rows with 10 000 votes,
over the time of one bare ``predict`` on the same number of noisy rows, made beforehand. 1.0 is the
floor for a fixed number of votes. Both sides run in turn; medians and ranges of the ratios are
printed and written to JSON.

    python examples/benchmarks/overhead.py [--repeats 7] [--output overhead.json]
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier

MODELS = {
    "logistic regression": LogisticRegression(),
    "MLP (64)": MLPClassifier((64,), max_iter=300, random_state=0),
    "decision tree, depth 6": DecisionTreeClassifier(max_depth=6, random_state=0),
    "random forest, 50 trees": RandomForestClassifier(50, random_state=0),
    "hist gradient boosting, 50": HistGradientBoostingClassifier(max_iter=50, random_state=0),
}


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--votes", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()

    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    rows = X[: args.rows]
    noise = 0.5 * np.random.default_rng(0).standard_normal((args.votes, X.shape[1]))
    noisy = (rows[:, None, :] + noise[None, :, :]).reshape(-1, X.shape[1])

    results = {}
    print(f"{args.rows} rows x {args.votes} votes, {X.shape[1]} features, {args.repeats} repeats")
    print(f"{'base model':28} {'predict, s':>10} {'certify, s':>10} {'ratio':>6}   range")
    for name, model in MODELS.items():
        model.fit(X, y)
        clf = RobustPrivacyClassifier(
            FrozenEstimator(model),
            sigma=0.5,
            n_samples=args.votes,
            method="monte_carlo",
            random_state=0,
        ).fit(X, y)
        clf.certify(rows[:2])
        model.predict(noisy[:1000])
        pairs = [
            (seconds(lambda m=model: m.predict(noisy)), seconds(lambda c=clf: c.certify(rows)))
            for _ in range(args.repeats)
        ]
        bare, whole = np.median(pairs, axis=0)
        ratios = np.array([b / a for a, b in pairs])
        results[name] = {
            "predict_s": bare,
            "certify_s": whole,
            "ratio": float(np.median(ratios)),
            "ratio_min": ratios.min(),
            "ratio_max": ratios.max(),
        }
        print(
            f"{name:28} {bare:10.3f} {whole:10.3f} {np.median(ratios):6.2f}   "
            f"{ratios.min():.2f} to {ratios.max():.2f}"
        )
    if args.output is not None:
        machine = {
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
        }
        args.output.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    main()
