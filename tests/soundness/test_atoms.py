"""No row outside its own set, and nothing published that moves while the label stays, at atoms."""

from dataclasses import replace

import numpy as np
import pytest

from sklearn_rp import AttributePrivacyTransformer

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")
from soundness import atoms

CASES = atoms.CASES
QUICK = [
    ("tree", "RobustScaler", "whole numbers", "array of floats"),
    ("histogram boosting, categories", "nothing", "whole numbers", "array of integers"),
    ("forest", "one-hot", "codes", "frame of integers"),
    ("LightGBM, linear leaves", "nothing", "whole numbers", "frame of integers"),
    ("LightGBM, zero as missing", "nothing", "ends", "array of floats"),
    ("XGBoost", "RobustScaler", "sentinels", "frame of floats"),
    ("XGBoost, zero as missing", "nothing", "sentinels", "frame of integers"),
    ("gradient boosting", "StandardScaler", "ends", "frame of floats"),
    ("XGBoost, exact", "nothing", "whole numbers", "array of integers"),
    ("logistic", "zero imputed", "sentinels", "array of floats"),
    ("naive Bayes", "quantiles", "codes", "frame of floats"),
    ("minimum", "bins", "whole numbers", "array of floats"),
    ("noise on the feature", "absolute values", "whole numbers", "frame of floats"),
]


@pytest.mark.parametrize("case", QUICK, ids=" - ".join)
def test_some_models_and_steps(case):
    assert list(atoms.faults(*case, n_rows=2, n_training=40)) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=" - ".join)
def test_every_model_behind_every_step(case):
    assert list(atoms.faults(*case)) == []


def test_the_table_is_whole():
    assert len({model for model, *_ in CASES}) >= 15
    assert len({step for _, step, *_ in CASES}) >= 8
    assert len({(column, held) for *_, column, held in CASES}) == 16
    assert {tuple(case) for case in QUICK} <= {
        (model, step, column, held) for model, step, column, _ in CASES for held in atoms.HELD
    }


class Centred(AttributePrivacyTransformer):
    """Deliberately wrong: publishes an interval around the row's own value."""

    def transform(self, X):
        out = np.array(super().transform(X))
        out[:, :2] = np.asarray(X)[:, :1] + [-1, 1]
        return out


class HalfOpen(AttributePrivacyTransformer):
    """Deliberately wrong: the lowest value of each part is left out."""

    def compatible_sets(self, X, sigmas=None):
        sets = super().compatible_sets(X, sigmas)
        return replace(sets, start=np.nextafter(sets.start, np.inf))


class Between(AttributePrivacyTransformer):
    """Deliberately wrong: all between the lowest and the highest value is in the set."""

    def compatible_sets(self, X, sigmas=None):
        sets = super().compatible_sets(X, sigmas)
        low, high = sets.hull()
        return replace(sets, row=np.arange(len(sets)), start=low, stop=high)


@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        (Centred, "moves while the label stays"),
        (HalfOpen, "outside their own set"),
        (Between, "lengths that are not the numbers of values"),
    ],
)
def test_the_walk_finds_what_is_wrong(monkeypatch, mutant, fault):
    monkeypatch.setattr(atoms, "AttributePrivacyTransformer", mutant)
    found = list(atoms.faults("tree", "nothing", "whole numbers", "array of floats"))
    assert any(fault in text for text in found)
