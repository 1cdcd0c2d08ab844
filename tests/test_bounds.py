"""Bounds: against exact enumeration of every outcome, not only against simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sklearn_rp.bounds import clopper_pearson_lower, clopper_pearson_upper, mean_lower
from sklearn_rp.law import Gaussian
from sklearn_rp.votes import Counts, Exact, Sums, max_radius, min_samples

ALPHAS = [0.05, 0.01, 0.001]


def hard(counts, n):
    return Counts(np.asarray(counts), n)


def binary(n):
    """Every possible outcome of n votes for two classes."""
    k = np.arange(n + 1)
    return k, hard(np.c_[k, n - k], n)


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("k", [1, 3, 17, 499, 999, 1000])
def test_clopper_pearson_is_the_stated_quantile(k, alpha):
    n = 1000
    lower = float(clopper_pearson_lower(k, n, alpha))
    assert lower == pytest.approx(stats.beta.ppf(alpha, k, n - k + 1), rel=1e-9)
    assert lower < stats.beta.ppf(alpha, k, n - k + 1)
    upper = float(clopper_pearson_upper(n - k, n, alpha))
    assert upper == pytest.approx(1 - lower, rel=1e-9)


def test_clopper_pearson_at_the_ends():
    assert clopper_pearson_lower(0, 10, 0.05) == 0
    assert clopper_pearson_upper(10, 10, 0.05) == 1


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("n", [11, 30, 137, 500])
def test_two_classes_fail_with_probability_at_most_alpha_exactly(n, alpha):
    """Sum over all outcomes of the probability of a wrong certificate, at the worst h."""
    k, votes = binary(n)
    bounds = votes.bounds(alpha)
    # The supremum over h is approached just below a bound.
    edges = bounds.p_lower[~bounds.abstained]
    for h in np.unique(np.r_[np.linspace(0.5, 0.9999, 200), edges - 1e-10, edges + 1e-10]):
        chance = stats.binom.pmf(k, n, h)
        wrong_label = (votes.top == 1) & ~bounds.abstained
        too_large = (votes.top == 0) & (bounds.radius > stats.norm.ppf(h))
        assert chance[wrong_label | too_large].sum() <= alpha


def test_the_bound_is_not_needlessly_loose():
    """At the worst h nearly all of alpha is used: there is no sharper bound to be had."""
    n, alpha = 137, 0.01
    k, votes = binary(n)
    bounds = votes.bounds(alpha)
    used = 0.0
    for h in bounds.p_lower[~bounds.abstained] - 1e-10:
        chance = stats.binom.pmf(k, n, h)
        fails = ((votes.top == 1) & ~bounds.abstained) | (
            (votes.top == 0) & (bounds.radius > stats.norm.ppf(h))
        )
        used = max(used, chance[fails].sum())
    assert used > 0.99 * alpha


@pytest.mark.parametrize(
    "h",
    [
        (0.4, 0.4, 0.2),
        (1 / 3, 1 / 3, 1 / 3),
        (0.5, 0.5, 0.0),
        (0.6, 0.3, 0.1),
        (0.34, 0.33, 0.33),
    ],
)
@pytest.mark.parametrize("alpha", [0.2, 0.05])
def test_three_classes_fail_with_probability_at_most_alpha_exactly(h, alpha):
    n = 60
    first, second = np.divmod(np.arange((n + 1) ** 2), n + 1)
    outcomes = np.c_[first, second, n - first - second][first + second <= n]
    votes = hard(outcomes, n)
    bounds = votes.bounds(alpha)
    chance = stats.multinomial.pmf(outcomes, n, h)
    others = [max(h[:c] + h[c + 1 :]) for c in range(3)]
    true = np.array([(stats.norm.ppf(h[c]) - stats.norm.ppf(others[c])) / 2 for c in range(3)])
    fails = ~bounds.abstained & (bounds.radius > np.maximum(true[votes.top], 0))
    assert chance[fails].sum() <= alpha


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [3, 5, 10])
@pytest.mark.parametrize("tied", [2, 3, "all"])
def test_many_tied_classes_by_simulation(n_classes, tied):
    n, alpha, repeats = 400, 0.05, 200_000
    tied = n_classes if tied == "all" else tied
    h = np.r_[np.full(tied, 1.0), np.full(n_classes - tied, 0.05)]
    h /= h.sum()
    counts = np.random.default_rng(tied).multinomial(n, h, size=repeats)
    # Every top class is tied: the true radius is 0, and any certificate is wrong.
    wrong = int((~hard(counts, n).bounds(alpha).abstained).sum())
    assert stats.binomtest(wrong, repeats, alpha, alternative="greater").pvalue > 1e-4


def test_more_is_certified_than_by_two_stages():
    """Cohen's selection votes, spent on the estimate instead, certify more rows and further."""
    n, n_selection, alpha = 1100, 100, 0.001
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 10):
        h = -np.sort(-rng.dirichlet(np.full(n_classes, 0.3), size=5000), axis=1)
        ours = hard(rng.multinomial(n, h), n).bounds(alpha)
        chosen = rng.multinomial(n_selection, h).argmax(axis=1)
        counted = rng.multinomial(n - n_selection, h)[np.arange(len(h)), chosen]
        lower = clopper_pearson_lower(counted, n - n_selection, alpha)
        cohen = np.maximum(stats.norm.ppf(lower), 0)
        assert ours.radius.mean() > cohen.mean()
        assert (~ours.abstained).mean() > (cohen > 0).mean()


