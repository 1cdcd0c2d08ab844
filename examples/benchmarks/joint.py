"""The price of hiding two features jointly: boxes for each row, beside dropping both.

For each task and each minimum (share of the range, of each feature): R2 on test rows with the model
itself, both features dropped, bins of both (AttributeCoarsener, the model trained anew), and
AttributePrivacyRegressor of both features. The model is that of quotes.py.

Means over splits with 95 % t-intervals: of R2, and of its paired difference to the model itself.

    python examples/benchmarks/joint.py --data-home DIR --output joint.csv [--splits 10]

DIR as for price.py. What is missing is skipped.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from quotes import MODEL, tasks
from scipy import stats
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyRegressor

PAIRS = {
    "diabetes study: progression": ["age", "bmi"],
    "insurance: charges": ["age", "bmi"],
    "NHANES: blood pressure": ["Age", "BMI"],
}
MINIMA = [0.2, 0.33]
RESOLUTION = 576


def one_split(X, y, features, split, rounds):
    """R2 of each release on the test rows of one split."""
    model = clone(MODEL).set_params(max_iter=rounds, categorical_features="from_dtype")
    text = X.select_dtypes(exclude="number").columns
    X = X.astype(dict.fromkeys(text, "category"))
    parts = train_test_split(X, y, test_size=0.5, random_state=split)
    train, test, y_train, y_test = parts
    fitted = clone(model).fit(train, y_train)
    yield "no privacy", 0.0, fitted.score(test, y_test)
    rest = [part.drop(columns=features) for part in (train, test)]
    yield "both dropped", 0.0, clone(model).fit(rest[0], y_train).score(rest[1], y_test)
    bounds = {name: (X[name].min(), X[name].max()) for name in features}
    for minimum in MINIMA:
        asked = {"sensitive_feature": features, "minimum": minimum, "bounds": bounds}
        bins = make_pipeline(
            AttributeCoarsener(**asked).set_output(transform="pandas"), clone(model)
        )
        yield "best bins of each", minimum, bins.fit(train, y_train).score(test, y_test)
        boxes = AttributePrivacyRegressor(FrozenEstimator(fitted), resolution=RESOLUTION, **asked)
        yield "boxes", minimum, boxes.fit(train, y_train).score(test, y_test)


def main():
    """Run all tasks and write the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-home", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("joint.csv"))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    lines, done = [], set()
    for task, _, X, y in tasks(options.data_home):
        features = PAIRS.get(task)
        if features is None or task in done or not set(features) <= set(X.columns):
            continue
        done.add(task)
        for split in range(options.splits):
            lines += [
                {"task": task, "split": split, "release": name, "minimum": minimum, "R2": r2}
                for name, minimum, r2 in one_split(X, y, features, split, options.rounds)
            ]
    table = pd.DataFrame(lines)
    bare = table[table["release"] == "no privacy"].set_index(["task", "split"])["R2"]
    table["lost"] = bare.loc[pd.MultiIndex.from_frame(table[["task", "split"]])].to_numpy()
    table["lost"] -= table["R2"]
    far = stats.t.ppf(0.975, options.splits - 1) / np.sqrt(options.splits)
    groups = table.groupby(["task", "release", "minimum"], sort=False)[["R2", "lost"]]
    mean, half = groups.mean(), groups.std() * far
    found = pd.concat([mean, half.add_prefix("± ")], axis=1)[["R2", "± R2", "lost", "± lost"]]
    found.round(4).reset_index().to_csv(options.output, index=False)
    print(found.round(4).to_string())


if __name__ == "__main__":
    main()
