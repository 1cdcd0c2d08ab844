"""Attribute inference on the US General Social Survey, with and without a minimum.

Sensitive is xmovie (two answers), the label hapmar (three), as in Mehnaz et al. (arXiv 2012.03404);
the model is a decision tree with leaves of two people. The adversary knows all other answers of a
training person, the label that is released, and the test half of the survey as the population.
Accuracy on test people; Matthews' correlation of the guesses of xmovie by imputation (without the
label) and by the bayesian attacker (with it), and what the label adds; the share of people whom the
label leaves a single answer. Means over splits with 95 % t-intervals.

    python examples/benchmarks/gss.py --data-home DIR --output price_gss.csv [--splits 5]

DIR holds gss.csv of the repository smehnaz/Black-box-Model-Inversion-Attribute-Inference.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from price import half_width
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import matthews_corrcoef
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import AttributeCoarsener, AttributePrivacyClassifier
from sklearn_rp.attacks import AttributeInferenceAttack

SENSITIVE, LABEL = "xmovie", "hapmar"


def releases(X_train, y_train):
    codes = make_column_transformer(
        (OneHotEncoder(drop="if_binary", handle_unknown="ignore"), [SENSITIVE]),
        remainder="passthrough",
    )
    tree = make_pipeline(codes, DecisionTreeClassifier(min_samples_leaf=2, random_state=0))
    fitted = clone(tree).fit(X_train, y_train)
    asked = {"sensitive_feature": SENSITIVE, "minimum": 2, "unit": "categories"}
    yield "no privacy", fitted
    # One group of both answers: the tree learns nothing of them, as if the column were dropped.
    bins = AttributeCoarsener(**asked)
    yield "dropped", make_pipeline(bins, clone(tree)).fit(X_train, y_train)
    for prior in ("empirical", "conditional"):
        apc = AttributePrivacyClassifier(FrozenEstimator(fitted), prior=prior, **asked)
        yield f"minimum, {prior}, model", apc.fit(X_train, y_train)


def one_split(X, y, seed):
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.5, stratify=y, random_state=seed
    )
    imputer = RandomForestClassifier(50, min_samples_leaf=5, random_state=0)
    for name, model in releases(X_train, y_train):
        attack = AttributeInferenceAttack(
            model, sensitive_feature=SENSITIVE, imputer=imputer, n_resamples=10
        )
        found = attack.fit(X_test).evaluate(X_train)
        imputed, guessed = (
            matthews_corrcoef(found.truth, found.guesses[attacker])
            for attacker in ("imputation", "bayesian")
        )
        yield {
            "release": name,
            "accuracy": np.mean(model.predict(X_test) == y_test),
            "imputation": imputed,
            "with the label": guessed,
            "added": guessed - imputed,
            "pinned down": np.mean(found.sets.length < 2),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", type=Path, default=Path())
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    try:
        people = pd.read_csv(args.data_home / "gss.csv")
    except OSError as error:
        parser.exit(0, f"GSS skipped: {error}\n")
    y, own = people.pop(LABEL), people.pop(SENSITIVE)
    X = pd.get_dummies(people, dtype=float).assign(**{SENSITIVE: own})
    lines = []
    for seed in range(args.splits):
        lines += one_split(X, y, seed)
        print(f"split {seed}", flush=True)
    groups = pd.DataFrame(lines).groupby("release", sort=False)
    mean, half = groups.mean(), groups.agg(half_width)
    table = (mean.round(3).astype(str) + " ± " + half.round(3).astype(str)).reset_index()
    print(table.to_string(index=False))
    if args.output is not None:
        table.to_csv(args.output, index=False)


if __name__ == "__main__":
    main()
