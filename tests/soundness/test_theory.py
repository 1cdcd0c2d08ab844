"""Each promise of the theory page by simulation of the whole estimator."""

import numpy as np
import pytest
from conftest import LinearRule
from scipy import stats

from sklearn_rp import RobustPrivacyClassifier


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [50, 1000])
@pytest.mark.parametrize("voting", ["hard"])
def test_monte_carlo_certificates_fail_with_probability_at_most_alpha(n_samples, voting):
    """Thousands of rows, each with noise of its own, against the true radius of a linear rule.

    One noise bank is shared by the rows of one fitted object, so that independent trials are
    independent seeds: each seed certifies a few rows, and each row's failures are counted apart.
    """
    alpha, sigma, seeds = 0.05, 0.5, 3000
    coef = np.array([3.0, -4.0])
    # Distances to the hyperplane, in noise units, from "on the boundary" to "far".
    distance = np.array([0.0, 0.02, 0.1, 0.3, 1.0, 2.0])
    X = sigma * distance[:, None] * coef / np.linalg.norm(coef)
    failures = np.zeros(len(distance), dtype=int)
    clf = RobustPrivacyClassifier(
        LinearRule(coef), sigma=sigma, noise_scale=None, n_samples=n_samples, alpha=alpha,
        method="monte_carlo", voting=voting,
    )  # fmt: skip
    for seed in range(seeds):
        cert = clf.set_params(random_state=seed).fit(X, [0, 1, 0, 1, 0, 1]).certify(X)
        certified = ~cert.abstained
        wrong = (cert.label == 0) | (cert.radius > sigma * distance)
        failures += certified & wrong
    for count in failures:
        assert stats.binomtest(int(count), seeds, alpha, alternative="greater").pvalue > 1e-4
    assert failures.max() > 0  # the test can fail: at the worst distance alpha is nearly used up


def test_the_label_stays_within_the_certified_ball():
    """Brute force: the smoothed classifier of a non-linear model, all around certified rows."""

    class Ring(LinearRule):
        def predict(self, X):
            return (np.linalg.norm(X, axis=1) > 1.5).astype(int)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 2)) * 2
    clf = RobustPrivacyClassifier(
        Ring(), sigma=0.4, noise_scale=None, n_samples=5000, random_state=0, method="monte_carlo"
    ).fit(X, [0, 1] * 10)
    cert = clf.certify(X)
    assert (cert.radius > 0.1).sum() > 8
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    circle = np.c_[np.cos(angle), np.sin(angle)]
    for x, label, radius in zip(X, cert.label, cert.radius, strict=True):
        for share in (0.5, 0.999):
            around = x + share * radius * circle
            # h by quadrature, not by the votes that are being tested
            h = quadrature_of_ring(around, sigma=0.4)
            if radius:
                assert ((h > 0.5).astype(int) == label).all()


def quadrature_of_ring(X, sigma):
    """P[|x + sigma eps| > 1.5]: a non-central chi-square."""
    return stats.ncx2.sf((1.5 / sigma) ** 2, 2, (np.linalg.norm(X, axis=1) / sigma) ** 2)
