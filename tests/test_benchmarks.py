"""Programs under examples/benchmarks whose figures are read as a law's: a small run of each."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from sklearn_rp.attribute import compatible_sets

BENCHMARKS = Path(__file__).parents[1] / "examples" / "benchmarks"


@pytest.fixture
def price(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return pytest.importorskip("price")


@pytest.fixture
def model():
    return HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=0)


def test_price_of_a_small_task(price, model, monkeypatch):
    monkeypatch.setattr(price, "MINIMA", [0.33])
    partitions = [("empirical", "model"), ("conditional", "model")]
    ((task, attribute, X, y),) = price.diabetes(None)
    lines = [
        {"task": task, "attribute": attribute, "split": split, "release": name, "minimum": minimum}
        | values
        for split in range(2)
        for name, minimum, values in price.one_split(X, y, attribute, model, split, 80, partitions)
    ]
    by_release = pd.DataFrame(lines).groupby("release")
    hidden = ["equal bins", "best bins", "minimum, empirical, model", "minimum, conditional, model"]
    assert (by_release["narrowest"].min()[hidden] >= 0.33 - 1e-9).all()
    mean = price.summary(lines, "accuracy", price.KEPT).set_index("release")
    assert mean.loc["no privacy", "lost"] == 0
    before, after = mean.loc[["dropped", "no privacy"], "vulnerability"]
    assert mean["vulnerability"].between(before - 1e-3, after + 1e-3).all()
    assert mean.loc["dropped", "leakage"] == 0
    mine = mean.loc["minimum, conditional, model"]
    best = mean.loc[price.RIVALS, "accuracy"].max()
    assert mine["above it"] == pytest.approx(mine["accuracy"] - best, abs=2e-4)
    for random in ("randomised response", "noise on the attribute"):
        assert mean.loc[random, "vulnerability"] == pytest.approx(mine["vulnerability"], abs=0.01)


def test_one_model_in_three_kinds_of_release(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    lists = pytest.importorskip("lists")
    ((_, X, label, number),) = [next(lists.tasks(None))]
    monkeypatch.setattr(lists, "RandomForestClassifier", Small)
    table = pd.DataFrame(lists.of_one_model(X[:200], label[:200], number[:200], 0))
    assert len(table) == 9
    kept = table[table["how"] == "with a minimum"]
    assert (kept["narrowest"] >= 0.2 * kept["range"] - 1e-9).all()
    assert (kept["below a twentieth"] == 0).all()
    plain = table[table["how"] == "as it is"].set_index("release")["narrowest"]
    assert (plain < 0.2 * table["range"].iloc[0]).any()


class Small(RandomForestClassifier):
    """Of a few trees."""

    def __init__(self, n_estimators=5, min_samples_leaf=5, random_state=0):
        super().__init__(5, min_samples_leaf=min_samples_leaf, random_state=random_state)


def test_a_channel_that_keeps_every_label_gives_away_what_the_set_does(price, model):
    ((_, attribute, X, y),) = price.diabetes(None)
    span = X[attribute].max() - X[attribute].min()
    sets = compatible_sets(model.fit(X, y), X, sensitive_feature=attribute)
    adversary = price.Adversary(X[attribute].to_numpy(), span)
    wanted = sets.bayes_vulnerability(adversary.prior, tolerance=adversary.tolerance)
    kept, own = price.responses(sets, adversary, 1.0)
    assert own.min() == 1
    found = adversary.of_channel(sets, kept, own)
    assert found["vulnerability"] == pytest.approx(wanted[1].mean())
    bits = np.quantile(sets.pointwise_maximal_leakage(adversary.prior), 0.95, method="higher")
    assert found["leakage"] == pytest.approx(bits, abs=0.05)
    # Noise that drowns the attribute leaves what was known before.
    kept, own = price.noises(sets, adversary, 1e4 * span)
    assert adversary.of_channel(sets, kept, own)["vulnerability"] == pytest.approx(
        wanted[0].mean(), abs=1e-3
    )
