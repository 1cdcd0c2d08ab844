"""What a guaranteed minimum costs: AttributePrivacyClassifier over splits, beside its rivals.

For several models on the diabetes study, the medical insurance data (label by charges) and the
breast-cancer data: accuracy, share of labels changed, narrowest, 5 % and median component of the
compatible sets and the chance of a best guess within a twentieth of the range, for minima from 5 to
50 % of the range; beside the model itself, Gaussian smoothing of the attribute, randomised response
that keeps the label with probability 0.95, and the model trained without the attribute. Means over
splits with 95 % t-intervals. Also: the time of the dynamic programme alone.

    python examples/benchmarks/minimum.py --output minimum.csv [--data-home DIR] [--splits 10]
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.attribute.partition import best_runs, last_starts
from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation

MINIMA = [0.05, 0.1, 0.2, 0.35, 0.5]
SIGMAS = [0.5, 1.0, 2.0]


def tasks(data_home):
    yield "diabetes", *load_recommendation(return_X_y=True, as_frame=True), "bmi"
    try:
        X, y = fetch_medical_insurance(data_home=data_home, return_X_y=True)
        yield "insurance", X, y, "bmi"
    except (ImportError, OSError) as error:
        print(f"insurance data not at hand: {error}")
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    yield "breast cancer", X, y.map({0: "malignant", 1: "benign"}), "mean area"


def models():
    def pipeline(model):
        text = make_column_selector(dtype_exclude="number")
        number = make_column_selector(dtype_include="number")
        return make_pipeline(
            make_column_transformer(
                (OneHotEncoder(sparse_output=False), text), (StandardScaler(), number)
            ),
            model,
        )

    yield "gradient boosting", pipeline(GradientBoostingClassifier(random_state=0))
    yield "random forest", pipeline(RandomForestClassifier(50, random_state=0))
    yield "logistic regression", pipeline(LogisticRegression(max_iter=1000))


def figures(sets, label, truth, base_label, prior):
    length = sets.component_length / (sets.high - sets.low)
    tolerance = (sets.high - sets.low) / 20
    return {
        "accuracy": np.mean(label == truth),
        "changed": np.mean(label != base_label),
        "narrowest": length.min(),
        "5 %": np.quantile(length, 0.05),
        "median": np.median(length),
        "vulnerability": sets.bayes_vulnerability(prior, tolerance=tolerance)[1].mean(),
    }


def one_split(X, y, attribute, model, seed):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    truth, bounds = y_test.to_numpy(), (X[attribute].min(), X[attribute].max())
    asked = {"sensitive_feature": attribute, "bounds": bounds}
    prior = X_train[attribute].to_numpy()
    model = clone(model).fit(X_train, y_train)
    base_label = model.predict(X_test)
    sets = compatible_sets(model, X_test, **asked)
    yield "model itself", figures(sets, base_label, truth, base_label, prior)
    frozen = FrozenEstimator(model)
    for minimum in MINIMA:
        apc = AttributePrivacyClassifier(frozen, minimum=minimum, prior="empirical", **asked)
        apc.fit(X_train, y_train)
        found = apc.compatible_sets(X_test)
        yield f"minimum {minimum:.0%}", figures(found, found.label, truth, base_label, prior)
    smoothed = RobustPrivacyClassifier(frozen, noise_features=attribute).fit(X_train, y_train)
    for sigma, found in zip(
        SIGMAS, compatible_sets(smoothed, X_test, sigmas=SIGMAS, **asked), strict=True
    ):
        yield f"smoothing {sigma:g}", figures(found, found.label, truth, base_label, prior)
    # Randomised response: what is left of the base model's set is a matter of odds, so that only
    # accuracy and vulnerability are comparable.
    keep, rng = 0.95, np.random.default_rng(seed)
    other = np.where(base_label == model.classes_[0], model.classes_[1], model.classes_[0])
    label = np.where(rng.uniform(size=len(base_label)) < keep, base_label, other)
    before, after = sets.bayes_vulnerability(prior, tolerance=(bounds[1] - bounds[0]) / 20)
    yield (
        "randomised response 95 %",
        {
            "accuracy": np.mean(label == truth),
            "changed": np.mean(label != base_label),
            "vulnerability": keep * after.mean() + (1 - keep) * before.mean(),  # an upper bound
        },
    )
    without = clone(model).fit(X_train.drop(columns=attribute), y_train)
    label = without.predict(X_test.drop(columns=attribute))
    yield (
        "without the attribute",
        {
            "accuracy": np.mean(label == truth),
            "changed": np.mean(label != base_label),
            "narrowest": 1.0,
            "5 %": 1.0,
            "median": 1.0,
            "vulnerability": before.mean(),
        },
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", default=None)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    warnings.simplefilter("ignore")

    gain = np.random.default_rng(0).uniform(size=(10_000, 256, 5))
    start = time.perf_counter()
    parts = [
        best_runs(part, last_starts(np.linspace(0, 1, 257), 0.2))
        for part in np.array_split(gain, 20)
    ]
    spent = time.perf_counter() - start
    print(f"dynamic programme, {sum(map(len, parts))} rows x 256 cells x 5 labels: {spent:.2f} s")

    lines = []
    for task, X, y, attribute in tasks(args.data_home):
        for name, model in models():
            for seed in range(args.splits):
                lines += [
                    {"task": task, "model": name, "release": release} | values
                    for release, values in one_split(X, y, attribute, model, seed)
                ]
            print(f"{task}, {name}", flush=True)
    groups = pd.DataFrame(lines).groupby(["task", "model", "release"], sort=False)
    mean = groups.mean()
    half = groups.sem() * stats.t.ppf(0.975, args.splits - 1)
    table = mean.round(3).astype(str) + " ± " + half.round(3).astype(str)
    table = table.mask(mean.isna(), "").reset_index()
    print(table.to_string(index=False))
    if args.output is not None:
        table.to_csv(args.output, index=False)


if __name__ == "__main__":
    main()
