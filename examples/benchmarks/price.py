"""The price of a minimum: a labelling for each row, beside everything else that hides an attribute.

For each task (data, attribute, label) and each minimum (share of the attribute's range): accuracy
on test rows with the model itself, the attribute dropped, equal bins and best common bins for
everybody (the model trained anew on them), AttributePrivacyClassifier with each prior and two kinds
of levels; Gaussian smoothing of the attribute; and, at the same Bayes vulnerability as the minimum
with the conditional prior leaves, randomised response and Gaussian noise on the attribute (what
RandomizedResponseClassifier and NoisyInputClassifier release; accuracy is their expectation). The
model is histogram boosting of 60 rounds. Beside the price: narrowest and 5 % component of the
compatible sets, the chance of a best guess within a twentieth of the range, and the pointwise
maximal leakage that 5 % of the rows exceed, the adversary's prior being the training population.

Means over splits with 95 % t-intervals: of the accuracy, of its paired difference to the model
itself, and to the best rival with the same guarantee (dropped, equal bins, best bins). Labels
only; numbers need a regressor.

    python examples/benchmarks/price.py --data-home DIR --output price.csv [--splits 10]

DIR holds medical_insurance.csv (downloaded if it is not there), nhanes.csv (repository
bioconnector/workshops), credit_card_clients.csv (UCI 350) and brfss2015_diabetes.csv.zip (BRFSS
2015; repository muzammilCO/Diabetes-Prediction). What is missing is skipped.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.attribute import Prior, compatible_sets
from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation

MINIMA = [0.2, 0.33, 0.5]
SIGMAS = [0.5, 1.0, 2.0]
MODEL = HistGradientBoostingClassifier(max_iter=60, early_stopping=False, random_state=0)
PARTITIONS = [(p, k) for p in ("empirical", "conditional") for k in ("model", "auto")]
KEPT = dict.fromkeys(["narrowest", "5 %", "vulnerability", "leakage"], "mean")
RIVALS = ["equal bins", "best bins", "dropped"]  # with the same guarantee
BINS = 32  # cells of the first look at bins that are a fifth of the range or more
POINTS = 200  # of the adversary's prior
NHANES = ["Gender", "Age", "Race", "Education", "Income", "Poverty", "Pulse", "HDLChol", "TotChol",
          "Diabetes", "SleepHrsNight", "PhysActive", "SmokingStatus"]  # fmt: skip


def above_median(column):
    return (column > column.median()).map({True: "above", False: "below"})


def insurance(data_home):
    X, y = fetch_medical_insurance(data_home=data_home, return_X_y=True)
    for attribute in ("bmi", "age"):
        yield "insurance: charges", attribute, X, y


def nhanes(data_home):
    people = pd.read_csv(data_home / "nhanes.csv")
    # Weight and height tell the BMI, and each the other beside it.
    for label, attribute, more in (
        ("BPSys", "BMI", ["BMI"]),
        ("BPSys", "Age", ["BMI"]),
        ("Weight", "Height", ["Height"]),
    ):
        known = people.dropna(subset=[label, attribute])
        task = {"BPSys": "NHANES: blood pressure", "Weight": "NHANES: weight"}[label]
        yield task, attribute, known[NHANES + more], above_median(known[label])


def credit(data_home):
    clients = pd.read_csv(data_home / "credit_card_clients.csv")
    limit = above_median(clients.pop("LIMIT_BAL"))
    yield "credit: limit", "AGE", clients, limit
    yield "credit: limit", "BILL_AMT1", clients, limit


def brfss(data_home):
    people = pd.read_csv(data_home / "brfss2015_diabetes.csv.zip")
    y = people.pop("HighBP")
    for attribute in ("BMI", "Age"):
        yield "BRFSS: high blood pressure", attribute, people, y


def diabetes(data_home):
    yield "diabetes study: follow-up", "bmi", *load_recommendation(return_X_y=True, as_frame=True)


def breast_cancer(data_home):
    yield "breast cancer", "mean area", *load_breast_cancer(return_X_y=True, as_frame=True)


SOURCES = [insurance, diabetes, breast_cancer, nhanes, credit, brfss]


def tasks(data_home):
    for source in SOURCES:
        try:
            for task, attribute, X, y in source(data_home):
                yield task, attribute, pd.get_dummies(X, dtype=float), y
        except (ImportError, OSError) as error:
            print(f"{source.__name__} skipped: {error}")


class Adversary:
    """Who knows all other features, and of the attribute what the training population says."""

    def __init__(self, values, span):
        self.everybody = Prior.make(values)
        at = np.quantile(values, (np.arange(POINTS) + 0.5) / POINTS, method="inverted_cdf")
        self.prior, self.tolerance = Prior.make(at), span / 20

    def _guessed(self, sets):
        return sets.bayes_vulnerability(self.prior, tolerance=self.tolerance)

    def of_sets(self, sets):
        """What a deterministic release gives away."""
        length = sets.component_length / sets.span
        return {
            "narrowest": length.min(),
            "5 %": np.quantile(length, 0.05),
            "vulnerability": self._guessed(sets)[1].mean(),
            "leakage": np.quantile(sets.pointwise_maximal_leakage(self.everybody), 0.95),
        }

    def of_silence(self, sets):
        """What a release that ignores the attribute gives away."""
        before = self._guessed(sets)[0].mean()
        return {"narrowest": 1.0, "5 %": 1.0, "vulnerability": before, "leakage": 0.0}

    def of_channel(self, sets, kept, own):
        """What a random release of two labels gives away.

        `kept`: chance that the model's own label of the row is released, at each value of the
        prior; `own`: at the row's value.
        """
        prior = self.prior.for_rows(len(sets))
        found, bits = 0.0, []
        for chance, seen in ((kept, own), (1 - kept, 1 - own)):
            joint = prior * chance
            total = joint.sum(axis=1, keepdims=True)
            after = np.where(total > 0, joint / np.where(total > 0, total, 1), prior)
            after = Prior(self.prior.values, after)
            found += seen * sets.bayes_vulnerability(after, tolerance=self.tolerance)[0]
            with np.errstate(divide="ignore", invalid="ignore"):
                bits.append(np.nan_to_num(np.log2(chance.max(axis=1) / total[:, 0])))
        seen = np.concatenate([own, 1 - own])
        bits = np.concatenate(bits)
        order = np.argsort(bits)
        place = np.searchsorted(np.cumsum(seen[order]), 0.95 * seen.sum())
        return {"vulnerability": found.mean(), "leakage": bits[order][min(place, len(bits) - 1)]}


def responses(sets, adversary, p):
    """Randomised response: chance of the own label at the prior's values, and at the own."""
    inside = sets.contains(adversary.prior.values)
    return np.where(inside, p, 1 - p), np.full(len(sets), p)


