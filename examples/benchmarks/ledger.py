"""What a ledger costs in time, and what it keeps: sequences of releases about the same people.

One call about 10 000 people and single calls, through a ledger in SQLite and without one, in turn.
Then six releases about the same people, each by itself and within what the others left open: what
is left of the attribute, how well the best guess does that sees all answers and knows the other
features, the models and the code, beside one that knows the other features alone (imputation), and
what the answers are worth; beside models trained anew behind one coarsener.

    python examples/benchmarks/ledger.py --output ledger.json [--people 10000] [--repeats 5]
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from measure import in_turn, ratio, write
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sklearn_rp import (
    AttributeCoarsener,
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
)
from sklearn_rp.ledger import ReleaseLedger

N_RELEASES = 6


def fitted(n_people):
    """A release, and people that it was not fitted on."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (2000 + n_people, 6))
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 3]) > 0
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(X[:2000], y[:2000])
    release = AttributePrivacyClassifier(FrozenEstimator(model), sensitive_feature=0)
    return release.fit(X[:2000], y[:2000]), X[2000:]


def one_call(release, people, repeats):
    """Time of one call about all people over that of the release by itself; and of it again."""
    n_people = len(people)
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1000))

        def through():
            with ReleaseLedger(f"sqlite:///{folder}/{next(numbers)}.db") as ledger:
                ledger.release(release, people, ids=range(n_people))

        with ReleaseLedger(f"sqlite:///{folder}/again.db") as ledger:
            ledger.release(release, people, ids=range(n_people))

            def again():
                ledger.release(release, people, ids=range(n_people))

            whole = in_turn(repeats, lambda: release.predict(people), through, again)
    return {
        "people": n_people,
        "one call": ratio(whole[:, :2]),
        "the same call again": ratio(whole[:, [0, 2]]),
        "seconds of one call": float(np.median(whole[:, 1])),
    }


def single_calls(release, people, repeats, place=None):
    """Seconds of a call about one new person beyond the release by itself."""
    new, n_calls = iter(range(10**9)), min(500, len(people))
    with (
        tempfile.TemporaryDirectory(dir=place) as folder,
        ReleaseLedger(f"sqlite:///{folder}/single.db") as ledger,
    ):

        def alone():
            for row in people[:n_calls]:
                release.predict(row[None])

        def one_by_one():
            for row in people[:n_calls]:
                ledger.release(release, row[None], ids=[next(new)])

        one_by_one()
        each = in_turn(repeats, alone, one_by_one)
    return float(np.median(each[:, 1] - each[:, 0]) / n_calls)


def bins_of(coarsener, sets):
    """The bin of each row, as its set."""
    low, high = coarsener.bins_["bmi"].T
    place = np.clip(np.searchsorted(low, sets.own, side="right") - 1, 0, len(low) - 1)
    return replace(sets, row=np.arange(len(sets)), start=low[place], stop=high[place])


def kept(n_splits=10):
    """What six releases leave open, each by itself and one within the other."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    lines = []
    for seed in range(n_splits):
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
        rng = np.random.default_rng(seed)
        models = []
        halves = [
            rng.choice(len(X_train), len(X_train) // 2, replace=False) for _ in range(N_RELEASES)
        ]
        for k, some in enumerate(halves):
            model = RandomForestRegressor(30, min_samples_leaf=3, random_state=k)
            model.fit(X_train.iloc[some], y_train.iloc[some])
            model = AttributePrivacyRegressor(
                FrozenEstimator(model), sensitive_feature="bmi", levels="model", prior="empirical",
                minimum=0.2, unit="mass", bounds=(X["bmi"].min(), X["bmi"].max()),
            )  # fmt: skip
            models.append(model.fit(X_train, y_train))
        prior = X_train["bmi"].to_numpy()
        alone = models[0].compatible_sets(X_test)
        within, scores = alone, {"alone": [], "within": []}
        for k, model in enumerate(models):
            mine = model.compatible_sets(X_test)
            alone = mine if k == 0 else alone.intersect(mine)
            within = model.compatible_sets(X_test, within=None if k == 0 else within)
            scores["alone"].append(r2_score(y_test, mine.label))
            scores["within"].append(r2_score(y_test, within.label.astype(float)))
        # The plainest rival: models trained anew on bins that are the same for all of them.
        bounds = (X["bmi"].min(), X["bmi"].max())
        asked = {"sensitive_feature": "bmi", "minimum": 0.2, "unit": "mass", "bounds": bounds}
        coarsener = AttributeCoarsener(**asked).fit(X_train, y_train)
        coarse, scores["coarsened"] = coarsener.transform(X_train), []
        for k, some in enumerate(halves):
            model = RandomForestRegressor(30, min_samples_leaf=3, random_state=k)
            model.fit(coarse.iloc[some], y_train.iloc[some])
            scores["coarsened"].append(r2_score(y_test, model.predict(coarsener.transform(X_test))))
        bins = bins_of(coarsener, within)
        for name, sets in (("alone", alone), ("within", within), ("coarsened", bins)):
            before, after = sets.bayes_vulnerability(prior, tolerance=1.0)
            mass = sets.prior_mass(prior)
            lines.append(
                {"split": seed, "releases": name}
                | {"smallest": float(sets.component_length.min())}
                | {"median": float(np.median(sets.component_length))}
                | {"smallest mass": float(mass.min())}
                | {"guess before": float(before.mean()), "guess after": float(after.mean())}
                | {"largest gain in bits": float(sets.pointwise_maximal_leakage(prior).max())}
                | {"r2 of the first": scores[name][0], "r2 of the last": scores[name][-1]}
                | {"mean r2": float(np.mean(scores[name]))}
            )
            print(lines[-1])
    return lines


def main():
    """Measure all and write the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=Path, default=Path("ledger.json"))
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    release, people = fitted(options.people)
    found = one_call(release, people, options.repeats)
    for name, place in (("on disk", None), ("in memory alone", "/dev/shm")):
        if place is None or Path(place).exists():
            seconds = single_calls(release, people, options.repeats, place)
            found[f"seconds beyond a single release, {name}"] = seconds
    print(found)
    write(options.output, {"times": found, "kept": kept()})


if __name__ == "__main__":
    main()
