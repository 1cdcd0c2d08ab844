"""CertifiedAccuracyDisplay, by the data that it draws."""

# ruff: noqa: E501

import numpy as np
import pytest
from conftest import LinearRule
from refused import refused
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.inspection import (
    CertifiedAccuracyDisplay,
)
from sklearn_rp.metrics import (
    certified_accuracy_score,
)

plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")
TASK = make_recommendation(400, random_state=0)
X, y = TASK.data, TASK.target
BASE = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)


def votes(**arguments):
    clf = RobustPrivacyClassifier(FrozenEstimator(BASE), method="monte_carlo", random_state=0)
    return clf.set_params(**arguments).fit(X, y)


@pytest.mark.parametrize("feature", [None, 1])
@pytest.mark.parametrize("n_rows", [20, 400])
def test_certified_accuracy_is_that_of_the_metric(n_rows, feature):
    clf, sigmas = votes(), [0.25, 1.0]
    display = CertifiedAccuracyDisplay.from_estimator(
        clf, X[:n_rows], y[:n_rows], sigmas=sigmas, feature=feature
    )
    frame = display.frame()
    assert frame["name"].unique().tolist() == ["sigma = 0.25", "sigma = 1"]
    for cert, (_, curve) in zip(
        clf.certify_path(X[:n_rows], sigmas), frame.groupby("name", sort=False), strict=True
    ):
        steps = curve.iloc[:-1]  # the last falls to 0
        for radius, drawn in zip(steps["radius"], steps["certified_accuracy"], strict=True):
            expected = certified_accuracy_score(y[:n_rows], cert, radius=radius, feature=feature)
            assert drawn == pytest.approx(expected)
        assert (np.diff(curve["certified_accuracy"]) <= 0).all()
        assert curve["certified_accuracy"].iloc[-1] == 0
    assert [line.get_label() for line in display.lines_] == ["sigma = 0.25", "sigma = 1"]
    assert "half-width of x1" in display.ax_.get_xlabel() or feature is None


def test_a_thinned_curve_runs_below():
    task = make_recommendation(3000, random_state=1)
    rule = LinearRule(task.coef).fit(task.data, task.target)
    clf = RobustPrivacyClassifier(rule, noise_features=[0]).fit(task.data, task.target)
    cert = clf.certify(task.data)
    display = CertifiedAccuracyDisplay.from_predictions(task.target, cert)
    frame = display.frame()
    assert len(frame) <= 1002
    for radius in np.linspace(0.01, cert.radius.max(), 50):
        # "steps-pre": between two points the curve has the value of the later one.
        drawn = frame["certified_accuracy"][np.searchsorted(frame["radius"], radius)]
        assert drawn <= certified_accuracy_score(task.target, cert, radius=radius) + 1e-12


def test_several_displays_on_one_axes():
    first = CertifiedAccuracyDisplay.from_estimator(votes(), X, y, name="boosting")
    pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier(LogisticRegression()))
    CertifiedAccuracyDisplay.from_estimator(pipe.fit(X, y), X, y, name="linear", ax=first.ax_)
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert labels == ["boosting, sigma = 0.25", "linear, sigma = 0.25"]
    looks = {(line.get_color(), line.get_linestyle()) for line in first.ax_.lines}
    assert len(looks) == 2


def test_all_abstain():
    cert = votes(n_samples=11, sigma=50.0).certify(X[:5])
    wrong = np.where(cert.label == 1, 0, 1)
    frame = CertifiedAccuracyDisplay.from_predictions(wrong, cert).frame()
    assert (frame["certified_accuracy"] == 0).all()


REFUSED = [
    ("CertifiedAccuracyDisplay: two curves of one name", lambda: CertifiedAccuracyDisplay.from_predictions(y, [votes().certify(X)] * 2), ValueError, "draw them one by one"),
    ("CertifiedAccuracyDisplay: a feature without noise", lambda: CertifiedAccuracyDisplay.from_predictions(y, votes(noise_features=[0]).certify(X), feature=1), ValueError, "not the position of a noised feature"),
    ("CertifiedAccuracyDisplay: too few labels", lambda: CertifiedAccuracyDisplay.from_predictions(y[:3], votes().certify(X)), ValueError, "inconsistent numbers of samples"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_second_curve_is_not_cut_off():
    _, ax = plt.subplots()
    CertifiedAccuracyDisplay.from_estimator(votes(), X, y, sigmas=[0.1], ax=ax)
    second = CertifiedAccuracyDisplay.from_estimator(votes(), X, y, sigmas=[1.0, 1.0005], ax=ax)
    assert ax.get_xlim()[1] > second.frame()["radius"].max()
    column = CertifiedAccuracyDisplay.from_estimator(votes(), X, y.reshape(-1, 1))
    assert column.frame()["certified_accuracy"].max() > 0
    assert column.ax_.get_xlabel() == "certified radius (scaled units)"
