"""Time of a release with a minimum over the model's own answers in the same cells.

For one attribute in 256 cells, two in 24 x 24, a number beside categories, and three in 8 x 8 x 8;
for boosting and for a forest, labels and numbers. Both sides in turn, median of `--repeats` ratios,
and the memory that arrays take at most above what the model alone takes.

    python examples/benchmarks/boxes.py --output boxes.json [--rows 400] [--repeats 5]
"""

import argparse
from pathlib import Path

import numpy as np
from measure import in_turn, peak_mib, ratio, write
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.frozen import FrozenEstimator

from sklearn_rp import AttributePrivacyClassifier, AttributePrivacyRegressor

ASKED = {
    "one attribute, 256 cells": ([0], {"resolution": 256}),
    "two attributes, 24 x 24 cells": ([0, 1], {"resolution": 576}),
    "a number and four categories, 576 cells": ([0, 2], {"resolution": 576}),
    "three attributes, 576 cells": ([0, 1, 3], {"resolution": 576}),
}
MODELS = {
    "boosting": (HistGradientBoostingRegressor, HistGradientBoostingClassifier, {"max_iter": 60}),
    "forest": (RandomForestRegressor, RandomForestClassifier, {"n_estimators": 50}),
}


def data(n_rows):
    """Six features, the third of them four whole numbers that stand for categories."""
    X = np.random.default_rng(0).uniform(-1, 1, size=(n_rows, 6))
    X[:, 2] = np.random.default_rng(1).integers(4, size=n_rows)
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 3]) + 0.3 * (X[:, 2] == 1) + 0.2 * X[:, 4]
    return X, y


def measured(release, model, X, repeats):
    """Ratio of a release's answers to the model's own in the same cells."""
    found = release.release_
    values = np.asarray(found.cells.at).reshape(len(found.cells), -1)
    copies = np.repeat(X, len(values), axis=0)
    copies[:, found.feature.columns] = np.tile(values, (len(X), 1))
    ask = getattr(model, "predict_proba", model.predict)

    def own():
        # As many rows at once as the release asks about.
        for part in np.array_split(copies, max(1, len(copies) // 50_000)):
            ask(part)

    def answers():
        release.predict(X)

    answers()
    times = in_turn(repeats, own, answers)
    memory = peak_mib(answers) - peak_mib(own)
    line = {"cells": len(values), "seconds_per_row": float(np.median(times[:, 1]) / len(X))}
    return line | ratio(times) | {"memory_mib": memory}


def main():
    """Measure all and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("boxes.json"))
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    X, y = data(2000)
    people, _ = data(2000 + options.rows)
    people = people[2000:]
    lines = []
    for name, (regressor, classifier, parameters) in MODELS.items():
        for kind in ("numbers", "labels"):
            number = kind == "numbers"
            model = (regressor if number else classifier)(random_state=0, **parameters)
            model.fit(X, y if number else y > 0)
            ours = AttributePrivacyRegressor if number else AttributePrivacyClassifier
            for what, (features, given) in ASKED.items():
                release = ours(FrozenEstimator(model), sensitive_feature=features, **given)
                line = measured(
                    release.fit(X, y if number else y > 0), model, people, options.repeats
                )
                lines.append({"model": name, "released": kind, "hidden": what} | line)
                print(lines[-1])
    write(options.output, {"rows": options.rows, "lines": lines})


if __name__ == "__main__":
    main()
