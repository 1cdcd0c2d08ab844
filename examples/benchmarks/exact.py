"""How much faster exact certificates are than votes, and how close the two are.

On breast-cancer data: closed forms and sweeps of one noised feature, each against 100 000 Monte
Carlo votes of the same model with the same noise. Times are per row; Monte Carlo is timed on few
rows, as its time is proportional to them. Also: ten noise levels against one, and the memory of a
stream of rows. Both sides run in turn; medians of ratios.

    python examples/benchmarks/exact.py [--repeats 5] [--output exact.json]
"""

import argparse
from pathlib import Path

import numpy as np
from measure import in_turn, resident_mib, seconds, write
from sklearn.datasets import load_breast_cancer
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets

VOTES = 100_000


def smooth(model, X, y, **arguments):
    return RobustPrivacyClassifier(
        FrozenEstimator(model), sigma=0.5, random_state=0, **arguments
    ).fit(X, y)


def against_votes(name, model, X, y, repeats, voting, features):
    exact = smooth(model, X, y, method="exact", voting=voting, noise_features=features)
    votes = smooth(
        model, X, y, method="monte_carlo", voting=voting, noise_features=features, n_samples=VOTES
    )
    exact.certify(X[:5])
    few = 2  # rows of the slow side
    times = in_turn(repeats, lambda: exact.certify(X), lambda: votes.certify(X[:few]))
    times /= [len(X), few]
    ratio = float(np.median(times[:, 1] / times[:, 0]))
    fast = 1e6 * float(np.median(times[:, 0]))
    difference = np.abs(exact.predict_proba(X[:few]) - votes.predict_proba(X[:few])).max()
    print(
        f"{name:44} {exact.engine_:7} {fast:9.1f} us a row   "
        f"{ratio:8.0f} times faster   shares differ by {difference:.4f} at most"
    )
    return {"us_per_row": fast, "ratio": ratio,
            "share_difference": float(difference)}  # fmt: skip


def levels(name, model, X, y, repeats):
    exact = smooth(model, X, y, method="exact", noise_features=[0])
    sigmas = np.linspace(0.1, 2, 10)
    exact.certify(X[:5])
    times = in_turn(repeats, lambda: exact.certify(X), lambda: exact.certify_path(X, sigmas))
    ratio = float(np.median(times[:, 1] / times[:, 0]))
    print(f"{name:44} sweep   ten noise levels cost {ratio:.2f} times one")
    return {"ten_levels_over_one": ratio, "second_level_share": (ratio - 1) / 9}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--stream", type=int, default=0, help="rows of the memory measurement")
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    X, y = load_breast_cancer(return_X_y=True)
    rows, answers = X[: args.rows], y[: args.rows]
    forest = RandomForestClassifier(50, random_state=0).fit(X, y)
    boosting = HistGradientBoostingClassifier(max_iter=50, random_state=0).fit(X, y)
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(X, y)
    network = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=300, random_state=0))
    network.fit(X, y)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    apart = HistGradientBoostingClassifier(
        max_iter=50, interaction_cst="no_interactions", random_state=0
    ).fit(X, y)
    stumps = AdaBoostClassifier(random_state=0).fit(X, y)
    bayes = GaussianNB().fit(X, y)
    quadratic = make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis(reg_param=0.1))
    quadratic.fit(X, y)

    results = {}
    for name, model, voting, features in (
        ("random forest, 50 trees, all noised", forest, "soft", None),
        ("decision tree, depth 6, all noised", tree, "hard", None),
        ("logistic regression, all noised", linear, "hard", None),
        ("hist gradient boosting, no interactions", apart, "hard", None),
        ("AdaBoost of stumps, all noised", stumps, "hard", None),
        ("Gaussian naive Bayes, all noised", bayes, "hard", None),
        ("quadratic discriminant, all noised", quadratic, "hard", None),
        ("random forest, one noised", forest, "hard", [0]),
        ("hist gradient boosting, one noised", boosting, "hard", [0]),
        ("MLP, one noised, 256 cells", network, "hard", [0]),
    ):
        results[name] = against_votes(name, model, rows, answers, args.repeats, voting, features)
    for name, model in (("hist gradient boosting", boosting), ("MLP, 256 cells", network)):
        results[f"levels: {name}"] = levels(name, model, rows, answers, args.repeats)
    clf = smooth(boosting, rows, answers, method="exact", noise_features=[0])
    asked = {"sensitive_feature": 0}
    compatible_sets(clf, rows[:5], **asked)
    one, two = (
        np.median(
            [
                seconds(lambda s=s: compatible_sets(clf, rows, sigmas=s, **asked))
                for _ in range(args.repeats)
            ]
        )
        for s in ([0.5], [0.5, 1.0])
    )
    print(f"compatible sets of {len(rows)} rows, hist gradient boosting: {one:.3f} s, "
          f"with a second noise level {two:.3f} s")  # fmt: skip
    results["compatible sets"] = {"seconds": one, "two_levels_seconds": two}
    if args.stream:
        big = np.random.default_rng(0).normal(X.mean(0), X.std(0), size=(args.stream, X.shape[1]))
        clf = smooth(forest, X, y, method="exact", voting="soft")
        before = resident_mib()
        spent = seconds(lambda: clf.certify(big))
        grown = resident_mib() - before
        print(f"{args.stream} rows, exact forest: {spent:.0f} s, {grown:.0f} MiB above the input")
        results["stream"] = {"rows": args.stream, "seconds": spent, "mib": grown}
    write(args.output, {"results": results})


if __name__ == "__main__":
    main()