@given(n=st.integers(11, 3000), alpha=st.floats(1e-6, 0.3))
@settings(max_examples=50, deadline=None)
def test_radius_is_monotone_in_votes_and_in_alpha(n, alpha):
    _, votes = binary(n)
    radius = votes.bounds(alpha).radius
    assert (np.diff(radius[n // 2 + 1 :]) >= 0).all()
    assert (votes.bounds(alpha / 1.5).radius <= radius).all()


def test_more_votes_of_the_same_share_certify_more():
    radii = [hard([[9 * m, m]], 10 * m).bounds(0.001).radius[0] for m in (10, 100, 1000)]
    assert radii[0] < radii[1] < radii[2] < stats.norm.ppf(0.9)


@pytest.mark.parametrize("alpha", [0.3, *ALPHAS, 1e-6])
def test_min_samples_is_the_fewest_that_certify(alpha):
    n = min_samples(alpha)
    assert max_radius(n, alpha) > 0
    assert max_radius(n - 1, alpha) == 0


def test_all_votes_give_the_stated_largest_radius():
    """Theory: sigma * Phi^-1(alpha ** (1 / n)) for n votes."""
    assert max_radius(1000, 0.001) == pytest.approx(stats.norm.ppf(0.001 ** (1 / 1000)), rel=1e-6)


def test_gaussian_radius_is_rounded_down_and_finite():
    p = np.array([0.6, 0.9, 0.999999])
    assert (Gaussian.radius(p, 1 - p) < stats.norm.ppf(p)).all()
    one = Exact(np.array([[1.0, 0.0]]), np.zeros(1))
    radius = one.bounds(0.0).radius
    assert np.isfinite(radius).all()
    assert 0 < radius[0] < 9


def test_exact_error_is_subtracted():
    h = np.array([[0.5 + 1e-9, 0.5 - 1e-9]])
    assert not Exact(h, np.zeros(1)).bounds(0.0).abstained[0]
    assert Exact(h, np.full(1, 1e-8)).bounds(0.0).abstained[0]


def test_a_tie_abstains():
    for votes in (hard([[500, 500]], 1000), hard([[400, 400, 200]], 1000)):
        bounds = votes.bounds(0.05)
        assert bounds.abstained.all()
        assert bounds.radius[0] == 0


@pytest.mark.parametrize("alpha", [0.1, 0.01])
@pytest.mark.parametrize("law", [stats.beta(8, 2), stats.bernoulli(0.7), stats.uniform()])
def test_mean_lower_holds_by_simulation(law, alpha):
    n, repeats = 50, 20_000
    means = law.rvs((repeats, n), random_state=0).mean(axis=1)
    failures = int((mean_lower(means, n, alpha) > law.mean()).sum())
    assert stats.binomtest(failures, repeats, alpha, alternative="greater").pvalue > 1e-4


def test_soft_votes_of_many_classes_use_the_runner_up():
    share = np.array([[0.45, 0.30, 0.25]])
    bounds = Sums(share * 10_000, 10_000).bounds(0.01)
    assert not bounds.abstained[0]
    assert 0.30 < bounds.p_upper[0] < 0.35
