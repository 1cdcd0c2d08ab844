"""Certificates of more rows than one machine holds: a dask DataFrame, partition by partition.

Joblib's dask backend needs nothing from here: ``joblib.parallel_config(backend="dask")`` spreads
the rows of any call of an estimator with `n_jobs` over a cluster.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.certifying import certify
from sklearn_rp.digest import digest
from sklearn_rp.models.inside import last_step
from sklearn_rp.models.items import gives_lists
from sklearn_rp.release import release_of
from sklearn_rp.rows import sample_positions

__all__ = ["certify_partition", "certify_to_parquet"]


def __dir__() -> list[str]:
    return __all__


_COMPARED = 64  # records of a file that is there already, from all over it


def certify_partition(
    rows: pd.DataFrame,
    estimator: Any,
    *,
    features: Sequence[str] = (),
    radius: float | None = None,
    tolerance: float | None = None,
    feature: str | None = None,
) -> pd.DataFrame:
    """Certificates of some rows as a table: one record for each row, under the row's index.

    For ``data.map_partitions(certify_partition, estimator, meta=certify_partition(X.head(0),
    estimator))``, `X` being any rows of the same columns.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_features)
        Rows.
    estimator : fitted estimator
        Anything that :func:`~sklearn_rp.certify` takes.
    features : sequence of str, default=()
        Noised features whose half-width is added, as ``half_width_<name>``.
    radius, tolerance : float, default=None
        A question that stops the votes early, as in `RobustPrivacyClassifier.certify`.
    feature : str, default=None
        In whose unit.

    Returns
    -------
    records : DataFrame of shape (n_rows, 6 + len(features))
        As from :meth:`sklearn_rp.Certificate.to_frame`; ``records.attrs`` says what all rows have
        in common: noise level, alpha, method, noised features and their scales.

    Examples
    --------
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> from sklearn_rp.distributed import certify_partition
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> clf = RobustPrivacyClassifier(noise_features=["bmi"], random_state=0).fit(X, y)
    >>> certify_partition(X.tail(3), clf, features=["bmi"]).index.tolist()
    [439, 440, 441]
    """
    if not len(rows):
        return _no_records(estimator, features).set_axis(rows.index)
    radius, tolerance = (None if v is None else float(v) for v in (radius, tolerance))
    cert = certify(estimator, rows, radius=radius, tolerance=tolerance, feature=feature)
    records = cert.to_frame(list(features))
    clash = [name for name in rows.index.names if name in records.columns]
    if clash:
        raise ValueError(
            f"The index of the rows is named {clash}, as a field of the records is: rename it."
        )
    records.attrs = {
        "sigma": cert.sigma,
        "alpha": cert.alpha,
        "method": cert.method,
        "voting": cert.voting,
        "min_radius": cert.min_radius,
        "feature_names": cert.feature_names.tolist(),
        "scale": cert.scale.tolist(),
        "question": {"radius": radius, "tolerance": tolerance, "feature": feature},
    }
    return records


def certify_to_parquet(
    estimator: Any,
    data: Any,
    path: str | os.PathLike,
    *,
    features: Sequence[str] = (),
    radius: float | None = None,
    tolerance: float | None = None,
    feature: str | None = None,
) -> pd.DataFrame:
    """Certify a dask DataFrame into a folder of Parquet files, one for each partition.

    Runs on whatever scheduler dask is set to: threads, processes, or a cluster. A file is either
    there and whole, or not there; a call that was cut off is simply made again, and goes on where
    it was: partitions whose file is there are skipped.

    Parameters
    ----------
    estimator : fitted estimator
        Anything that :func:`~sklearn_rp.certify` takes. Its release must not be random.
    data : dask.dataframe.DataFrame
        Rows. Partitions have to come in the same order, with the same rows, in every call.
    path : str or path
        A folder that all workers reach; made where it is not there.
    features : sequence of str, default=()
        Noised features whose half-width is added, as ``half_width_<name>``.
    radius, tolerance : float, default=None
        A question that stops the votes early, as in `RobustPrivacyClassifier.certify`.
    feature : str, default=None
        In whose unit.

    Returns
    -------
    partitions : DataFrame of shape (n_partitions, 3)
        ``file``, ``n_rows``, and whether it was ``skipped``. The records are read with
        ``dask.dataframe.read_parquet(path)``.

    Raises
    ------
    ImportError
        If dask or pyarrow is not installed.
    ValueError
        If the release is random; or if the folder holds other certificates: a file that was made
        from other rows or by an estimator that was fitted otherwise (digests of both are kept with
        it), or whose records, 64 from all over it, are not what the estimator says now. Nothing of
        it is overwritten.

    Examples
    --------
    >>> import tempfile
    >>> import dask.dataframe as dd  # doctest: +SKIP
    >>> from sklearn_rp.distributed import certify_to_parquet
    >>> data = dd.read_parquet("patients/")  # doctest: +SKIP
    >>> certify_to_parquet(clf, data, "certificates/", features=["bmi"])  # doctest: +SKIP
    """
    try:
        import dask
        import dask.dataframe as dd
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'certify_to_parquet needs dask and pyarrow: pip install "sklearn-rp[dask]".'
        ) from error
    if not isinstance(data, dd.DataFrame):
        raise TypeError(
            f"data={type(data).__name__} is not a dask DataFrame: make one with "
            "dask.dataframe.from_pandas or read_parquet, or use certify for rows in memory."
        )
    if getattr(release_of(estimator), "is_random", False):
        raise ValueError(
            "resample=True releases at random: a partition that is done again would be another "
            "release, and copies of a seeded estimator repeat each other's noise. Use "
            "resample=False."
        )
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.glob("part-*.parquet"))[:1]:
        before = pd.read_parquet(file, columns=[], engine="pyarrow").attrs.get("n_partitions")
        if before != data.npartitions:
            reason = f"they have {before} partitions, the data has {data.npartitions}"
            raise ValueError(_other(file, reason))
    arguments = {
        "features": list(features), "radius": radius, "tolerance": tolerance, "feature": feature,
    }  # fmt: skip
    call = uuid.uuid4().hex
    try:
        done = data.map_partitions(
            _write,
            # Sent to each worker once, not with each partition.
            dask.delayed(estimator, name=f"estimator-{call}"),
            digest(estimator),
            str(folder.absolute()),
            call,
            data.npartitions,
            arguments,
            meta={"file": "object", "n_rows": "int64", "skipped": "bool"},
            enforce_metadata=False,
        ).compute()
    finally:
        for left in folder.glob(f".*.{call}.*"):  # of workers that died
            left.unlink(missing_ok=True)
    return done.reset_index(drop=True)


def _write(
    rows: pd.DataFrame,
    estimator: Any,
    release: str,
    folder: str,
    call: str,
    n_partitions: int,
    arguments: dict[str, Any],
    partition_info: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Certify one partition into its file, where that is not there yet."""
    if partition_info is None:
        raise RuntimeError("dask did not say which partition this is.")
    file = Path(folder, f"part-{partition_info['number']:06d}.parquet")

    values = pd.util.hash_pandas_object(rows).to_numpy()
    common = {
        "n_partitions": n_partitions,
        "rows": digest([values, rows.columns.tolist(), list(rows.index.names)]),
        "release": release,
    }
    skipped = file.exists()
    if skipped:
        there = pd.read_parquet(file, engine="pyarrow")
        some = sample_positions(rows, _COMPARED)
        now = certify_partition(rows.iloc[some], estimator, **arguments)
        now.attrs |= common
        _compare(there, some, now, file)
    else:
        records = certify_partition(rows, estimator, **arguments)
        records.attrs |= common
        # Under another name first: what has the name of a partition is whole.
        draft = file.with_name(f".{file.name}.{call}.{uuid.uuid4().hex}")
        records.to_parquet(draft, engine="pyarrow", index=True)
        os.replace(draft, file)
    return pd.DataFrame({"file": [str(file)], "n_rows": [len(rows)], "skipped": [skipped]})


