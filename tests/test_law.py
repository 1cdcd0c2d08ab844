"""Noise laws: draws against the distribution, masses and radii against quadrature."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

import sklearn_rp
from sklearn_rp.law import Draws, Gaussian, Redraw


def density(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def test_draws_of_the_bank_are_standard_normal_and_independent():
    draws = Gaussian(3).draw(1, 0, 100_000)
    for column in draws.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    # The square of the length of independent ones is chi-squared.
    assert stats.kstest((draws**2).sum(axis=1), "chi2", args=(3,)).pvalue > 1e-4
    assert np.abs(np.cov(draws.T) - np.eye(3)).max() < 4 * np.sqrt(2 / 1e5)


@pytest.mark.parametrize("votes", [50, 2**18])
def test_draws_of_each_row_are_standard_normal_and_of_their_own(votes):
    draws = Draws((5,), 0, votes, row=3)
    own = {}
    for rows, part in Gaussian(1).draw_own(draws, 4, 1000):
        for row, values in zip(range(rows.start, rows.stop), part, strict=True):
            own.setdefault(row, []).append(values.ravel())
    together = [np.concatenate(own[row]) for row in range(4)]
    assert [len(values) for values in together] == [votes] * 4
    for values in together:
        assert stats.kstest(values, "norm").pvalue > 1e-4
    for one, other in pairwise(together):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(votes)


def test_draws_of_a_block_are_those_of_any_part():
    law = Gaussian(600)
    block = law.block
    whole = law.draw(7, 0, 3 * block)
    ends = [0, 3, block, 2 * block - 1, 2 * block + 5]
    parts = [law.draw(7, a, b) for a, b in pairwise(ends)]
    assert np.array_equal(whole[: 2 * block + 5], np.concatenate(parts))
    assert not np.array_equal(whole, law.draw(8, 0, 3 * block))


@pytest.mark.parametrize("low", [-9.0, -3.0, -0.2, 0.0, 1.5, 8.0])
@pytest.mark.parametrize("width", [1e-3, 0.5, 4.0])
def test_mass_of_an_interval_is_the_integral_of_the_density(low, width):
    expected, _ = integrate.quad(density, low, low + width, epsabs=0, epsrel=1e-12)
    found = float(Gaussian.mass(np.array(low), np.array(low + width)))
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("p_lower", "p_upper"), [(0.6, 0.4), (0.51, 0.2), (0.9999, 1e-6)])
def test_at_the_radius_the_worst_classifier_is_at_a_tie(p_lower, p_upper):
    """The winner holds the lower half-space, the runner-up the upper one (Cohen et al. 2019)."""
    radius = float(Gaussian.radius(np.array(p_lower), np.array(p_upper)))

    def masses(shift):
        """Of both half-spaces where the row has moved towards the runner-up."""
        end, begin = stats.norm.ppf(p_lower), stats.norm.ppf(1 - p_upper)
        ahead, _ = integrate.quad(density, -40, end - shift, epsabs=0, epsrel=1e-12, limit=200)
        behind, _ = integrate.quad(density, begin - shift, 40, epsabs=0, epsrel=1e-12, limit=200)
        return ahead, behind

    winner, runner_up = masses(radius)
    assert winner == pytest.approx(runner_up, rel=1e-9)
    assert winner >= runner_up
    assert np.subtract(*masses(radius + 1e-6)) < 0


@pytest.mark.parametrize(("p", "q"), [(0.8, 0.3), (0.99, 0.5), (0.5, 0.9), (1e-12, 1e-14)])
def test_a_half_space_reaches_the_probability_at_the_distance(p, q):
    far = float(Gaussian.distance(np.array(p), q))
    end = stats.norm.ppf(p)
    left, _ = integrate.quad(density, -40, end - far, epsabs=0, epsrel=1e-12, limit=500)
    assert left == pytest.approx(q, rel=1e-7)
    assert left >= q  # rounded down


def test_what_looks_tell_is_what_the_best_test_tells():
    """The likelihood ratio of N(0, 1) and N(mu, 1) is the best test (Neyman and Pearson)."""
    mu = Gaussian.mu(0.3, 9)
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(2, 200_000, 9))
    looks[1] += 0.3
    statistic = looks.sum(axis=2) > 9 * 0.15
    told = statistic[1].mean() - statistic[0].mean()
    expected, _ = integrate.quad(density, -mu / 2, mu / 2)
    assert told == pytest.approx(expected, abs=5 / np.sqrt(200_000))


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
def test_redrawn_categories_have_the_law(sigma):
    law, own = Redraw(4), np.full(40_000, 2)
    seen = np.bincount(law.draw(np.random.default_rng(0), own, sigma), minlength=4)
    expected = len(own) * (sigma / 4 + (1 - sigma) * (np.arange(4) == 2))
    expected, seen = expected[expected > 0], seen[expected > 0]
    assert stats.chisquare(seen, expected).pvalue > 1e-4


def test_mass_of_redrawn_categories_is_that_of_the_draws():
    law, rng = Redraw(5), np.random.default_rng(1)
    answers = rng.integers(3, size=(6, 5))
    found = law.mass(np.eye(3)[answers], 0.6)
    assert found.sum(axis=2) == pytest.approx(1.0)
    for row in range(6):
        for own in range(5):
            drawn = answers[row, law.draw(rng, np.full(20_000, own), 0.6)]
            share = np.bincount(drawn, minlength=3) / 20_000
            assert np.abs(found[row, own] - share).max() < 5 * np.sqrt(0.25 / 20_000)


def test_a_category_is_hidden_where_all_give_one_label_clearly():
    law = Redraw(3)
    same = law.mass(np.eye(2)[[[0, 0, 1]]], 0.9)  # drawn anew nearly always
    other = law.mass(np.eye(2)[[[0, 0, 1]]], 0.1)
    tied = law.mass(np.eye(2)[[[0, 1, 1, 0]]], 1.0)

    def radius(share):
        first, second = np.moveaxis(np.sort(share, axis=2)[:, :, :-3:-1], 2, 0)
        return law.radius(share.argmax(axis=2), first - second)

    assert radius(same).tolist() == [pytest.approx(2.0)]
    assert radius(same)[0] >= 2
    assert radius(other).tolist() == [0.0]
    assert radius(tied).tolist() == [0.0]


def test_epsilon_of_redrawn_categories_is_the_largest_ratio():
    law, sigma = Redraw(4), 0.3
    kept, other = 1 - sigma + sigma / 4, sigma / 4
    assert law.epsilon(sigma) == pytest.approx(np.log(kept / other))
    assert law.epsilon(sigma, 5) == pytest.approx(5 * np.log(kept / other))


def test_nobody_else_knows_the_normal_distribution():
    package = Path(sklearn_rp.__file__).parent
    words = re.compile(r"\b(ndtr|ndtri|log_ndtr|standard_normal|norm\.(cdf|ppf|sf))\b")
    found = [str(p) for p in package.rglob("*.py") if words.search(p.read_text())]
    assert [Path(p).name for p in found] == ["law.py"]
