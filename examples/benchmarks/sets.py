"""What the sets of a voted model cost, with noise on the sensitive feature and on others.

Diabetes study, BMI sensitive, a hundred people, a forest of a hundred trees and a network, three
noised features, 1 000 votes for each answer. The floor is what a plain grid of 257 values costs,
one `predict` of so many copies of each person, which finds no ends and certifies nothing. Both
sides in turn, medians of ratios.

    python examples/benchmarks/sets.py [--repeats 5] [--output sets.json]
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from measure import in_turn, machine, ratio, write
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rp import AttributePrivacyTransformer, RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation

MODELS = {
    "random forest, 100 trees": RandomForestClassifier(100, random_state=0),
    "MLP (32)": make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=500, random_state=0)),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    task = load_recommendation()
    X, y = pd.DataFrame(task.data, columns=task.feature_names), task.target
    people = X.iloc[-args.people :]
    results = {}
    for name, model in MODELS.items():
        clf = RobustPrivacyClassifier(
            model, noise_features=["bmi", "bp", "ltg"], sigma=0.25, n_samples=1000, random_state=0
        )
        apt = AttributePrivacyTransformer(clf, sensitive_feature="bmi").fit(X, y)
        fitted = apt.estimator_
        copies = people.loc[people.index.repeat(257)].reset_index(drop=True)
        copies["bmi"] = np.tile(np.linspace(*apt.bounds_, 257), len(people))
        times = in_turn(
            args.repeats, lambda f=fitted, c=copies: f.predict(c),
            lambda a=apt: a.compatible_sets(people),
        )  # fmt: skip
        each = 1e3 * float(np.median(times[:, 1])) / len(people)
        results[name] = ratio(times) | {"ms_a_person": each}
        print(
            f"{name:28} {each:7.1f} ms a person, {results[name]['ratio']:.2f} times the plain grid"
        )
    write(args.output, {"machine": machine(), "results": results})


if __name__ == "__main__":
    main()