def _compare(there: pd.DataFrame, some: np.ndarray, now: pd.DataFrame, file: Path) -> None:
    """Refuse a file that does not hold the certificates of these rows by this estimator."""
    if there.attrs.get("rows") != now.attrs["rows"]:
        raise ValueError(_other(file, "its rows are not those of the partition"))
    if there.attrs.get("release") != now.attrs["release"]:
        raise ValueError(_other(file, "the estimator that made it was fitted otherwise"))
    if there.attrs != now.attrs or list(there.columns) != list(now.columns):
        raise ValueError(_other(file, f"it was made with {there.attrs}, now it is {now.attrs}"))
    same = all(
        # A network's probabilities may differ in the last bits with the number of rows.
        np.allclose(there[name].iloc[some], now[name], rtol=1e-6, atol=1e-9, equal_nan=True)
        if now[name].dtype.kind == "f"
        else (there[name].iloc[some].to_numpy() == now[name].to_numpy()).all()
        for name in now.columns
    )
    if not same:
        raise ValueError(_other(file, "its records are not those of the estimator"))


def _other(file: Path, reason: str) -> str:
    return (
        f"{file} holds other certificates: {reason}. Give another path, or remove the folder if "
        "they are not needed."
    )


def _no_records(estimator: Any, features: Sequence[str]) -> pd.DataFrame:
    """Certificates of no rows."""
    last = last_step(estimator)
    told = getattr(last, "items_", getattr(estimator, "classes_", np.empty(0)))
    names = ["label"]
    if gives_lists(last):
        names = [f"label_{place}" for place in range(1, last.n_recommended + 1)]
    kinds: dict[str, Any] = dict.fromkeys(names, pd.Series(told).dtype) | {
        "radius": float,
        "abstained": bool,
        "p_lower": float,
        "p_upper": float,
        "n_samples": int,
    }
    kinds |= {f"half_width_{name}": float for name in features}
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
