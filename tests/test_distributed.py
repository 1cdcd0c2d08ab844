"""Beyond one machine: nothing lost, nothing twice, the same bits."""

import os
import signal
import sys
import threading
import time
from copy import deepcopy

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_rp import RobustPrivacyClassifier, certify
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.distributed import certify_partition, certify_to_parquet

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("pyarrow")

X, Y = load_recommendation(return_X_y=True, as_frame=True)
X = X.select_dtypes("number")
DATA = dd.from_pandas(X, npartitions=5)
FOREST = RandomForestClassifier(5, max_depth=4, random_state=0).fit(X, Y)


def smooth(**arguments):
    arguments = {"method": "monte_carlo", "n_samples": 50, "random_state": 0} | arguments
    return RobustPrivacyClassifier(FrozenEstimator(FOREST), **arguments).fit(X, Y)


CLF = smooth()
OTHER = RobustPrivacyClassifier(
    FrozenEstimator(RandomForestClassifier(5, max_depth=2, random_state=1).fit(X, Y)),
    method="monte_carlo", n_samples=50, random_state=0,
).fit(X, Y)  # fmt: skip
# The last leaf of the last tree has another value: no record of 64 may tell.
NEARLY = deepcopy(CLF)
NEARLY.estimator_.estimator.estimators_[-1].tree_.value[-1] += 1e-6
CHANGED = X.copy()
CHANGED.iloc[-1, 0] += 1


@pytest.fixture(autouse=True)
def _one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def read(path):
    return pd.concat([pd.read_parquet(file) for file in sorted(path.glob("part-*.parquet"))])


def expected(clf=CLF, features=("bmi",), rows=X, **question):
    return certify(clf, rows, **question).to_frame(list(features)).set_axis(rows.index)


def test_one_record_for_each_row_with_the_bits_of_one_process(tmp_path):
    done = certify_to_parquet(CLF, DATA, tmp_path / "new" / "folder", features=["bmi"])
    assert done["n_rows"].sum() == len(X)
    assert not done["skipped"].any()
    pd.testing.assert_frame_equal(read(tmp_path / "new" / "folder"), expected(), check_exact=True)
    again = dd.read_parquet(tmp_path / "new" / "folder").compute()
    pd.testing.assert_frame_equal(
        again.sort_index(), expected(), check_exact=True, check_dtype=False
    )


def test_what_is_there_is_skipped(tmp_path):
    first = certify_to_parquet(CLF, DATA, tmp_path)
    files = [os.stat(file) for file in first["file"]]
    os.remove(first["file"][1])
    second = certify_to_parquet(CLF, DATA, tmp_path)
    assert second["skipped"].tolist() == [True, False, True, True, True]
    for number, before in enumerate(files):
        same = os.stat(first["file"][number]).st_mtime_ns == before.st_mtime_ns
        assert same == (number != 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"part-{i:06d}.parquet" for i in range(5)]
    pd.testing.assert_frame_equal(read(tmp_path), expected(features=()), check_exact=True)


@pytest.mark.parametrize(
    ("clf", "data", "more", "message"),
    [
        (smooth(sigma=0.5), DATA, {}, "fitted otherwise"),
        (smooth(random_state=1), DATA, {}, "fitted otherwise"),
        (OTHER, DATA, {}, "fitted otherwise"),
        (NEARLY, DATA, {}, "fitted otherwise"),
        (CLF, dd.from_pandas(X, npartitions=6), {}, "the data has 6"),
        (CLF, dd.from_pandas(X, npartitions=2), {}, "the data has 2"),
        (CLF, DATA + 1.0, {}, "its rows are not those of the partition"),
        (CLF, dd.from_pandas(CHANGED, npartitions=5), {}, "its rows are not those"),
        (CLF, DATA, {"features": ["bmi"]}, "it was made with"),
        (CLF, DATA, {"radius": 0.1}, "it was made with"),
    ],
)
def test_a_folder_of_other_certificates_is_refused(tmp_path, clf, data, more, message):
    certify_to_parquet(CLF, DATA, tmp_path)
    before = read(tmp_path)
    with pytest.raises(ValueError, match=message):
        certify_to_parquet(clf, data, tmp_path, **more)
    pd.testing.assert_frame_equal(read(tmp_path), before)


