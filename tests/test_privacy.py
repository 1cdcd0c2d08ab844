"""What is really released: sampled labels, against adversaries who test it."""

import numpy as np
import pytest
from conftest import LinearRule
from scipy import integrate, special, stats
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.bounds import majority_share, scaled_radius, soft_majority_share
from sklearn_rp.certificate import Certificate
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.privacy import GaussianPrivacy
from sklearn_rp.votes import Counts, needed_votes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [1, 2, 9, 10, 101, 1000])
@pytest.mark.parametrize("beta", [0.1, 0.001])
def test_the_share_with_which_a_majority_is_sure(n, beta):
    share = majority_share(n, beta, n // 2 + 1)
    fails = stats.binom.cdf(n // 2, n, share)
    assert fails <= beta
    assert fails == pytest.approx(beta, rel=1e-6)
    assert majority_share(5, beta, 6) == 1.0  # more than all votes: never


@pytest.mark.parametrize("n", [10, 200])
def test_the_share_with_which_a_soft_majority_is_sure(n):
    share = float(soft_majority_share(n, 0.01))
    for law in (  # votes in [0, 1] with this mean
        RNG.random((20_000, n)) < share,
        RNG.beta(4 * share, 4 * (1 - share), size=(20_000, n)),
        np.where(RNG.random((20_000, n)) < share / 0.9, 0.9, 0.0),
    ):
        wrong = int((law.mean(axis=1) <= 0.5).sum())
        assert stats.binomtest(wrong, 20_000, 0.01, alternative="greater").pvalue > 1e-4


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("min_radius", [0.0, 0.7])
def test_needed_votes_by_counting(n_classes, min_radius):
    needed = needed_votes(200, 0.01, n_classes, min_radius)
    total = np.zeros((201, n_classes), dtype=int)
    total[:, 0] = np.arange(201)
    total[:, 1] = 200 - total[:, 0]
    radius = Counts(total, 200).bounds(0.01).radius
    enough = (radius > min_radius) & (total[:, 0] > 100)
    assert needed == np.flatnonzero(enough)[0]
    assert needed_votes(200, 0.01, n_classes, 50.0) == 201


def linear(**arguments):
    X = RNG.normal(size=(50, 2))
    rule = LinearRule([1.0, 0.0]).fit(X, (X[:, 0] > 0).astype(int))
    standard = {"method": "monte_carlo", "noise_scale": None, "sigma": 0.8, "random_state": 0}
    return RobustPrivacyClassifier(rule, **(standard | arguments)).fit(X, (X[:, 0] > 0).astype(int))


@pytest.mark.parametrize("n_votes", [20, 101, 1000])
def test_release_radius_against_the_release(n_votes):
    """At the edge of the release radius the release is still the label; at that of the ball not."""
    cert = linear(n_samples=4000).certify(np.array([[1.5, 0.0]]))
    beta = 0.05
    radius = float(cert.release_radius(n_votes, beta)[0])
    assert 0 < radius < cert.radius[0]
    released = linear(n_samples=n_votes, alpha=0.1, resample=True)

    def wrong(distance):
        rows = np.repeat([[1.5 - distance, 0.0]], 4000, axis=0)
        return int((released.predict(rows) != cert.label[0]).sum())

    at_edge = wrong(radius)
    assert stats.binomtest(at_edge, 4000, beta, alternative="greater").pvalue > 1e-4
    exact = stats.norm.cdf((1.5 - radius) / 0.8)  # the true vote share there
    assert stats.binom.cdf(n_votes // 2, n_votes, exact) <= beta
    if n_votes <= 101:  # the ball's own edge promises less than that
        assert wrong(float(cert.radius[0])) > 1.2 * beta * 4000


@pytest.mark.parametrize("min_radius", [0.0, 0.3])
def test_release_radius_of_a_release_that_abstains(min_radius):
    n, alpha, beta = 200, 0.01, 0.05
    clf = linear(n_samples=20_000, alpha=alpha, fallback=-1, min_radius=min_radius)
    cert = clf.certify(np.array([[2.0, 0.0]]))
    assert cert.min_radius == min_radius
    radius = float(cert.release_radius(n, beta)[0])  # the rule is the classifier's own
    assert radius == cert.release_radius(n, beta, rule="abstain")[0]
    assert 0 < radius < float(cert.release_radius(n, beta, rule="majority")[0])
    released = linear(n_samples=n, alpha=alpha, resample=True, fallback=-1, min_radius=min_radius)
    rows = np.repeat([[2.0 - radius, 0.0]], 4000, axis=0)
    wrong = int((released.predict(rows) != cert.label[0]).sum())
    assert stats.binomtest(wrong, 4000, beta, alternative="greater").pvalue > 1e-4


def test_release_radius_of_soft_votes():
    X = RNG.normal(size=(200, 2))
    y = (X[:, 0] + RNG.normal(size=200) > 0).astype(int)
    arguments = {"method": "monte_carlo", "voting": "soft", "noise_scale": None, "random_state": 0}
    clf = RobustPrivacyClassifier(LogisticRegression(), sigma=1.0, n_samples=4000, **arguments).fit(
        X, y
    )
    cert = clf.certify(np.array([[3.0, 0.0]]))
    assert cert.voting == "soft"
    radius = float(cert.release_radius(100, 0.05)[0])
    assert 0 < radius < cert.radius[0]
    released = RobustPrivacyClassifier(
        LogisticRegression(), sigma=1.0, n_samples=100, resample=True, **arguments
    ).fit(X, y)
    direction = clf.estimator_.coef_[0] / np.linalg.norm(clf.estimator_.coef_[0])
    rows = np.repeat([np.array([3.0, 0.0]) - radius * direction], 2000, axis=0)
    wrong = int((released.predict(rows) != cert.label[0]).sum())
    assert stats.binomtest(wrong, 2000, 0.05, alternative="greater").pvalue > 1e-4
    with pytest.raises(ValueError, match="needs hard votes"):
        cert.release_radius(100, rule="abstain")


def test_an_exact_release_stays_for_less_than_the_radius_where_there_is_a_fallback():
    clf = linear(method="exact", fallback=-1, min_radius=0.4)
    rows = RNG.normal(size=(500, 2))
    cert, told = clf.certify(rows), clf.predict(rows)
    radius = cert.release_radius()
    np.testing.assert_array_equal(radius > 0, told != -1)
    for direction in np.array([[1.0, 0], [-1, 0], [0.6, 0.8]]):
        moved = rows + 0.999 * radius[:, None] * direction
        assert (clf.predict(moved) == told)[radius > 0].all()
    # Further out, within the radius, the fallback is released.
    near = rows - 0.999 * cert.radius[:, None] * np.sign(rows[:, :1]) * [1.0, 0]
    assert (clf.predict(near)[radius > 0] == -1).all()
    np.testing.assert_array_equal(cert.release_radius(rule="majority"), cert.radius)


def test_release_radius_grows_to_the_radius():
    cert = linear(n_samples=1000).certify(RNG.normal(size=(30, 2)))
    radii = np.stack([cert.release_radius(n) for n in (10, 100, 10_000, 10**7)])
    assert (np.diff(radii, axis=0) >= 0).all()
    assert (radii <= cert.radius).all()
    kept = ~cert.abstained
    np.testing.assert_allclose(radii[-1][kept], cert.radius[kept], rtol=0.01, atol=2e-3)
    assert (radii[:, cert.abstained] == 0).all()
    np.testing.assert_array_equal(cert.release_radius(), cert.release_radius(np.full(30, 1000)))
    assert (cert.release_radius(beta=0.2) >= cert.release_radius(beta=0.001)).all()
    exact = linear(method="exact").certify(RNG.normal(size=(30, 2)))
    np.testing.assert_array_equal(exact.release_radius(5), exact.radius)
    assert exact.release_advantage() == 0
    assert cert.release_advantage(0.01) == 0.005 + 0.001
    back = Certificate.from_json(cert.to_json())
    np.testing.assert_array_equal(back.release_radius(50), cert.release_radius(50))
    for wrong in ({"n_votes": 0}, {"n_votes": 1.5}, {"beta": 0}, {"beta": 1}, {"rule": "top"}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.* is not allowed"):
            cert.release_radius(**wrong)


# Gaussian differential privacy


@pytest.mark.parametrize("mu", [0.01, 0.3, 1.0, 4.0, 30.0])
def test_gaussian_privacy_by_quadrature(mu):
    promise = GaussianPrivacy(mu)
    points = np.linspace(-12, mu + 12, 400_001)
    difference = np.abs(stats.norm.pdf(points) - stats.norm.pdf(points - mu))
    assert promise.total_variation == pytest.approx(
        integrate.trapezoid(difference, points) / 2, abs=1e-6
    )
    for epsilon in (0.0, 0.5, 3.0, 40.0):
        excess = stats.norm.pdf(points - mu) - np.exp(epsilon) * stats.norm.pdf(points)
        expected = integrate.trapezoid(np.maximum(excess, 0), points)
        assert promise.delta(epsilon) == pytest.approx(expected, abs=1e-6)
    for delta in (1e-3, 1e-6):
        epsilon = promise.epsilon(delta)
        assert promise.delta(epsilon) <= delta
        assert epsilon == 0 or promise.delta(epsilon * 0.999 - 1e-6) > delta


def test_gaussian_privacy_at_the_edges():
    assert GaussianPrivacy(0.0).advantage == 0
    assert GaussianPrivacy(0.0).delta(0.0) == 0
    assert GaussianPrivacy(0.0).epsilon(1e-9) == 0
    assert GaussianPrivacy(1000.0).advantage == 0.5
    assert np.isfinite(GaussianPrivacy(50.0).delta(2000.0))
    assert GaussianPrivacy(50.0).epsilon(1e-5) > 1000
    for wrong in (-1, np.inf, np.nan):
        with pytest.raises(ValueError, match="mu="):
            GaussianPrivacy(wrong)
    with pytest.raises(ValueError, match="epsilon=-1"):
        GaussianPrivacy(1.0).delta(-1)
    with pytest.raises(ValueError, match="delta=0"):
        GaussianPrivacy(1.0).epsilon(0)


@pytest.mark.parametrize(("n_samples", "n_queries"), [(11, 1), (11, 5), (41, 1)])
def test_no_distinguisher_beats_the_stated_advantage(n_samples, n_queries):
    """The likelihood ratio of the number of votes: the best test there is, on thousands."""
    clf = linear(n_samples=n_samples, alpha=0.05, resample=True)
    here, there = 0.2, -0.1
    promise = clf.privacy_loss(here - there, n_queries)
    n_trials = 4000
    votes = []
    for x in (here, there):
        rows = np.repeat([[x, 0.0]], n_trials * n_queries, axis=0)
        share = clf.predict_proba(rows)[:, 1].reshape(n_trials, n_queries)
        votes.append(np.rint(share.sum(axis=1) * n_samples).astype(int))
    total = n_samples * n_queries
    p, q = special.ndtr(np.array([here, there]) / 0.8)
    counts = np.arange(total + 1)
    says_here = stats.binom.logpmf(counts, total, p) > stats.binom.logpmf(counts, total, q)
    right = int(says_here[votes[0]].sum() + (~says_here[votes[1]]).sum())
    limit = 0.5 + promise.advantage
    assert stats.binomtest(right, 2 * n_trials, limit, alternative="greater").pvalue > 1e-4
    assert right / (2 * n_trials) > 0.5 + promise.advantage / 3  # the test is no straw man
    assert promise.mu == pytest.approx(np.sqrt(n_samples * n_queries) * 0.3 / 0.8)


def test_no_such_promise():
    for clf, reason in ((linear(), "fixed noise"), (linear(method="exact"), "exact method")):
        with pytest.raises(ValueError, match=f"needs fresh noise.*{reason}"):
            clf.privacy_loss(0.5)
    clf = linear(resample=True)
    with pytest.raises(ValueError, match="distance=-1"):
        clf.privacy_loss(-1)
    with pytest.raises(ValueError, match="n_queries=0"):
        clf.privacy_loss(1.0, 0)


# Found by an adversarial reader


def test_needed_votes_are_those_of_predict():
    """Where `min_radius` is a radius that some count attains, one vote makes the difference."""
    n, alpha = 100, 0.001
    for sigma in (0.25, 0.3, 1.7):
        total = np.stack([np.arange(51, 101), 100 - np.arange(51, 101)], axis=1)
        radius = scaled_radius(Counts(total, n).bounds(alpha).radius, sigma)
        for place, attained in enumerate(radius):
            needed = needed_votes(n, alpha, 2, float(attained), sigma)
            released = np.flatnonzero(radius > attained)
            assert needed == (51 + released[0] if len(released) else n + 1), place


def test_a_certificate_knows_its_classes():
    X, y = load_iris(return_X_y=True)
    clf = RobustPrivacyClassifier(
        LogisticRegression(max_iter=500), method="monte_carlo", n_samples=1000, fallback=-1,
        random_state=0, sigma=0.3,
    ).fit(X, y)  # fmt: skip
    cert = clf.certify(X)
    assert cert.n_classes == 3
    share = majority_share(1000, 0.05, needed_votes(1000, 0.001, 3, 0.0, 0.3))
    expected = 0.3 * (special.ndtri(cert.p_lower) - special.ndtri(share))
    kept = cert.release_radius(beta=0.05) > 0
    assert kept.any()
    np.testing.assert_allclose(
        cert.release_radius(beta=0.05)[kept], np.minimum(expected, cert.radius)[kept], rtol=1e-9
    )


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_one_fresh_vote_is_a_release_without_certificates(voting):
    clf = RobustPrivacyClassifier(GaussianNB(), n_samples=1, resample=True, voting=voting)
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.warns(PrivacyWarning, match="only privacy_loss speaks of the release"):
        clf.fit(X, X[:, 0] > 0)
    assert clf.predict(X).shape == (60,)
    cert = clf.certify(X)
    assert cert.abstained.all()
    assert (cert.radius == 0).all()
    assert clf.privacy_loss(0.1).advantage < 0.2
    with pytest.raises(ValueError, match="cannot certify anything"):
        clone(clf).set_params(fallback=True).fit(X, X[:, 0] > 0)
