"""The median of votes: its cell by sorting, its bounds by adding up every outcome."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sklearn_rp.bounds import majority_share
from sklearn_rp.law import Gaussian
from sklearn_rp.rules import MEDIAN
from sklearn_rp.votes import Counts, Exact, counted, max_radius, min_samples, needed_votes


def true_answer(h):
    """Cell of the median of known probabilities, and the radius within which it stays."""
    below = np.r_[0, np.cumsum(h)]
    cell = next(i for i in range(len(h)) if below[i] <= 0.5 < below[i + 1])
    outer = [-stats.norm.ppf(below[cell]), stats.norm.ppf(min(below[cell + 1], 1))]
    return cell, max(min(outer), 0.0)


def outcomes_of(n):
    """All counts of three cells that add up to `n`."""
    first, second = np.divmod(np.arange((n + 1) ** 2), n + 1)
    return np.c_[first, second, n - first - second][first + second <= n]


THREE = [
    (0.5, 0.0, 0.5),
    (0.5, 0.001, 0.499),
    (0.49, 0.02, 0.49),
    (0.5, 0.1, 0.4),
    (0.4, 0.1, 0.5),
    (0.45, 0.1, 0.45),
    (0.4, 0.3, 0.3),
    (0.3, 0.4, 0.3),
    (0.2, 0.6, 0.2),
    (0.5, 0.5, 0.0),
    (0.0, 0.5, 0.5),
    (0.1, 0.41, 0.49),
    (0.55, 0.3, 0.15),
    (0.8, 0.1, 0.1),
    (0.02, 0.96, 0.02),
]


@pytest.mark.parametrize("h", THREE)
@pytest.mark.parametrize("alpha", [0.3, 0.05])
@pytest.mark.parametrize("n", [60, 61])
def test_a_cell_fails_with_probability_at_most_alpha_exactly(h, alpha, n):
    """Each outcome chooses a cell and certifies it, and is as likely as it is."""
    outcomes = outcomes_of(n)
    votes = counted("median")(outcomes, n)
    bounds = votes.bounds(alpha)
    cell, radius = true_answer(h)
    chance = stats.multinomial.pmf(outcomes, n, h)
    fails = ~bounds.abstained & ((votes.top != cell) | (bounds.radius > radius))
    assert chance[fails].sum() <= alpha
    # And what is certified is worth having: far more than a bound that never certifies.
    if radius > 1:
        assert chance[~bounds.abstained].sum() > 0.95


@pytest.mark.parametrize("h", THREE)
@pytest.mark.parametrize("n", [60, 61])
def test_the_upper_bound_of_a_radius_fails_with_probability_at_most_alpha_exactly(h, n):
    outcomes = outcomes_of(n)
    most = counted("median")(outcomes, n).radius_upper(0.05)
    chance = stats.multinomial.pmf(outcomes, n, h)
    assert chance[most < true_answer(h)[1]].sum() <= 0.05


@pytest.mark.parametrize("n_cells", [2, 5, 40])
def test_many_cells_fail_with_probability_at_most_alpha(n_cells):
    rng = np.random.default_rng(n_cells)
    for _ in range(20):
        h = rng.dirichlet(np.full(n_cells, 0.5))
        cell, radius = true_answer(h)
        votes = counted("median")(rng.multinomial(300, h, size=2000), 300)
        bounds = votes.bounds(0.05)
        wrong = ~bounds.abstained & ((votes.top != cell) | (bounds.radius > radius))
        assert stats.binomtest(int(wrong.sum()), 2000, 0.05, alternative="greater").pvalue > 1e-4


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_the_cell_is_that_of_the_middle_vote(votes):
    total = np.bincount(votes, minlength=10)[None]
    assert counted("median")(total, len(votes)).top[0] == sorted(votes)[len(votes) // 2]


def test_exact_probabilities():
    rng = np.random.default_rng(0)
    h = rng.dirichlet(np.full(7, 0.4), size=300)
    known = Exact(h, np.full(300, 1e-13), rule=MEDIAN)
    bounds = known.bounds(0.0)
    for row in range(300):
        cell, radius = true_answer(h[row])
        assert known.top[row] == cell
        assert bounds.radius[row] <= radius
        assert bounds.radius[row] == pytest.approx(min(radius, 7), abs=1e-3)
        for other in range(7):
            found = known.radius_of(np.full(300, other))[row]
            assert found == (bounds.radius[row] if other == cell else 0)
    off = Exact(h, np.full(300, 0.01), rule=MEDIAN).bounds(0.0)
    assert (off.radius < bounds.radius)[bounds.radius > 0].all()


def test_all_mass_in_one_cell_is_a_finite_radius():
    for h in ([1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]):
        radius = Exact(np.array([h]), np.zeros(1), rule=MEDIAN).bounds(0.0).radius[0]
        assert 7 < radius < 9


def test_a_median_is_a_label_of_two_at_half_of_alpha():
    total = np.array([[300, 100, 600], [0, 900, 100]])
    median, two = counted("median")(total, 1000), Counts(np.array([[600, 400], [900, 100]]), 1000)
    assert median.top.tolist() == [2, 1]
    np.testing.assert_array_equal(median.bounds(0.01).radius, two.bounds(0.005).radius)


def test_budget():
    fewest = min_samples(0.001, 2, "median")
    assert fewest == min_samples(0.0005, 2, "hard")
    assert max_radius(fewest, 0.001, 2, "median") > 0
    assert max_radius(fewest - 1, 0.001, 2, "median") == 0


@pytest.mark.parametrize("radius", [0.0, 0.3])
def test_needed_votes_by_counting(radius):
    needed = needed_votes(200, 0.01, 3, radius, voting="median")
    inside = np.arange(101, 201)
    total = np.stack([200 - inside, inside, 0 * inside], axis=1)
    reached = counted("median")(total, 200).bounds(0.01).radius > radius
    assert inside[reached][0] == needed


def test_votes_enough_for_both_edges():
    """A cell whose edges each have the share that is asked for is released as often as is said."""
    n, beta = 101, 0.2
    share = float(majority_share(n, beta / 2, n // 2 + 1))
    h = np.array([1 - share, 2 * share - 1, 1 - share])
    total = np.random.default_rng(0).multinomial(n, h, size=50_000)
    other = int((counted("median")(total, n).top != 1).sum())
    assert stats.binomtest(other, 50_000, beta, alternative="greater").pvalue > 1e-4
    assert float(Gaussian.distance(np.array(share), 0.5)) > 0