def noises(sets, adversary, sigma):
    """Gaussian noise on the attribute, the model being constant beyond the ends of the range."""
    grid = np.linspace(sets.low, sets.high, 2 * POINTS)
    whole = isinstance(sets.domain, str) and sets.domain == "integer"
    inside = sets.contains(np.round(grid) if whole else grid).astype(float)
    ends = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])

    def mass(values):
        return np.diff(stats.norm.cdf((ends - np.asarray(values, dtype=float)[:, None]) / sigma))

    return inside @ mass(adversary.prior.values).T, (inside * mass(sets.own)).sum(axis=1)


def at_vulnerability(channel, sets, adversary, target, low, high):
    """The channel whose level, between `low` (tells least) and `high`, leaves the target."""
    for _ in range(9):
        level = np.sqrt(low * high)
        kept, own = channel(sets, adversary, level)
        given = adversary.of_channel(sets, kept, own)
        low, high = (level, high) if given["vulnerability"] < target else (low, level)
    return own, given


def one_split(X, y, attribute, model, seed, rows, partitions):
    size = min(rows, len(y) // 2)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=size, test_size=size, stratify=y, random_state=seed
    )
    truth, bounds = y_test.to_numpy(), (X[attribute].min(), X[attribute].max())
    asked = {"sensitive_feature": attribute, "bounds": bounds}
    adversary = Adversary(X_train[attribute].to_numpy(), bounds[1] - bounds[0])

    def score(label):
        return {"accuracy": np.mean(label == truth)}

    fitted = clone(model).fit(X_train, y_train)
    frozen = FrozenEstimator(fitted)
    base = compatible_sets(fitted, X_test, **asked)
    yield "no privacy", 0, score(base.label) | adversary.of_sets(base)
    without = clone(model).fit(X_train.drop(columns=attribute), y_train)
    label = without.predict(X_test.drop(columns=attribute))
    yield "dropped", 0, score(label) | adversary.of_silence(base)
    smoothed = RobustPrivacyClassifier(frozen, noise_features=attribute).fit(X_train, y_train)
    for sigma, sets in zip(
        SIGMAS, compatible_sets(smoothed, X_test, sigmas=SIGMAS, **asked), strict=True
    ):
        yield f"smoothing {sigma:g}", 0, score(sets.label) | adversary.of_sets(sets)
    for minimum in MINIMA:
        for name, strategy in (("equal bins", "uniform"), ("best bins", "optimal")):
            bins = AttributeCoarsener(minimum=minimum, strategy=strategy, **asked)
            private = make_pipeline(bins, clone(model)).fit(X_train, y_train)
            sets = compatible_sets(private, X_test, resolution=BINS, **asked)
            yield name, minimum, score(sets.label) | adversary.of_sets(sets)
        for prior, levels in partitions:
            apc = AttributePrivacyClassifier(
                frozen if levels == "model" else clone(model),
                minimum=minimum, prior=prior, levels=levels, random_state=seed, **asked,
            ).fit(X_train, y_train)  # fmt: skip
            sets = apc.compatible_sets(X_test)
            given = adversary.of_sets(sets)
            yield f"minimum, {prior}, {levels}", minimum, score(sets.label) | given
            if (prior, levels) == ("conditional", "model"):
                target = given["vulnerability"]
        span = bounds[1] - bounds[0]
        for name, channel, low, high in (
            ("randomised response", responses, 0.5, 1.0),
            ("noise on the attribute", noises, 5 * span, 1e-4 * span),
        ):
            own, given = at_vulnerability(channel, base, adversary, target, low, high)
            right = np.where(base.label == truth, own, 1 - own).mean()
            yield name, minimum, {"accuracy": right} | given


