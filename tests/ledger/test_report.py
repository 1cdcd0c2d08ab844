"""What a report says of a ledger."""

import json

import numpy as np
import pytest

from ledger.tasks import FRAME, labels, numbers, people, several
from sklearn_rp import AttributePrivacyRegressor, privacy_report

pytest.importorskip("sqlalchemy")
from sklearn_rp.ledger import ReleaseLedger

IDS = [f"p{k}" for k in range(200)]
Y = np.where(np.arange(200) % 3, "high", "low")


def report(ledger, model, X=None, **given):
    X = people(200) if X is None else X
    return privacy_report(model, X, Y, sensitive_features="bmi", ledger=ledger, ids=IDS, **given)


def test_what_all_releases_leave_open_per_group():
    model, groups = labels(), np.arange(200) % 2
    with ReleaseLedger("sqlite://") as ledger:
        for each in several(5):
            ledger.release(each, people(200)[::2], ids=IDS[::2])  # one half of the people
        sets = ledger.sets(model, people(200), ids=IDS)
        found = report(ledger, model, groups=groups)
    table = found.left_open.set_index("group")
    assert table["n"].tolist() == [200, 100, 100]
    assert table.loc["0", "smallest"] == sets.component_length[::2].min()
    assert table.loc["0", "median"] == np.median(sets.component_length[::2])
    assert table.loc["1", "smallest"] == pytest.approx(42.2 - 18)  # nothing was released about them
    short = sets.component_length < 2 * model.minimum_
    assert short[::2].sum() > 50
    assert table["next answers constant"].tolist() == [short.sum(), short.sum(), 0]
    (said,) = [w for w in found.warnings if "less than twice the minimum" in w]
    assert f"For {short.sum()} of 200 people" in said
    # That they are constant is so, whatever the model asks next.
    for each in several(8):
        next_ = each.compatible_sets(people(200)[short], within=sets[short])
        np.testing.assert_array_equal(next_.component_length, sets[short].component_length)
    assert "went through" not in " ".join(found.not_covered)
    assert any("did not go through the ledger" in each for each in found.not_covered)
    assert json.loads(found.to_json())["left_open"][0]["n"] == 200
    assert "What all releases in the ledger leave open" in found.to_html()


def test_whose_value_has_changed_is_said():
    model = numbers(1)
    with ReleaseLedger("sqlite://") as ledger:
        ledger.release(model, people(200), ids=IDS)
        low = np.flatnonzero(people(200)["bmi"] < 25)[:3]
        X = people(200)
        X.iloc[low, 1] = 42.0
        found = privacy_report(
            model, X, np.arange(200.0), sensitive_features="bmi", ledger=ledger, ids=IDS
        )
    assert any("For 3 of 200 people the value of bmi is not in what" in w for w in found.warnings)


@pytest.mark.parametrize(
    ("features", "unit", "minimum"),
    [
        pytest.param(["age", "bmi"], "share", 0.3, marks=pytest.mark.slow),
        ("bmi", "mass", 0.3),
        ("region", "categories", 2),
    ],
)
def test_other_units_and_several_features(features, unit, minimum):
    columns = ["age", "bmi", "bp"]
    X = FRAME[columns].assign(region=FRAME["region"])
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder
    from sklearn.tree import DecisionTreeRegressor

    from ledger.tasks import Y as target  # noqa: N811

    encoder = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    model = AttributePrivacyRegressor(
        make_pipeline(encoder, DecisionTreeRegressor(max_depth=5, random_state=0)),
        sensitive_feature=features, minimum=minimum, unit=unit, levels="model",
    ).fit(X, target)  # fmt: skip
    with ReleaseLedger("sqlite://") as ledger:
        for k in range(3):
            rows = X[:200].assign(bp=X["bp"] + 5 * k)
            ledger.release(model, rows, ids=IDS)
        found = privacy_report(
            model, X[:200], target[:200], sensitive_features=features, ledger=ledger, ids=IDS
        )
        sets = ledger.sets(model, X[:200], ids=IDS)
    full = found.left_open["next answers constant"][0]
    # Mass is measured given the other features: of the same ones.
    again = model.compatible_sets(
        X[:200].assign(bp=99.0 if unit != "mass" else X["bp"]), within=sets
    )
    same = np.asarray(again.share) == np.asarray(sets.share)
    assert 0 < full <= same.sum()


def test_ledger_and_ids_belong_together():
    with pytest.raises(ValueError, match="ledger and ids belong together"):
        privacy_report(numbers(), people(200), np.arange(200.0), sensitive_features="bmi", ids=IDS)
