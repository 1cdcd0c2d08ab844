"""Recommenders where labels and numbers go: attacks, reports, files of a cluster."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rp import (
    AttributePrivacyRecommender,
    RobustPrivacyRecommender,
    certify,
    privacy_report,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.baselines import PopularRecommender, TopItemsRecommender
from sklearn_rp.datasets import make_item_recommendation
from sklearn_rp.metrics import certified_accuracy_score, certified_precision_score

TASK = make_item_recommendation(500, 20, random_state=0)
X, Y = TASK.data[["age", "activity"]], TASK.target
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=0)
FOREST = RandomForestClassifier(10, max_depth=6, random_state=0)


def attacked(model, feature="age"):
    model.fit(X_TRAIN, Y_TRAIN)
    attack = AttributeInferenceAttack(
        model, sensitive_feature=feature, bounds=getattr(model, "bounds_", None), n_resamples=20
    )
    half = len(X_TEST) // 2
    return attack.fit(X_TEST[:half]).evaluate(X_TEST[half:])


def test_an_attacker_learns_from_lists_what_they_leave_open():
    errors = {}
    for name, model in {
        "plain": TopItemsRecommender(FOREST, n_recommended=5),
        "minimum": AttributePrivacyRecommender(
            FOREST, sensitive_feature="age", minimum=20, unit="length", n_recommended=5
        ),
        "popular": PopularRecommender(n_recommended=5),
    }.items():
        table = attacked(model).to_frame().set_index("attacker")
        errors[name] = table["error"]
        assert table["length"]["imputation"] == pytest.approx(60, abs=2)
    for attacker in ("deterministic", "bayesian", "learned"):
        plain, minimum, popular = (errors[name][attacker] for name in errors)
        assert plain < minimum < popular + 1e-9
    assert errors["plain"]["deterministic"] < 4
    assert errors["minimum"]["bayesian"] > 4


def test_several_attributes_of_a_list():
    model = AttributePrivacyRecommender(
        FOREST, sensitive_feature=["age", "activity"], minimum=[15, 1.0], unit="length",
        n_recommended=3,
    )  # fmt: skip
    result = attacked(model, ["age", "activity"])
    assert set(result.to_frame()["knows"]) == {"the others", "none"}
    assert (result.sets.component_length >= [15, 1.0 - 1e-9]).all()


@pytest.mark.parametrize(
    "model",
    [
        AttributePrivacyRecommender(FOREST, sensitive_feature="age", n_recommended=5),
        RobustPrivacyRecommender(FOREST, n_recommended=5, noise_features=["age"], random_state=0),
        TopItemsRecommender(FOREST, n_recommended=5),
    ],
)
def test_a_report_speaks_of_lists(model, tmp_path):
    report = privacy_report(
        model.fit(X_TRAIN, Y_TRAIN), X_TEST, Y_TEST, sensitive_features="age", bounds=(18, 77)
    )
    point = report.operating_point
    assert point["released"] == "lists"
    assert point["precision_at_k"] == pytest.approx(model.score(X_TEST, Y_TEST))
    plain = TopItemsRecommender(FOREST, n_recommended=5).fit(X_TRAIN, Y_TRAIN)
    assert point["precision_at_k_without_privacy"] == pytest.approx(plain.score(X_TEST, Y_TEST))
    assert point["precision_at_k_of_popular_items_alone"] < point["precision_at_k"]
    assert 0 < point["ndcg_at_k"] < 1
    assert "list leaves open of age" in repr(report)
    assert "same list" in report.to_html(tmp_path / "report.html")
    assert report.to_dict()["sets"]["age"][0]["n"] == len(X_TEST)


def test_a_report_warns_of_lists_that_are_no_better_than_the_popular_ones():
    model = PopularRecommender(n_recommended=5).fit(X_TRAIN, Y_TRAIN)
    report = privacy_report(model, X_TEST, Y_TEST, sensitive_features="age")
    assert any("most popular ones alone" in each for each in report.warnings)


def test_certified_precision():
    model = RobustPrivacyRecommender(FOREST, n_recommended=5, noise_features=["age"])
    cert = model.fit(X_TRAIN, Y_TRAIN).certify(X_TEST)
    place = Y.columns.get_indexer(cert.label.ravel()).reshape(cert.label.shape)
    precision = np.take_along_axis(Y_TEST.to_numpy(), place, axis=1).mean(axis=1)
    for radius in (0.0, 0.05, 0.3):
        expected = np.where(cert.at(radius), precision, 0).mean()
        assert certified_precision_score(Y_TEST, cert, radius=radius) == pytest.approx(expected)
    years = certified_precision_score(Y_TEST, cert, radius=2.0, feature="age")
    assert years == pytest.approx(np.where(cert.half_width("age") >= 2, precision, 0).mean())
    with pytest.raises(ValueError, match="of lists: use certified_precision_score"):
        certified_accuracy_score(Y_TEST.iloc[:, 0], cert)


def test_certificates_of_lists_in_files_of_a_cluster(tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    pytest.importorskip("pyarrow")
    from sklearn_rp.distributed import certify_partition, certify_to_parquet

    model = RobustPrivacyRecommender(FOREST, n_recommended=3, noise_features=["age"])
    model = make_pipeline(StandardScaler().set_output(transform="pandas"), model)
    model.fit(X_TRAIN, Y_TRAIN)
    data = dd.from_pandas(X_TEST, npartitions=3)
    done = certify_to_parquet(model, data, tmp_path / "certificates", features=["age"])
    assert done["n_rows"].sum() == len(X_TEST)
    read = pd.concat([pd.read_parquet(f) for f in sorted((tmp_path / "certificates").glob("*"))])
    expected = certify(model, X_TEST).to_frame("age")
    pd.testing.assert_frame_equal(read.loc[X_TEST.index], expected, check_dtype=False)
    again = certify_to_parquet(model, data, tmp_path / "certificates", features=["age"])
    assert again["skipped"].all()
    empty = certify_partition(X_TEST[:0], model, features=["age"])
    assert list(empty.columns) == list(expected.columns)
