"""How many votes it takes to know whether a radius is large enough.

Two parts. Models: ``certify(X, radius=r)`` on breast-cancer data and digits, at most 100 000 votes
a row, against 100 000 votes for all at the same alpha: votes per row, share of rows that left
early, rows whose answer differs. Simulation: the rounds of this package (alpha shared among them)
against a confidence sequence (the mixture martingale of Robbins, as in Voracek 2024), asked after
the same rounds and after every vote or so: mean votes until the answer, and how often there was
none.

    python examples/benchmarks/early_stopping.py [--output early_stopping.json]
"""

import argparse
from pathlib import Path

import numpy as np
from measure import seconds, write
from scipy import special
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.rounds import Question, round_ends, vote_in_rounds
from sklearn_rp.votes import Counts

VOTES, ALPHA = 100_000, 0.001


def models():
    cancer, digits = load_breast_cancer(return_X_y=True), load_digits(return_X_y=True)
    gray = {"noise_scale": None, "noise_features": np.ptp(digits[0], axis=0) > 1, "sigma": 2.0}
    forest = RandomForestClassifier(20, random_state=0)
    boosting = HistGradientBoostingClassifier(max_iter=20, random_state=0)
    network = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=300, random_state=0))
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    few = 12  # rows of models whose votes are slow
    yield "breast cancer, logistic regression", linear, cancer, {}, 569, (0.1, 0.5, 1.0)
    yield "breast cancer, random forest", forest, cancer, {}, few, (0.1, 0.5)
    yield "breast cancer, hist gradient boosting", boosting, cancer, {}, few, (0.1, 0.5)
    yield "digits, logistic regression", linear, digits, gray, 400, (0.5, 2.0)
    yield "digits, MLP (32)", network, digits, gray, few, (0.5, 2.0)


def compare(model, data, more, n_rows, radius):
    X, y = data
    arguments = {"sigma": 0.5, "method": "monte_carlo", "random_state": 0} | more
    clf = RobustPrivacyClassifier(model, n_samples=VOTES, alpha=ALPHA, **arguments).fit(X, y)
    rows = X[np.linspace(0, len(X) - 1, n_rows).astype(int)]
    found = {}
    early_s = seconds(lambda: found.update(early=clf.certify(rows, radius=radius)))
    fixed_s = seconds(lambda: found.update(fixed=clf.certify(rows)))
    early, fixed = found["early"], found["fixed"]
    return {
        "rows": n_rows,
        "radius": radius,
        "median_votes": float(np.median(early.n_samples)),
        "mean_votes": float(early.n_samples.mean()),
        "left_early": float((early.n_samples < VOTES).mean()),
        "yes": float(early.at(radius).mean()),
        "answers_differ": float((early.at(radius) != fixed.at(radius)).mean()),
        "speed_up": fixed_s / early_s,
    }


def simulate(p, radius, rng, trials=500):
    """Mean votes, and share without an answer, for a row whose class has probability `p`."""

    def cast(rows, start, stop, number):
        first = rng.binomial(stop - start, p, size=len(rows))
        return Counts(np.stack([first, stop - start - first], axis=1), stop - start)

    _, bounds, n = vote_in_rounds(cast, trials, VOTES, ALPHA, 1.0, Question(radius, None))
    none = (n == VOTES) & (bounds.abstained | (bounds.radius < radius))
    answer = {"rounds": (float(n.mean()), float(none.mean()))}
    limit = special.ndtr(radius)
    rounds = round_ends(VOTES)
    every = np.unique(np.r_[np.arange(10, 1000, 5), np.geomspace(1000, VOTES, 500).astype(int)])
    for name, ends in (("sequence, same rounds", rounds), ("sequence, all the time", every)):
        k, start, used, done = np.zeros(trials), 0, np.full(trials, VOTES), np.zeros(trials, bool)
        for end in ends:
            k, start = k + rng.binomial(end - start, p, trials), end
            mixture = special.betaln(k + 0.5, end - k + 0.5) - special.betaln(0.5, 0.5)
            evidence = mixture - special.xlogy(k, limit) - special.xlog1py(end - k, -limit)
            now = (evidence >= np.log(1 / ALPHA)) & ~done
            used[now], done = end, done | now
        answer[name] = float(used.mean()), float(1 - done.mean())
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()

    print(f"at most {VOTES} votes, alpha = {ALPHA}")
    print(f"{'':38} radius  median votes    mean  left early  differ  times faster")
    found = {}
    for name, model, data, more, n_rows, radii in models():
        for radius in radii:
            one = found[f"{name}, {radius:g}"] = compare(model, data, more, n_rows, radius)
            print(
                f"{name:38} {radius:6.2f} {one['median_votes']:13.0f} {one['mean_votes']:7.0f} "
                f"{one['left_early']:11.1%} {one['answers_differ']:7.1%} {one['speed_up']:13.1f}",
                flush=True,
            )
    rng = np.random.default_rng(0)
    simulated = []
    print("\nradius     p  mean votes and share without an answer")
    for radius in (0.0, 0.5, 1.0, 2.0):
        limit = float(special.ndtr(radius))
        for distance in (-0.1, -0.02, -0.005, 0.005, 0.02, 0.1):
            if not 0 < limit + distance < 1:
                continue
            one = simulate(limit + distance, radius, rng)
            simulated.append({"radius": radius, "p": limit + distance, **one})
            shown = "  ".join(f"{k}: {v[0]:.0f} ({v[1]:.0%})" for k, v in one.items())
            print(f"{radius:6.2f} {limit + distance:.3f}  {shown}")
    write(args.output, {"votes": VOTES, "alpha": ALPHA, "models": found, "simulated": simulated})


if __name__ == "__main__":
    main()
