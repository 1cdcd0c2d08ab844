"""What exact engines are held against: votes drawn here, and not by the package."""

import numpy as np
import pytest

from sklearn_rp import RobustPrivacyClassifier


def exact(estimator, **changes):
    arguments = {"method": "exact", "random_state": 0}
    return RobustPrivacyClassifier(estimator, **(arguments | changes))


def monte_carlo_shares(clf, X, n, voting="hard", seed=1):
    """Shares of n votes per row, drawn here and not by the package."""
    rng = np.random.default_rng(seed)
    spread = clf.sigma * clf.noise_scale_
    columns = [int(str(name)[1:]) for name in clf.noise_features_]  # x0, x1, ...
    answer = []
    for x in X:
        noisy = np.repeat(x[None], n, axis=0)
        noisy[:, columns] += spread * rng.standard_normal((n, len(columns)))
        if voting == "soft":
            answer.append(clf.estimator_.predict_proba(noisy).mean(axis=0))
        else:
            labels = clf.estimator_.predict(noisy)
            answer.append([(labels == c).mean() for c in clf.classes_])
    return np.array(answer)


def check_shares(clf, rows):
    assert clf.predict_proba(rows) == pytest.approx(monte_carlo_shares(clf, rows, 20_000), abs=0.03)


def raw(model, rows):
    """What the model adds up, or averages: asked of itself."""
    home = type(model).__module__.split(".")[0]
    if home == "lightgbm":
        return model.predict(rows, raw_score=True)
    if home == "xgboost":
        return model.predict(rows, output_margin=True)
    if home == "catboost":
        return model.predict(rows, prediction_type="RawFormulaVal")
    answers = ("decision_function", "predict_proba", "predict")
    return getattr(model, next(each for each in answers if hasattr(model, each)))(rows)
