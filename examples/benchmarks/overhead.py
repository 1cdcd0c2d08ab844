"""What a certificate costs, here and elsewhere.

For each base model, on breast-cancer data, the same number of votes for each row: the time of
``certify`` here, of the Adversarial Robustness Toolbox (ART), and of a loop over rows as in the
paper of Cohen et al., all over the time of one bare ``predict`` on as many noisy rows, made
beforehand. 1.0 is the floor for a fixed number of votes; less means that noisy copies were not even
made. All sides take turns; medians and ranges of the ratios. Peers are slow: they are given fewer
rows, and their time, being proportional to the rows, is scaled.

Memory is that of arrays, above the rows themselves. Exact certificates, where there are any, stand
beside: they need no votes at all.

    python examples/benchmarks/overhead.py [--repeats 5] [--no-peers] [--output overhead.json]

ART: ``pip install adversarial-robustness-toolbox``.
"""

import argparse
from pathlib import Path

import numpy as np
from measure import in_turn, peak_mib, ratio, write
from scipy.stats import beta, norm
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
SIGMA, ALPHA = 0.5, 0.001


def cohen_loop(model, rows, votes, batch=1000):
    """The algorithm of the paper, as it is printed: row after row, batch after batch."""
    rng = np.random.default_rng(0)
    radii = []
    for x in rows:
        counts = np.zeros(2, dtype=int)
        for start in range(0, votes, batch):
            noise = SIGMA * rng.standard_normal((min(batch, votes - start), len(x)))
            for label in model.predict(x + noise):
                counts[label] += 1
        k = counts.max()
        p = beta.ppf(ALPHA, k, votes - k + 1)
        radii.append(SIGMA * norm.ppf(p) if p > 0.5 else 0.0)
    return radii


def art(model, rows, votes, batch):
    from art.estimators.certification.randomized_smoothing import NumpyRandomizedSmoothing
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    plain = BlackBoxClassifierNeuralNetwork(
        model.predict_proba, (rows.shape[1],), 2, channels_first=True
    )
    smoothed = NumpyRandomizedSmoothing(plain, sample_size=100, scale=SIGMA, alpha=ALPHA)
    return smoothed.certify(rows, n=votes, batch_size=batch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--votes", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()

    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    rows, votes = X[: args.rows], args.votes
    noise = SIGMA * np.random.default_rng(0).standard_normal((votes, X.shape[1]))
    noisy = (rows[:, None, :] + noise[None, :, :]).reshape(-1, X.shape[1])
    sides = ["certify"]
    if not args.no_peers:
        sides += ["plain loop", "ART, batch = n", "ART, batch = 32"]

    results = {}
    print(f"{len(rows)} rows x {votes} votes, {X.shape[1]} features, {args.repeats} turns; times "
          "over those of the bare predict")  # fmt: skip
    print(f"{'base model':28} {'predict, s':>10}", *(f"{side:>16}" for side in sides), "  MiB")
    for name, model in MODELS.items():
        model.fit(X, y)
        clf = RobustPrivacyClassifier(
            FrozenEstimator(model), sigma=SIGMA, alpha=ALPHA, n_samples=votes,
            method="monte_carlo", random_state=0,
        ).fit(X, y)  # fmt: skip
        clf.certify(rows[:2])
        model.predict(noisy[:1000])
        few = {"certify": len(rows), "plain loop": 5, "ART, batch = n": 5, "ART, batch = 32": 1}
        calls = {
            "certify": lambda c=clf: c.certify(rows),
            "plain loop": lambda m=model: cohen_loop(m, rows[:5], votes),
            "ART, batch = n": lambda m=model: art(m, rows[:5], votes, votes),
            "ART, batch = 32": lambda m=model: art(m, rows[:1], votes, 32),
        }
        times = in_turn(
            args.repeats, lambda m=model: m.predict(noisy), *(calls[side] for side in sides)
        )
        scale = np.array([1.0, *(len(rows) / few[side] for side in sides)])
        times = times * scale
        found = {
            side: {"seconds": float(np.median(times[:, i])), **ratio(times, of=i)}
            for i, side in enumerate(sides, start=1)
        }
        found["certify"]["mib"] = peak_mib(calls["certify"])
        if "ART, batch = n" in found:
            found["plain loop"]["mib"] = peak_mib(calls["plain loop"])
            found["ART, batch = n"]["mib"] = peak_mib(calls["ART, batch = n"])
        for side in found.values():
            side["votes"] = votes
        found["predict_s"] = float(np.median(times[:, 0]))
        results[name] = found
        print(
            f"{name:28} {found['predict_s']:10.3f}",
            *(f"{found[side]['ratio']:16.2f}" for side in sides),
            f"{found['certify']['mib']:6.0f}",
            flush=True,
        )
    write(args.output, {"rows": len(rows), "votes": votes, "results": results})


if __name__ == "__main__":
    main()
