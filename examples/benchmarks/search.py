"""What a search over ten noise levels costs, against one level and against GridSearchCV.

A frozen gradient-boosting model, one noised feature, two scores (accuracy and average certified
radius), five splits. One level and ten in turn, medians of ratios; GridSearchCV takes long and runs
once.

    python examples/benchmarks/search.py [--repeats 5] [--output search.json]
"""

import argparse
from pathlib import Path

import numpy as np
from measure import in_turn, ratio, seconds, write
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy

SIGMAS = np.linspace(0.1, 2, 10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    more = {
        "scoring": {
            "accuracy": "accuracy",
            "radius": make_certificate_scorer(average_certified_radius),
        },
        "refit": max_privacy(),
    }
    results = []
    for model in (GradientBoostingClassifier, HistGradientBoostingClassifier):
        for n_rows in args.rows:
            task = make_recommendation(n_rows, random_state=0)
            X, y = task.data, task.target
            base = FrozenEstimator(model(random_state=0).fit(X, y))
            clf = RobustPrivacyClassifier(base, noise_features=[0])
            one = NoiseSearchCV(clf, SIGMAS[4:5], **more).fit(X, y)
            ten = NoiseSearchCV(clf, SIGMAS, **more)
            grid = GridSearchCV(clf, {"sigma": SIGMAS}, **more)
            times = in_turn(args.repeats, lambda s=one: s.fit(X, y), lambda s=ten: s.fit(X, y))  # noqa: B023
            slow = seconds(lambda: grid.fit(X, y))  # noqa: B023
            for key in ("mean_test_accuracy", "mean_test_radius"):
                assert np.array_equal(ten.cv_results_[key], grid.cv_results_[key])
            first = float(np.median(times[:, 0]))
            record = {
                "model": model.__name__,
                "rows": n_rows,
                "one_level_seconds": first,
                "ten_over_one": ratio(times)["ratio"],
                "grid_over_one": slow / first,
            }
            results.append(record)
            print(
                f"{record['model']:32} {n_rows:6} rows: ten levels cost "
                f"{record['ten_over_one']:.2f} times one, with GridSearchCV "
                f"{record['grid_over_one']:.1f} times (one: {record['one_level_seconds']:.2f} s)"
            )
    write(args.output, {"results": results})


if __name__ == "__main__":
    main()