def test_the_same_model_from_a_file_goes_on(tmp_path):
    file = tmp_path / "model"
    joblib.dump(CLF, file)
    certify_to_parquet(CLF, DATA, tmp_path / "parts")
    again = joblib.load(file)
    assert certify_to_parquet(again, DATA, tmp_path / "parts")["skipped"].all()
    assert certify_to_parquet(smooth(n_jobs=1), DATA, tmp_path / "parts")["skipped"].all()


def shifted(X, by):
    return X + by


def test_steps_before_the_model_are_part_of_it(tmp_path):
    def behind(shift):
        step = FunctionTransformer(shifted, kw_args={"by": shift})
        return make_pipeline(step, FrozenEstimator(CLF))

    certify_to_parquet(behind(0.0).fit(X, Y), DATA, tmp_path)
    with pytest.raises(ValueError, match="fitted otherwise"):
        certify_to_parquet(behind(1e-9).fit(X, Y), DATA, tmp_path)


class Switched(ClassifierMixin, BaseEstimator):
    """Answers by something outside of itself."""

    high = True

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.where(np.asarray(X["bmi"]) > 25, *self.classes_[:: 1 if type(self).high else -1])


def test_what_no_digest_sees_the_records_show(tmp_path, monkeypatch):
    clf = RobustPrivacyClassifier(Switched(), noise_features=["bmi"], random_state=0).fit(X, Y)
    certify_to_parquet(clf, DATA, tmp_path)
    monkeypatch.setattr(Switched, "high", False)
    with pytest.raises(ValueError, match="its records are not those of the estimator"):
        certify_to_parquet(clf, DATA, tmp_path)


def test_questions_and_pipelines(tmp_path):
    model = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        RobustPrivacyClassifier(
            RandomForestClassifier(5, max_depth=4, random_state=0),
            method="monte_carlo", n_samples=3000, random_state=0,
        ),
    ).fit(X, Y)  # fmt: skip
    question = {"radius": 0.05, "feature": "bmi"}
    certify_to_parquet(model, DATA, tmp_path, **question)
    want = expected(model, (), **question)
    assert want["n_samples"].nunique() > 1
    pd.testing.assert_frame_equal(read(tmp_path), want, check_exact=True)


def test_empty_partitions(tmp_path):
    data = DATA[DATA["bmi"] > 40]
    done = certify_to_parquet(CLF, data, tmp_path, features=["bmi"])
    assert (done["n_rows"] == 0).any()
    rows = X[X["bmi"] > 40]
    pd.testing.assert_frame_equal(read(tmp_path), expected(rows=rows), check_dtype=False)
    assert certify_to_parquet(CLF, data, tmp_path, features=["bmi"])["skipped"].all()
    table = certify_partition(X[:0], CLF, features=["bmi"])
    assert table.dtypes.to_dict() == expected().dtypes.to_dict()


def test_the_index_is_kept(tmp_path):
    rows = X.set_axis(pd.RangeIndex(10, 10 + len(X), name="person"))
    certify_to_parquet(CLF, dd.from_pandas(rows, npartitions=3), tmp_path)
    back = dd.read_parquet(tmp_path).compute()
    assert back.index.equals(rows.index)
    assert back.index.name == "person"
    dated = X.set_axis(pd.date_range("2026-01-01", periods=len(X)))
    data = dd.from_pandas(dated, npartitions=3)
    data = data[data["bmi"] > 40]
    for _ in range(2):
        done = certify_to_parquet(CLF, data, tmp_path / "dates")
    assert done["skipped"].all()
    with pytest.raises(Exception, match=r"index of the rows is named \['label'\]"):
        certify_partition(X.rename_axis("label"), CLF)


