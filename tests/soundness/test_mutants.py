"""Tests of the tests: bugs planted in each engine and bound have to be caught."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import special

from sklearn_rp import bounds, rules
from sklearn_rp import release as releases
from sklearn_rp.engines import additive, linear, recalled, rivals, sweep, trees
from sklearn_rp.law import Gaussian
from sklearn_rp.noise import Noise
from sklearn_rp.rules import TopItems
from sklearn_rp.votes import Exact
from soundness import checks


def caught(check, *arguments, **options):
    with pytest.raises(AssertionError):
        check(*arguments, **options)


def test_wrong_tail_of_clopper_pearson(monkeypatch):
    def upper_for_lower(k, n, alpha):
        return special.betaincinv(np.maximum(k, 0.5), n - np.asarray(k) + 1.0, 1 - alpha)

    monkeypatch.setattr(bounds, "clopper_pearson_lower", upper_for_lower)
    caught(checks.bounds_fail_with_probability_at_most_alpha, 0.05, "hard", 2, 100, 5000)


def test_alpha_not_shared(monkeypatch):
    own = bounds.clopper_pearson_lower  # is given 0.4 of alpha: here it takes 30 times alpha
    monkeypatch.setattr(bounds, "clopper_pearson_lower", lambda k, n, part: own(k, n, 75 * part))
    caught(checks.bounds_fail_with_probability_at_most_alpha, 0.01, "hard", 3, 30, 20_000)


def test_point_estimate_for_a_bound(monkeypatch):
    monkeypatch.setattr(bounds, "mean_lower", lambda mean, n, alpha: np.asarray(mean))
    caught(checks.bounds_fail_with_probability_at_most_alpha, 0.01, "soft", 2, 30, 2000)


def test_a_list_certified_by_its_first_item(monkeypatch):
    def by_the_best(rule, values, place):
        listed = np.take_along_axis(values, place, axis=1)
        others = values.copy()
        np.put_along_axis(others, place, -1, axis=1)
        return listed.max(axis=1, keepdims=True), others.max(axis=1, keepdims=True)

    monkeypatch.setattr(TopItems, "pairs", by_the_best)
    caught(checks.nothing_changes_inside_the_ball, "lists by trees", 20_000)


def test_an_order_certified_by_its_last_pair(monkeypatch):
    own = TopItems.pairs
    monkeypatch.setattr(
        TopItems, "pairs", lambda rule, *given: [each[:, -1:] for each in own(rule, *given)]
    )
    caught(checks.nothing_changes_inside_the_ball, "lists in order by trees", 20_000)


def test_items_of_votes_without_bounds(monkeypatch):
    for name in ("clopper_pearson_lower", "clopper_pearson_upper"):
        monkeypatch.setattr(rules, name, lambda k, n, alpha: k / n)
    check = checks.list_bounds_fail_with_probability_at_most_alpha
    caught(check, TopItems(3), "hard", 0.01, 50, 2000)


def test_radius_rounded_up(monkeypatch):
    monkeypatch.setattr(releases, "scaled_radius", lambda radius, sigma: sigma * radius * 1.0001)
    caught(checks.nothing_changes_inside_the_ball, "linear", 20_000)


def test_radius_in_the_wrong_unit(monkeypatch):
    monkeypatch.setattr(releases, "scaled_radius", lambda radius, sigma: radius)
    for name in ("linear", "trees", "sweep"):
        caught(checks.walks_end_outside_the_ball, name)


def test_sign_of_the_radius(monkeypatch):
    own = Gaussian.radius
    monkeypatch.setattr(
        Gaussian, "radius", staticmethod(lambda low, high: own(low, 1 - high) + 0.3)
    )
    caught(checks.nothing_changes_inside_the_ball, "forest", 3000)


def test_scale_forgotten_in_the_linear_engine(monkeypatch):
    own = linear.Linear.votes

    def unscaled(self, X, sigmas, draws=None):
        votes = own(self, X, sigmas, draws)
        return [replace(v, radius=2 * v.radius) for v in votes]

    monkeypatch.setattr(linear.Linear, "votes", unscaled)
    caught(checks.nothing_changes_inside_the_ball, "linear", 3000)


def test_a_rival_at_the_distance_of_the_label_alone(monkeypatch):
    own = rivals.norms

    def of_the_label(weight, size, terms):
        return np.minimum(own(weight, size, terms), rivals.length(weight, size, terms)[:, None])

    monkeypatch.setattr(linear, "norms", of_the_label)
    caught(checks.nothing_changes_inside_the_ball, "linear, several classes", 20_000)


def test_a_rival_that_was_overlooked(monkeypatch):
    own = linear.of_the_largest

    def second_score_alone(score, error, norm):
        best = np.argsort(-score, axis=1)[:, 1]
        found = own(score, error, norm)
        return replace(found, radius=-found.reach[np.arange(len(score)), best])

    monkeypatch.setattr(linear, "of_the_largest", second_score_alone)
    caught(checks.nothing_changes_inside_the_ball, "linear, several classes", 20_000)


def test_pairs_that_may_all_turn_but_one(monkeypatch):
    own = rivals.enough
    monkeypatch.setattr(
        rivals, "enough", lambda away, weight, needed: own(away, weight, needed + 1)
    )
    caught(checks.nothing_changes_inside_the_ball, "linear, pairs of classes", 20_000)


def test_a_list_certified_by_its_best_item(monkeypatch):
    own = linear.of_lists

    def by_the_best(score, error, norm, rule):
        found = own(score, error, norm, rule)
        return replace(found, radius=found.reach.max(axis=1))

    monkeypatch.setattr(linear, "of_lists", by_the_best)
    caught(checks.nothing_changes_inside_the_ball, "lists of a linear model", 20_000)


def test_votes_that_are_pushed_away_from_even(monkeypatch):
    own = additive.chance_above

    def too_sure(score):
        share, error = own(score)
        return np.clip(share + np.where(share > 0.5, 0.03, -0.03), 0.0, 1.0), error

    monkeypatch.setattr(additive, "chance_above", too_sure)
    caught(votes_are_those_of_copies, "sum of steps")


def test_noise_left_out_of_a_part(monkeypatch):
    own = additive.chances_of

    def half_of_it(block, inputs, given, spread):
        return own(block, inputs, given, spread / 2)

    monkeypatch.setattr(additive, "chances_of", half_of_it)
    caught(votes_are_those_of_copies, "sum of steps")
    monkeypatch.undo()
    votes_are_those_of_copies("sum of steps")


def test_half_of_a_slope(monkeypatch):
    own = additive.Quadratic

    def flatter(*parts):
        *others, linear, square = parts
        return own(*others, linear / 2, square)

    monkeypatch.setattr(additive, "Quadratic", flatter)
    caught(votes_are_those_of_copies, "quadratic")
    monkeypatch.undo()
    votes_are_those_of_copies("quadratic")


def votes_are_those_of_copies(name):
    clf = checks.EXACT[name]()
    rows = checks.TWO[0][:40]
    votes = clf.release_.votes(rows)
    rng = np.random.default_rng(0)
    noise = clf.sigma * clf.noise_scale_ * rng.normal(size=(40, 20_000, 4))
    copies = (rows[:, None, :] + noise).reshape(-1, 4)
    share = (clf.estimator_.predict(copies) == 1).reshape(40, -1).mean(axis=1)
    # The edge of the decision is rounded; so sharply that few copies are next to it.
    assert (np.abs(share - votes.total[:, 1]) < 0.01 + 5 * 0.5 / np.sqrt(20_000)).all()


def test_error_of_the_tree_sums_subtracted_with_the_wrong_sign(monkeypatch):
    own = trees.Trees.votes

    def optimistic(self, X, sigmas, draws=None):
        votes = own(self, X, sigmas, draws)
        return [replace(v, error=-0.05 + 0 * v.error) for v in votes]

    monkeypatch.setattr(trees.Trees, "votes", optimistic)
    caught(checks.nothing_changes_inside_the_ball, "forest", 20_000)


def test_the_sweep_looks_to_one_side(monkeypatch):
    own = sweep.nearest_change

    def one_sided(profile, rows, x, label, spread, side, *rest):
        found = own(profile, rows, x, label, spread, side, *rest)
        return np.where(side > 0, found, found + 1.0)

    monkeypatch.setattr(sweep, "nearest_change", one_sided)
    caught(checks.walks_end_outside_the_ball, "sweep")


def test_the_sweep_takes_too_long_a_step(monkeypatch):
    own = Exact.radius_of
    monkeypatch.setattr(Exact, "radius_of", lambda self, place: 1.5 * own(self, place))
    caught(checks.nothing_changes_inside_the_ball, "sweep", 20_000)


def test_noise_shared_by_rows(monkeypatch):
    own = Gaussian.draw_own

    def shared(self, draws, n_rows, most):
        for rows, noise in own(self, draws, n_rows, most):
            yield rows, np.broadcast_to(noise[:1], noise.shape)

    monkeypatch.setattr(Gaussian, "draw_own", shared)
    # One bank for all rows: either none fails or all do; over seeds the rate is no longer seen.
    caught(every_row_has_its_own_noise)
    monkeypatch.undo()
    every_row_has_its_own_noise()


def every_row_has_its_own_noise():
    rule = checks.LinearRule([1.0]).fit(np.zeros((2, 1)), [0, 1])
    clf = checks.RobustPrivacyClassifier(
        rule, method="monte_carlo", n_samples=20, alpha=0.05, resample=True, noise_scale=None,
        random_state=0,
    ).fit(np.linspace(-1, 1, 9)[:, None], [0, 1] * 4 + [0])  # fmt: skip
    assert clf.predict_proba(np.zeros((500, 1)))[:, 1].std() > 0.05


def test_noise_of_the_wrong_size(monkeypatch):
    own = Noise.noisy_copies
    monkeypatch.setattr(
        Noise, "noisy_copies", lambda self, X, values, offsets: own(self, X, values, 0.5 * offsets)
    )
    caught(checks.sampled_certificates_fail_with_probability_at_most_alpha, 0.05, trials=3000)


def test_a_stale_cache(monkeypatch):
    monkeypatch.setattr(recalled.joblib, "hash", lambda X: "always the same")
    caught(recalled_votes_are_those_of_the_rows)
    monkeypatch.undo()
    recalled_votes_are_those_of_the_rows()


def recalled_votes_are_those_of_the_rows():
    release, X = checks.EXACT["sweep"]().release_, checks.WIDE[0]
    known = release.recalled(X[:20], [0.3], None)
    for rows in (X[:20], X[20:40], X[:20]):
        np.testing.assert_array_equal(known.votes(rows).total, release.votes(rows).total)
        found, expected = (r.engine.profile(rows).symbol for r in (known, release))
        np.testing.assert_array_equal(found, expected)
