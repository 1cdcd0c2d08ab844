"""Exact engines against a million votes, and against walks inside their balls."""

import numpy as np
import pytest
from engines.oracle import exact, monte_carlo_shares
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import (
    LogisticRegression,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "voting", "features"),
    [
        (RandomForestClassifier(10, random_state=0), "soft", None),
        (DecisionTreeClassifier(random_state=0), "hard", [0, 3, 20, 27]),
        (make_pipeline(StandardScaler(), LogisticRegression()), "hard", None),
        (GradientBoostingClassifier(n_estimators=20, random_state=0), "hard", [7]),
    ],
    ids=["forest", "tree", "linear", "sweep"],
)
def test_a_million_votes(model, voting, features):
    """Within five standard errors of a million votes drawn here."""
    X, y = CANCER
    scale = np.linspace(0.5, 2, 30) * X.std(axis=0)
    clf = exact(model, sigma=0.5, noise_features=features, noise_scale=scale, voting=voting)
    rows = X[[3, 100, 400]]
    share = clf.fit(X, y).predict_proba(rows)
    parts = [monte_carlo_shares(clf, rows, 100_000, voting, seed) for seed in range(10)]
    assert share == pytest.approx(np.mean(parts, axis=0), abs=5 * 0.5 / 1000)


@pytest.mark.slow
def test_no_exact_radius_is_above_the_truth_at_many_random_points():
    """Boundary walk: the smoothed label at random points just inside the certified balls."""
    rng = np.random.default_rng(0)
    X, y = CANCER
    X = X[:, :5]
    for model, voting in (
        (DecisionTreeClassifier(max_depth=6, random_state=0), "hard"),
        (RandomForestClassifier(10, random_state=0), "soft"),
    ):
        clf = exact(model, sigma=0.5, voting=voting).fit(X, y)
        rows = X[rng.integers(0, len(X), 100_000)]
        rows = rows + 0.3 * X.std(axis=0) * rng.normal(size=rows.shape)
        cert = clf.certify(rows)
        assert (cert.radius > 0).mean() > 0.99
        step = rng.normal(size=rows.shape)
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        inside = rows + 0.999 * cert.radius[:, None] * step * clf.noise_scale_
        assert (clf.predict(inside) == cert.label).all()
        # The worst direction is hardly ever drawn: walk down the gap of the shares instead.
        few = slice(0, 300)
        point, label = rows[few].copy(), cert.label[few]
        for _ in range(30):
            share = clf.predict_proba(point)[np.arange(300), np.searchsorted(clf.classes_, label)]
            slope = np.stack(
                [
                    clf.predict_proba(point + 1e-4 * scale * unit)[
                        np.arange(300), np.searchsorted(clf.classes_, label)
                    ]
                    - share
                    for scale, unit in zip(clf.noise_scale_, np.eye(5), strict=True)
                ],
                axis=1,
            )
            norm = np.linalg.norm(slope, axis=1, keepdims=True)
            walk = (point - rows[few]) / clf.noise_scale_ - 0.1 * slope / np.maximum(norm, 1e-300)
            length = np.linalg.norm(walk, axis=1, keepdims=True)
            walk *= np.minimum(1, 0.999 * cert.radius[few][:, None] / np.maximum(length, 1e-300))
            point = rows[few] + walk * clf.noise_scale_
            assert (clf.predict(point) == label).all()