def test_numbers_of_any_kind(tmp_path):
    certify_to_parquet(CLF, DATA, tmp_path, radius=np.float32(0.5))
    assert certify_to_parquet(CLF, DATA, tmp_path, radius=float(np.float32(0.5)))["skipped"].all()


def test_drafts_of_another_call_are_left_alone(tmp_path):
    draft = tmp_path / ".part-000001.parquet.othercall.1234"
    draft.write_bytes(b"still being written")
    certify_to_parquet(CLF, DATA, tmp_path)
    assert draft.exists()


def test_as_a_function_of_partitions():
    meta = certify_partition(X.head(0), CLF, features=["bmi"])
    found = DATA.map_partitions(certify_partition, CLF, features=["bmi"], meta=meta).compute()
    pd.testing.assert_frame_equal(found, expected(), check_exact=True)


def test_what_cannot_be_done(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="data=DataFrame is not a dask DataFrame"):
        certify_to_parquet(CLF, X, tmp_path)
    with pytest.raises(ValueError, match="resample=True releases at random"):
        certify_to_parquet(smooth(resample=True), DATA, tmp_path)
    with pytest.raises(Exception, match="is not a noised feature"):
        certify_to_parquet(CLF, DATA, tmp_path, features=["bmu"])
    assert not list(tmp_path.iterdir())
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(ImportError, match=r"sklearn-rp\[dask\]"):
        certify_to_parquet(CLF, DATA, tmp_path)


@pytest.fixture
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as local,
        distributed.Client(local) as client,
        dask.config.set(scheduler=client),
    ):
        yield client


class Slow(ClassifierMixin, BaseEstimator):
    """A model that takes its time, so that a worker can die in the middle of its work."""

    def fit(self, X, y):
        self.inner_ = FOREST
        self.classes_ = FOREST.classes_
        return self

    def predict(self, X):
        time.sleep(0.1)
        return self.inner_.predict(X)


def make_rows(number):
    """One partition of synthetic rows, always the same."""
    rng = np.random.default_rng(number)
    rows = rng.normal(X.mean(), X.std(), size=(50, X.shape[1]))
    return pd.DataFrame(rows, columns=X.columns, index=range(50 * number, 50 * number + 50))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
@pytest.mark.filterwarnings("ignore")
def test_a_worker_dies(tmp_path, cluster):
    from sklearn.utils import get_tags

    clf = RobustPrivacyClassifier(
        Slow(), method="monte_carlo", n_samples=60, noise_features=["bmi"], random_state=0
    ).fit(X, Y)
    assert get_tags(clf).non_deterministic is False
    data = dd.from_map(make_rows, range(16), meta=make_rows(0).iloc[:0])
    pids = cluster.run(os.getpid)
    killed = []

    def kill():
        while len(list(tmp_path.glob("part-*"))) < 3:
            time.sleep(0.02)
        pid = next(iter(pids.values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    done = certify_to_parquet(clf, data, tmp_path, features=["bmi"])
    thread.join()
    assert killed
    assert len(done) == 16
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"part-{i:06d}.parquet" for i in range(16)
    ]
    rows = pd.concat([make_rows(i) for i in range(16)])
    found = read(tmp_path)
    assert found.index.tolist() == list(range(800))
    pd.testing.assert_frame_equal(found, expected(clf, rows=rows), check_exact=True)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_joblibs_dask_backend_gives_the_same_bits(cluster):
    from joblib import parallel_config

    clf = smooth(n_samples=500)
    alone = clf.certify(X)
    with parallel_config(backend="dask", n_jobs=2):
        there = clf.certify(X)
        share = clf.predict_proba(X)
    assert there.to_json() == alone.to_json()
    np.testing.assert_array_equal(share, clf.predict_proba(X))
