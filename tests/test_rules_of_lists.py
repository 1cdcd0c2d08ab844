"""The best items: chosen, bounded and certified."""

import numpy as np
import pytest
from scipy import special, stats

from sklearn_rp.rules import PLURALITY, TopItems, best_items
from sklearn_rp.votes import Counts, Exact, Sums, counted, max_radius, min_samples


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_best_items_are_those_of_a_sort_the_first_of_equals(k, ordered):
    scores = np.random.default_rng(k).integers(0, 4, size=(300, 7)).astype(float)
    found = best_items(scores.reshape(30, 10, 7), k, ordered).reshape(300, k)
    for row, items in zip(scores, found, strict=True):
        expected = sorted(range(7), key=lambda j: (-row[j], j))[:k]
        assert items.tolist() == (expected if ordered else sorted(expected))


def test_what_must_not_be_named_comes_last():
    scores = np.array([[3.0, -np.inf, 2.0, -np.inf, 2.0]])
    assert best_items(scores, 3).tolist() == [[0, 2, 4]]
    votes = Counts(np.array([[5, 90, 0, 0]]), 100, rule=TopItems(2)).without(
        np.array([[False, True, False, False]])
    )
    assert votes.top.tolist() == [[0, 2]]


@pytest.mark.parametrize("rule", [TopItems(3), TopItems(3, ordered=True), TopItems(6)])
def test_an_exact_radius_is_where_the_worst_shift_changes_the_list(rule):
    """Within it no row has another list, just beyond one may have: items move on their own."""
    rng = np.random.default_rng(0)
    h = np.sort(rng.random((200, 6)), axis=1)[:, ::-1].copy()
    found = Exact(h, np.zeros(200), rule=rule).bounds(0.0)
    z = special.ndtri(h)
    for row in range(200):
        radius = found.radius[row]
        pairs = range(rule.n_best) if rule.ordered else [rule.n_best - 1]
        pairs = [j for j in pairs if j + 1 < 6]
        if not pairs:
            assert radius > 2
            continue
        gap = min(z[row, j] - z[row, j + 1] for j in pairs)
        assert radius <= gap / 2
        assert radius > gap / 2 - 1e-9
        near = min(pairs, key=lambda j: z[row, j] - z[row, j + 1])
        assert found.p_lower[row] == pytest.approx(h[row, near])
        assert found.p_upper[row] == pytest.approx(h[row, near + 1])
    off = Exact(h, np.full(200, 0.01), rule=rule).bounds(0.0)
    assert (off.radius <= found.radius).all()


def test_one_item_is_bounded_as_a_label():
    total = np.random.default_rng(1).multinomial(300, [0.5, 0.3, 0.2], size=50)
    one = counted("hard", TopItems(1))(total, 300).bounds(0.01)
    label = counted("hard", PLURALITY)(total, 300).bounds(0.01)
    for name in ("p_lower", "p_upper", "radius", "abstained"):
        np.testing.assert_array_equal(getattr(one, name), getattr(label, name))
    shares = Sums(total / 1.0, 300, rule=TopItems(1, shares=True)).bounds(0.01)
    np.testing.assert_array_equal(shares.radius, Sums(total / 1.0, 300).bounds(0.01).radius)


@pytest.mark.parametrize("rule", [TopItems(2), TopItems(2, ordered=True)])
def test_levels_add_up_to_alpha(rule, monkeypatch):
    """Every bound that the proof needs, at the level that is asked of it."""
    asked = []

    def lower(values, n, alpha):
        asked.append(("lower", alpha, values.shape[1]))
        return np.clip(values / n, 0, 1)

    def upper(values, n, alpha):
        asked.append(("upper", alpha, values.shape[1]))
        return np.clip(values / n, 0, 1)

    monkeypatch.setattr("sklearn_rp.rules.clopper_pearson_lower", lower)
    monkeypatch.setattr("sklearn_rp.rules.clopper_pearson_upper", upper)
    rule.counted(np.array([[9, 7, 4, 2, 1]]), 10, 0.1)
    radius = sum(alpha * pairs for _, alpha, pairs in asked[:2])
    outside = 5 if rule.ordered else 3
    ranks = asked[2][1] * outside + asked[3][1] * 2
    assert [kind for kind, *_ in asked] == ["lower", "upper", "lower", "upper"]
    assert radius + ranks == pytest.approx(0.1)


@pytest.mark.parametrize("rule", [TopItems(3), TopItems(3, ordered=True)])
def test_upper_bounds_of_the_radius_hold(rule):
    rng = np.random.default_rng(2)
    score, n, trials, alpha = -0.7 * np.arange(7), 200, 3000, 0.05
    noisy = score + rng.gumbel(size=(400_000, 7))
    given = np.zeros(noisy.shape)
    np.put_along_axis(given, np.argsort(-noisy, axis=1)[:, :3], rule.worth[None], axis=1)
    h = given.mean(axis=0)
    z = special.ndtri(h[:4])
    gaps = -np.diff(z)
    truth = (gaps.min() if rule.ordered else gaps[-1]) / 2
    total = given[rng.integers(len(given), size=(trials, n))].sum(axis=1)
    most = counted("hard", rule)(total, n).radius_upper(alpha)
    failures = int((most < truth - 0.005).sum())
    assert stats.binomtest(failures, trials, alpha, alternative="greater").pvalue > 1e-4
    assert np.isfinite(most).mean() > 0.9
    assert np.median(most) < 5 * truth + 0.5


def test_budgets_know_how_many_items_are_named():
    for rule in (TopItems(3), TopItems(3, ordered=True)):
        fewest = min_samples(0.001, 8, "hard", rule)
        assert max_radius(fewest, 0.001, 8, "hard", rule) > 0
        assert max_radius(fewest - 1, 0.001, 8, "hard", rule) == 0
