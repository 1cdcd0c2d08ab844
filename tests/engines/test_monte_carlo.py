"""Votes of noisy copies: each row's noise is its own."""

import numpy as np
import pytest
from conftest import LinearRule

from sklearn_rp import (
    RobustPrivacyClassifier,
)


@pytest.mark.parametrize("n_samples", [11, 300])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fresh_noise_is_each_rows_own(n_samples, n_jobs):
    """Rows of one call shared their noise: two queries about a person were no two mechanisms."""
    rule = LinearRule([1.0]).fit(np.zeros((2, 1)), [0, 1])
    X = np.linspace(-1, 1, 50)[:, None]
    clf = RobustPrivacyClassifier(
        rule, method="monte_carlo", n_samples=n_samples, alpha=0.05, resample=True,
        noise_scale=None, sigma=1.0, n_jobs=n_jobs, random_state=0,
    ).fit(X, (X[:, 0] > 0).astype(int))  # fmt: skip
    share = clf.predict_proba(np.zeros((2000, 1)))[:, 1]
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.std() == pytest.approx(0.5 / np.sqrt(n_samples), rel=0.1)  # independent
