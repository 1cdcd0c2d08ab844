"""Priors of the attacker: from samples, shares and public rows."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sklearn_rp.attribute import Prior

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_a_series_that_may_be_a_sample_or_shares_is_refused():
    sample = pd.Series([20.0, 30, 30, 40], index=[7, 3, 5, 9], name="age")
    assert Prior.make(sample).weights.tolist() == [0.25, 0.5, 0.25]
    shares = sample.value_counts(normalize=True)
    known = Prior.make(shares.to_dict())
    assert (known.values.tolist(), known.weights.tolist()) == ([20, 30, 40], [0.25, 0.5, 0.25])
    for unclear in (shares, shares.rename(None), sample.value_counts()):
        with pytest.raises(ValueError, match=r"share of each of its labels.*to_numpy.*to_dict"):
            Prior.make(unclear)


def test_values_of_a_prior():
    numbers = Prior.make([Decimal("0.5"), 2, np.float32(2), Fraction(1, 2)])
    assert numbers.values.dtype == np.float64
    assert (numbers.values.tolist(), numbers.weights.tolist()) == ([0.5, 2], [0.5, 0.5])
    assert Prior.make({Decimal(1): 0.5, Decimal(2): 0.5}).values.tolist() == [1, 2]
    people = np.array([["a", Decimal(1)], ["b", 2]], dtype=object)
    assert Prior.from_data(people, 1).values.tolist() == [1, 2]
    for sample, error, message in (
        (pd.date_range("2020", periods=3), TypeError, "prior holds dates or times"),
        (["a", None], ValueError, "leave missing values out"),
        (np.array(["a", 1], dtype=object), TypeError, "values of several types"),
        ({1j: 1.0}, TypeError, "prior holds complex numbers"),
        ({}, ValueError, "prior has shape"),
    ):
        with pytest.raises(error, match=message):
            Prior.make(sample)


def test_conditional_prior():
    public = pd.DataFrame({"g": ["a", "a", "b", "b"], "s": [1.0, 2.0, 3.0, 3.0]})
    rows = pd.DataFrame({"g": ["a", "b", "zz"], "s": [1.0, 3.0, 2.0]})
    prior = Prior.from_data(public, "s", by=["g"], X=rows)
    assert prior.values.tolist() == [1, 2, 3]
    assert prior.weights == pytest.approx(np.array([[0.5, 0.5, 0], [0, 0, 1], [0.25, 0.25, 0.5]]))
    assert Prior.from_data(public, "s").weights == pytest.approx([0.25, 0.25, 0.5])
    with pytest.raises(ValueError, match="needs X"):
        Prior.from_data(public, "s", by=["g"])
