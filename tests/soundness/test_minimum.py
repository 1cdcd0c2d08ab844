"""The guaranteed minimum, by brute force: no row's set is smaller."""

import numpy as np
import pytest
from attribute.tasks import MODELS, related, runs, task
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KernelDensity
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
)


@given(
    number=st.integers(0, len(MODELS) - 1),
    seed=st.integers(0, 2**32 - 1),
    minimum=st.floats(0.02, 0.7),
    unit=st.sampled_from(["share", "length", "mass"]),
)
@settings(max_examples=40, deadline=None)
def test_the_minimum_holds_for_every_row_by_brute_force(number, seed, minimum, unit):
    X, y = task(seed)
    column = 1
    apc = AttributePrivacyClassifier(
        MODELS[number],
        sensitive_feature=column,
        minimum=minimum,
        unit=unit,
        resolution=40,
        prior="empirical",  # under which mass is the training population's
    ).fit(X, y)
    low, high = apc.bounds_
    rows = X[:12]
    z = np.linspace(low, high, 601)
    copies = np.repeat(rows, len(z), axis=0)
    copies[:, column] = np.tile(z, len(rows))
    labels = apc.predict(copies).reshape(len(rows), -1)
    released = apc.predict(rows)
    step = z[1] - z[0]
    for row, label, own in zip(labels, released, rows[:, column], strict=True):
        k = int(np.clip(round((own - low) / step), 0, 600))
        # The run of the fine grid around the row's own value, give or take a step at its ends.
        same = row == label
        near = [i for i in (k, k - 1, k + 1) if 0 <= i <= 600 and same[i]]
        assert near
        a = b = near[0]
        while a > 0 and same[a - 1]:
            a -= 1
        while b < 600 and same[b + 1]:
            b += 1
        start, stop = z[max(a - 1, 0)], z[min(b + 1, 600)]
        if unit == "mass":
            share = np.mean((X[:, column] >= start) & (X[:, column] <= stop))
            assert share >= minimum - 1e-9
        else:
            assert stop - start >= minimum * ((high - low) if unit == "share" else 1.0) - 1e-9
    sets = apc.compatible_sets(X)
    assert np.array_equal(sets.label, apc.predict(X))
    if unit != "mass":
        needed = minimum * ((high - low) if unit == "share" else 1.0)
        assert (sets.component_length >= min(needed, high - low) - 1e-9).all()
        assert np.array_equal(sets.certified_inner, sets.length)


PRIORS = {
    "conditional": "conditional",
    "empirical": "empirical",
    "uniform": "uniform",
    "columns": [2],
    "density": KernelDensity(bandwidth=0.5),
    "regressor": LinearRegression(),
    "classifier": DecisionTreeClassifier(max_depth=3, random_state=0),
}


def check_every_run(apc, rows, n_values):
    """No run below the minimum, no probability that moves inside its set: asked value by value."""
    low, high = apc.bounds_
    prior = apc.attribute_prior(rows)
    sets = apc.compatible_sets(rows)
    z = np.linspace(low - 1, high + 1, n_values)
    if sets.domain == "integer":
        z = np.round(z)
    z = np.unique(np.r_[z, prior.values, sets.start, sets.stop])
    copies = np.repeat(rows, len(z), axis=0)
    copies[:, 1] = np.tile(z, len(rows))
    answers = apc.predict(copies)
    assert np.array_equal(apc.predict(rows), sets.label)
    share = apc.predict_proba(copies)
    number = np.searchsorted(apc.classes_, answers)
    assert np.array_equal(share.argmax(axis=1), number)
    number = number.reshape(len(rows), -1)
    place = np.searchsorted(z, prior.values)
    inside = np.clip(z, low, high)
    for k, labels in enumerate(number):
        probability = share[k * len(z) : (k + 1) * len(z)]
        for label in np.unique(labels):
            assert len(np.unique(probability[labels == label], axis=0)) == 1
        for _, a, b in runs(labels):
            if apc.unit == "mass" and apc.prior != "empirical":
                extent = prior.weights[k, (place >= a) & (place < b)].sum()
            elif apc.unit == "mass":
                continue  # of the training population: see above
            elif sets.domain == "integer":
                extent = inside[b - 1] - inside[a] + 1
            else:
                extent = inside[b - 1] - inside[a]
            assert extent >= apc.minimum_ - 1e-9


@pytest.mark.parametrize("levels", ["model", "intervals", "auto"])
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("unit", ["share", "length", "mass"])
def test_the_minimum_holds_with_every_prior_and_all_levels(unit, prior, levels):
    for integers in (False, True):
        X, y = related(integers=integers)
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(max_depth=5, random_state=0),
            sensitive_feature=1,
            minimum=4 if integers and unit == "length" else 0.3,
            unit=unit,
            prior=PRIORS[prior],
            levels=levels,
            random_state=0,
        ).fit(X, y)
        check_every_run(apc, X[:15], 200)


@pytest.mark.slow
@pytest.mark.parametrize("levels", ["model", "intervals", "auto"])
@pytest.mark.parametrize(
    ("unit", "prior"),
    [("share", "conditional"), ("length", "conditional"), *(("mass", prior) for prior in PRIORS)],
)
def test_the_minimum_holds_for_ten_thousand_rows(unit, prior, levels):
    # A prior by somebody's estimator may have to be asked row by row, and takes its time.
    X, y = related(n=10_000 if isinstance(PRIORS[prior], str) else 2_000)
    asked = {"sensitive_feature": 1, "minimum": 0.3, "unit": unit, "levels": levels}
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    apc = AttributePrivacyClassifier(tree, prior=PRIORS[prior], random_state=0, **asked).fit(X, y)
    for start in range(0, len(X), 1_000):
        check_every_run(apc, X[start : start + 1_000], 400)


@pytest.mark.parametrize("prior", ["conditional", "uniform", "columns", "regressor"])
def test_a_mass_bounds_the_pointwise_maximal_leakage(prior):
    X, y = related()
    for minimum in (0.1, 0.25, 0.5):
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(random_state=0),
            sensitive_feature=1,
            minimum=minimum,
            unit="mass",
            prior=PRIORS[prior],
            random_state=0,
        ).fit(X, y)
        sets, known = apc.compatible_sets(X), apc.attribute_prior(X)
        leakage = sets.pointwise_maximal_leakage(known)
        assert (leakage <= np.log2(1 / minimum) + 1e-9).all()
        # By brute force: the probability of the label over all values of the feature.
        copies = np.repeat(X, len(known.values), axis=0)
        copies[:, 1] = np.tile(known.values, len(X))
        same = apc.predict(copies).reshape(len(X), -1) == sets.label[:, None]
        assert leakage == pytest.approx(-np.log2((same * known.weights).sum(axis=1)), abs=1e-9)
