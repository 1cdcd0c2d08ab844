"""What a model answers: one label and one distribution for each row, read in one place."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from small import Stranger

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attacks import (
    AttributeInferenceAttack,
    LabelOnlyInversionAttack,
    ModelExtractionAttack,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.models.labels import labels_of, probabilities_of
from sklearn_rp.report import privacy_report

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 3))
Y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + 0.3 * RNG.normal(size=90), [-0.5, 0.5])]
FRAME = pd.DataFrame(X, columns=["u", "v", "w"]).assign(s=["f", "g", "g"] * 30)


class Flat(LogisticRegression):
    """Answers with a vector."""

    def predict(self, X):
        return super().predict(X)


class InColumn(LogisticRegression):
    """The same answers in a column, as CatBoost gives them with three classes."""

    def predict(self, X):
        return super().predict(X)[:, None]


def behind_encoder(model):
    rest = ColumnTransformer([("s", OneHotEncoder(), ["s"])], remainder="passthrough")
    return make_pipeline(rest, model)


def certified(model, rows=X, **parameters):
    parameters = {"n_samples": 100, "random_state": 0} | parameters
    cert = RobustPrivacyClassifier(model, **parameters).fit(rows, Y).certify(rows[:30])
    return cert.to_frame()


def released(release):
    return pd.Series(release.fit(X, Y).predict(X))


def inverted(model):
    attack = LabelOnlyInversionAttack(
        n_points=4, n_iterations=1, max_queries=60, queries_per_point=2, random_state=0
    )
    result = attack.fit(X).run(model.fit(X, Y), evaluators=[model])
    return result.summary()


def minimum(model):
    clf = AttributePrivacyClassifier(model, sensitive_feature=0, resolution=16, random_state=0).fit(
        X, Y
    )
    return pd.DataFrame(clf.predict_proba(X))  # means of probabilities, not of labels


def transformed(model):
    clf = AttributePrivacyTransformer(
        model, sensitive_feature=0, resolution=16, include_prediction=True
    )
    return pd.DataFrame(clf.fit(X, Y).transform(X))


def inferred(model):
    attack = AttributeInferenceAttack(
        model.fit(X, Y), sensitive_feature=0, resolution=16, n_resamples=10
    )
    return attack.fit(X[:45]).evaluate(X[45:]).to_frame()


def guessed(model):
    """A categorical feature, which such a model imputes, too."""
    outer = behind_encoder(Flat()).fit(FRAME, Y)
    attack = AttributeInferenceAttack(outer, sensitive_feature="s", imputer=model, n_resamples=10)
    return attack.fit(FRAME[:45]).evaluate(FRAME[45:]).to_frame()


def extracted(model):
    attack = ModelExtractionAttack(model, n_queries=(40,), n_resamples=10, random_state=0)
    return attack.run(model.fit(X, Y), X[:45], X[45:], Y[45:])


def reported(model):
    report = privacy_report(model.fit(X, Y), X, Y, sensitive_features=[0], resolution=16)
    point = {key: value for key, value in report.operating_point.items() if key != "model"}
    return pd.concat([report.sets["x0"], report.attacks["x0"], pd.DataFrame([point])]).drop(
        columns="estimator"
    )


FUNCTIONS = {
    "monte_carlo": certified,
    "soft": lambda model: certified(model, voting="soft"),
    "sweep": lambda model: certified(model, noise_features=[0], method="exact"),
    "two features": lambda model: certified(model, noise_features=[0, 1], method="exact"),
    "category": lambda model: certified(
        behind_encoder(model), FRAME, noise_features="s", method="exact"
    ),
    "pipeline": lambda model: certify(
        make_pipeline(RobustPrivacyClassifier(model, n_samples=50, random_state=0)).fit(X, Y), X
    ).to_frame(),
    "compatible_sets": lambda model: compatible_sets(
        model.fit(X, Y), X, sensitive_feature=0, resolution=16
    ).to_frame(),
    "transformer": transformed,
    "minimum": minimum,
    "attribute inference": inferred,
    "inference of a category": guessed,
    "extraction": extracted,
    "inversion": inverted,
    "report": reported,
    "randomized response": lambda model: released(
        RandomizedResponseClassifier(model, random_state=0)
    ),
    "noisy input": lambda model: released(NoisyInputClassifier(model, random_state=0)),
    "abstention": lambda model: released(
        RandomAbstentionClassifier(model, fallback="none", random_state=0)
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_labels_in_a_column_are_labels(name):
    one, other = FUNCTIONS[name](Flat()), FUNCTIONS[name](InColumn())
    assert one.equals(other)
    assert len(one)


def test_several_labels_for_a_row_are_refused():
    class Twice(Flat):
        def predict(self, X):
            return np.stack([super().predict(X)] * 2, axis=1)

    with pytest.raises(ValueError, match=r"predict of Twice gave an array of shape \(30, 2\)"):
        labels_of(Twice().fit(X, Y), X[:30])
    with pytest.raises(ValueError, match="one label for each row"):
        RobustPrivacyClassifier(Twice(), n_samples=10).fit(X, Y)


class Wrong(Flat):
    """Its probabilities are none."""

    def __init__(self, what=None):
        super().__init__()
        self.what = what

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        if self.what == "sum":
            return 2 * proba
        proba[:, 0] = np.nan if self.what == "nan" else -proba[:, 0]
        return proba


class Once(BaseEstimator):
    """Its probabilities add up to 1 but for rounding in single precision."""

    def predict_proba(self, X):
        return np.full((len(X), 2), 0.5 + 1e-5)


@pytest.mark.parametrize("what", ["nan", "negative", "sum"])
def test_what_is_no_probability_is_refused(what):
    message = r"predict_proba .* not one probability for each .*adding up to 1.*labels alone"
    model = Wrong(what).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        probabilities_of(model, X)
    with pytest.raises(ValueError, match=message):
        RobustPrivacyClassifier(Wrong(what), voting="soft", n_samples=10).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        AttributePrivacyClassifier(Wrong(what), sensitive_feature=0, resolution=8).fit(X, Y)
    attack = AttributeInferenceAttack(
        behind_encoder(Flat()).fit(FRAME, Y),
        sensitive_feature="s",
        imputer=Wrong(what),
        n_resamples=10,
    ).fit(FRAME)
    with pytest.raises(ValueError, match=message):
        attack.evaluate(FRAME)


def test_probabilities_add_up_in_double_precision():
    assert probabilities_of(Once(), X).tolist() == [[0.5, 0.5]] * len(X)
    with pytest.raises(ValueError, match=r"\(90, 2\) .* each of the 3 classes"):
        probabilities_of(Once(), X, 3)


ROWS_RNG = np.random.default_rng(0)
ROWS = ROWS_RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def test_labels_of_another_type_are_unknown_ones():
    class Text(Stranger):
        def predict(self, X):
            return np.where(np.arange(len(X)) % 2, "yes", "no")

    with pytest.raises(ValueError, match=r"Found the label 'no', which is not among \[0, 1\]"):
        RobustPrivacyClassifier(Text(), n_samples=50).fit(ROWS, LABELS)