def half_width(values):
    """Of the 95 % t-interval of a mean over splits."""
    return stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)


def summary(lines, score, kept):
    """One line for each release: means over splits, and both paired differences.

    `kept` says what of several splits is shown of the other columns.
    """
    rows = []
    for (task, attribute), of_task in pd.DataFrame(lines).groupby(
        ["task", "attribute"], sort=False
    ):
        releases = of_task.groupby(["release", "minimum"], sort=False)
        scores = {key: one.set_index("split")[score] for key, one in releases}
        base = scores["no privacy", 0]
        for (release, minimum), one in releases:
            mine = scores[release, minimum]
            row = {"task": task, "attribute": attribute, "release": release, "minimum": minimum}
            row |= {score: mine.mean(), f"± {score}": half_width(mine)}
            row |= {"lost": (base - mine).mean(), "± lost": half_width(base - mine)}
            if release.startswith("minimum"):
                rivals = {n: scores[n, 0 if n == "dropped" else minimum] for n in RIVALS}
                best = max(rivals, key=lambda name: rivals[name].mean())
                gain = mine - rivals[best]
                row |= {"best rival": best, "above it": gain.mean(), "± above": half_width(gain)}
            rows.append(row | one.agg(kept).to_dict())
    return pd.DataFrame(rows).round(4)


def arguments(description):
    """What every such benchmark may be given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data-home", type=Path, default=Path())
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--rows", type=int, default=800, help="at most, for training and for test")
    parser.add_argument("--only", nargs="*", help="tasks that begin with one of these words")
    parser.add_argument("--output", type=Path, default=None, help="the table, as CSV")
    parser.add_argument("--lines", type=Path, default=None, help="each split by itself, as CSV")
    return parser


def measure(tasks, releases, args, score, kept):
    """Measure the releases of every task in every split, and write the table after each task."""
    warnings.simplefilter("ignore")
    lines, table = [], pd.DataFrame()
    for task, attribute, X, y in tasks:
        if args.only and not task.startswith(tuple(args.only)):
            continue
        start = time.perf_counter()
        for split in range(args.splits):
            at = {"task": task, "attribute": attribute, "split": split}
            for release, minimum, values in releases(X, y, attribute, split):
                lines.append(at | {"release": release, "minimum": minimum} | values)
        print(f"{task}, {attribute}: {time.perf_counter() - start:.0f} s", flush=True)
        if args.lines is not None:
            pd.DataFrame(lines).to_csv(args.lines, index=False)
        table = summary(lines, score, kept)
        if args.output is not None:
            table.to_csv(args.output, index=False)
    print(table.to_string(index=False))


def main():
    args = arguments(__doc__.splitlines()[0]).parse_args()

    def releases(X, y, attribute, split):
        return one_split(X, y, attribute, MODEL, split, args.rows, PARTITIONS)

    measure(tasks(args.data_home), releases, args, "accuracy", KEPT)


if __name__ == "__main__":
    main()
