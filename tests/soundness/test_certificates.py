"""A radius that is too large is the worst bug: certificates against the truth and against walks."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.rules import TopItems
from sklearn_rp.votes import counted
from soundness import checks

ALPHAS = [0.05, 0.01, 0.001]


@pytest.mark.slow
@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize(
    ("kind", "n_classes"), [("hard", 2), ("hard", 3), ("hard", 10), ("soft", 2), ("soft", 4)]
)
@pytest.mark.parametrize("n_votes", [30, 300])
def test_bounds(alpha, kind, n_classes, n_votes):
    trials = 50_000 if kind == "hard" else 4000
    checks.bounds_fail_with_probability_at_most_alpha(alpha, kind, n_classes, n_votes, trials)


@pytest.mark.slow
@pytest.mark.parametrize("rule", [TopItems(3), TopItems(3, ordered=True), TopItems(1)])
@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("n_votes", [50, 300])
def test_bounds_of_lists(rule, voting, n_votes):
    checks.list_bounds_fail_with_probability_at_most_alpha(rule, voting, 0.02, n_votes, 10_000)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", ALPHAS)
def test_sampled_certificates(alpha):
    checks.sampled_certificates_fail_with_probability_at_most_alpha(alpha, trials=50_000)


@pytest.mark.slow
@pytest.mark.parametrize("name", checks.EXACT)
def test_a_million_points_of_certified_balls(name):
    for seed in range(10):
        n_points = {"sum of steps": 10_000, "quadratic": 10_000, "two": 20_000}
        n_points |= {"lists by a sweep": 40_000, "lists in order by a sweep": 40_000}
        checks.nothing_changes_inside_the_ball(name, n_points.get(name, 100_000), seed)


@pytest.mark.parametrize("name", checks.EXACT)
def test_some_points_of_certified_balls(name):
    checks.nothing_changes_inside_the_ball(name, 3000)


LONG = ("quadratic", "sum of steps", "lists by a sweep", "lists in order by a sweep",
        "plane of numbers")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in checks.EXACT]
)
def test_boundary_walks(name):
    few = {"quadratic": 12, "sum of steps": 12}
    checks.walks_end_outside_the_ball(name, few.get(name, 60))


def test_a_few_failure_rates():
    checks.bounds_fail_with_probability_at_most_alpha(0.05, "hard", 3, 100, 5000)
    checks.bounds_fail_with_probability_at_most_alpha(0.05, "soft", 2, 30, 1000)
    checks.sampled_certificates_fail_with_probability_at_most_alpha(0.05, trials=3000)
    checks.list_bounds_fail_with_probability_at_most_alpha(TopItems(3), "hard", 0.05, 100, 2000)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_radii_are_monotone(kind, n_classes):
    total = np.zeros((101, n_classes), dtype=np.int64)
    total[:, 0] = np.arange(101)
    total[:, 1] = 100 - total[:, 0]
    by_votes = counted(kind)(total, 100).bounds(0.01).radius[51:]
    assert (np.diff(by_votes) >= 0).all()
    assert by_votes[-1] > 0
    alphas = [1e-6, 1e-4, 0.01, 0.1, 0.4]
    by_alpha = np.stack([counted(kind)(total, 100).bounds(a).radius[51:] for a in alphas])
    assert (np.diff(by_alpha, axis=0) >= -1e-12).all()
    shares = [counted(kind)(n * total[90:91] // 100, n).bounds(0.01).radius[0]
              for n in (100, 1000, 10_000)]  # fmt: skip
    assert (np.diff(shares) > 0).all()


def test_radii_grow_with_sigma_where_the_label_is_clear():
    X, y = checks.MOONS
    clf = RobustPrivacyClassifier(LogisticRegression(), method="exact").fit(X, y)
    radius = np.stack([cert.radius for cert in clf.certify_path(X, [0.1, 0.5, 2.0])])
    np.testing.assert_allclose(radius[0], radius[2], rtol=1e-6)  # linear: the distance itself
    votes = RobustPrivacyClassifier(LogisticRegression(), method="monte_carlo", random_state=0).fit(
        X, y
    )
    far = np.abs(votes.estimator_.decision_function(X)) > 8
    small, large = (cert.radius[far] for cert in votes.certify_path(X, [0.01, 0.1]))
    assert (large > small).all()


@pytest.mark.parametrize("method", ["exact", "monte_carlo"])
@pytest.mark.parametrize("factor", [1000.0, 1 / 1024, 0.45359237])
def test_units_do_not_matter(method, factor):
    """Grams or kilograms: the same labels and radii, half-widths in the unit."""
    X, y = checks.WIDE
    changed = X.copy()
    changed[:, 1] *= factor
    model = (
        DecisionTreeClassifier(max_depth=5, random_state=0)
        if method == "exact"
        else make_pipeline(StandardScaler(), LogisticRegression())
    )
    before, after = (
        RobustPrivacyClassifier(model, method=method, n_samples=200, random_state=0)
        .fit(rows, y).certify(rows[:80])
        for rows in (X, changed)
    )  # fmt: skip
    np.testing.assert_array_equal(before.label, after.label)
    np.testing.assert_allclose(before.radius, after.radius, atol=1e-6)  # trees read in float32
    half_width = before.half_width(1) * factor
    np.testing.assert_allclose(half_width, after.half_width(1), atol=1e-6 * factor)
