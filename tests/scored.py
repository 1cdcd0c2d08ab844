"""A task with every scorer of ours, that searches are compared on."""

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.metrics import (
    abstention_rate,
    attribute_advantage,
    average_certified_radius,
    certified_accuracy_score,
    interval_length_score,
    make_certificate_scorer,
    make_compatible_sets_scorer,
)

TASK = make_recommendation(240, random_state=0)
X, y = TASK.data, TASK.target
WEIGHT = np.random.default_rng(0).uniform(size=len(y))
SIGMAS = [0.2, 1.0, 3.0]
ATTRIBUTE = {"sensitive_feature": 0, "bounds": (-5, 5)}
SCORING = {
    "accuracy": "accuracy",
    "certified": make_certificate_scorer(certified_accuracy_score, radius=0.2),
    "in_unit": make_certificate_scorer(certified_accuracy_score, radius=0.3, feature=0),
    "radius": make_certificate_scorer(average_certified_radius),
    "abstention": make_certificate_scorer(abstention_rate, greater_is_better=False),
    "length": make_compatible_sets_scorer(interval_length_score, **ATTRIBUTE),
    "advantage": make_compatible_sets_scorer(
        attribute_advantage,
        prior=np.linspace(-3, 3, 20),
        tolerance=0.3,
        greater_is_better=False,
        **ATTRIBUTE,
    ),
}


def tree(**arguments):
    model = DecisionTreeClassifier(max_depth=4, random_state=0)
    return RobustPrivacyClassifier(model, noise_features=[0], **arguments)


def same_scores(a, b):
    for key, value in a.items():
        if "time" not in key and key != "params":
            np.testing.assert_array_equal(np.asarray(value), np.asarray(b[key]), err_msg=key)
