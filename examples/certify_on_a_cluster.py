"""
Certify millions of rows on a cluster
=====================================

A dask DataFrame is certified partition by partition into a folder of Parquet files. A file is
either whole or not there, and partitions whose file is there are skipped: cut this program off, run
it again, and it goes on. Here the cluster is this machine; with the address of a scheduler it is
any.

This page is not run when the documentation is built. It needs
``pip install "sklearn-rp[dask,plot]"``; three million rows take some minutes on two cores.

    python examples/certify_on_a_cluster.py [--rows 3000000] [--path certificates]
"""

import argparse
from functools import partial

import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.distributed import Client, LocalCluster
from sklearn.ensemble import HistGradientBoostingClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.distributed import certify_to_parquet

X, y = load_recommendation(return_X_y=True, as_frame=True)
X = X.select_dtypes("number")

# %%
# Rows that stand for a large table. Each partition is a function of its number, so that it can be
# made again by whichever worker gets it; ``dask.dataframe.read_parquet`` gives the same.


def partition(number, size):
    rng = np.random.default_rng(number)
    rows = rng.multivariate_normal(X.mean(), X.cov(), size=size)
    index = pd.RangeIndex(number * size, (number + 1) * size, name="person")
    return pd.DataFrame(rows, columns=X.columns, index=index)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--partition", type=int, default=20_000)
    parser.add_argument("--path", default="certificates")
    args = parser.parse_args()

    # %%
    # The model: exact certificates along one attribute, from the model's own thresholds.
    clf = RobustPrivacyClassifier(
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
        noise_features=["bmi"],
        random_state=0,
    ).fit(X, y)

    make = partial(partition, size=args.partition)
    numbers = range(-(-args.rows // args.partition))
    data = dd.from_map(make, numbers, meta=make(0).iloc[:0])
    with LocalCluster(threads_per_worker=1) as cluster, Client(cluster) as client:
        print(client)
        done = certify_to_parquet(clf, data, args.path, features=["bmi"])
    print(f"{done['n_rows'].sum()} rows, {done['skipped'].sum()} of {len(done)} partitions skipped")

    records = dd.read_parquet(args.path)
    print(records["half_width_bmi"].quantile([0.05, 0.5, 0.95]).compute())


if __name__ == "__main__":
    main()
