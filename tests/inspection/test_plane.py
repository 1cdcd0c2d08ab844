"""The plane of two sensitive features: what is drawn is what is released."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import AttributePrivacyClassifier, AttributePrivacyRegressor
from sklearn_rp.inspection import ReleasePlaneDisplay

pytest.importorskip("matplotlib").use("agg")
FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "s5"]]
BOTH = {"sensitive_feature": ["age", "bmi"]}
TREE = DecisionTreeRegressor(max_depth=5, random_state=0)


def test_each_box_has_its_answer():
    apr = AttributePrivacyRegressor(TREE, levels="model", **BOTH).fit(FRAME, Y)
    units = {"bmi": "kg/m2"}
    display = ReleasePlaneDisplay.from_estimator(apr, FRAME, row=11, units=units, answer="quote")
    boxes = display.frame()
    for end in ("low", "high"):
        people = FRAME.iloc[np.full(len(boxes), 11)].assign(
            age=boxes[f"{end}_age"].to_numpy(), bmi=boxes[f"{end}_bmi"].to_numpy()
        )
        np.testing.assert_array_equal(apr.predict(people), boxes["answer"])
    own = boxes[boxes["own"]]
    assert len(own) == 1
    assert own["answer"].iloc[0] == apr.predict(FRAME)[11]
    assert (own["low_age"] <= FRAME["age"].iloc[11]).all()
    assert (own["high_bmi"] >= FRAME["bmi"].iloc[11]).all()
    # All of the plane is drawn: whole years, and the BMIs between the ends.
    area = (boxes["high_age"] - boxes["low_age"] + 1) * (boxes["high_bmi"] - boxes["low_bmi"])
    assert area.sum() == pytest.approx(61 * (42.2 - 18.0))
    assert display.ax_.get_xlabel() == "age"
    assert display.ax_.get_ylabel() == "bmi (kg/m2)"


def test_labels():
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    apc = AttributePrivacyClassifier(tree, **BOTH).fit(FRAME, np.where(Y > 150, "high", "low"))
    boxes = ReleasePlaneDisplay.from_estimator(apc, FRAME).frame()
    assert set(boxes["answer"]) <= {"high", "low"}


def test_what_is_no_plane():
    one = AttributePrivacyRegressor(TREE, sensitive_feature="bmi", levels="model").fit(FRAME, Y)
    with pytest.raises(ValueError, match="hides no two features jointly: use ReleaseDisplay"):
        ReleasePlaneDisplay.from_estimator(one, FRAME)
    three = AttributePrivacyRegressor(
        TREE, sensitive_feature=["age", "bmi", "s5"], levels="model"
    ).fit(FRAME, Y)
    with pytest.raises(ValueError, match="The sensitive features are age, bmi, s5: a plane shows"):
        ReleasePlaneDisplay.from_estimator(three, FRAME)
    two = AttributePrivacyRegressor(TREE, levels="model", **BOTH).fit(FRAME, Y)
    with pytest.raises(ValueError, match="row=442 is not allowed: X has 442 rows"):
        ReleasePlaneDisplay.from_estimator(two, FRAME, row=442)
