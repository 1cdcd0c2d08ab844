"""The paper's recommendation experiment: what does a released label leave open about the BMI?

Tasks: ``programme`` (Medical Insurance Cost data, an obesity programme is recommended above 30
kg/m2: the paper's controlled task, as far as it is described), ``charges`` (the same people, label
by their insurance charges), ``diabetes`` (embedded: intensive follow-up). Base models: a network
with an l1 penalty on the first-layer weights of all features but the BMI (needs torch), gradient
boosting, a random forest, logistic regression. Noise on the BMI alone (exact), and on all numeric
features (500 votes, on fewer rows). Half of the people train, half are tested.

    python examples/benchmarks/recommendation.py --output results.csv [--data-home DIR]
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation

SIGMAS = [0.25, 0.5, 1.0, 2.0, 3.0]


class SparseNetwork(ClassifierMixin, BaseEstimator):
    """Two-layer network, l1 on the first-layer weights of all inputs but the first."""

    def __init__(self, hidden=32, l1=0.02, epochs=300, random_state=0):
        self.hidden = hidden
        self.l1 = l1
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X, y):
        import torch

        torch.manual_seed(self.random_state)
        self.classes_, target = np.unique(y, return_inverse=True)
        inputs = torch.tensor(np.asarray(X), dtype=torch.float32)
        target = torch.tensor(target)
        net = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], self.hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(self.hidden, len(self.classes_)),
        )
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(self.epochs):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(inputs), target)
            loss = loss + self.l1 * net[0].weight[:, 1:].abs().sum()
            loss.backward()
            optimizer.step()
        self.weights_ = [p.detach().numpy().astype(float) for p in net.parameters()]
        return self

    def predict(self, X):
        w1, b1, w2, b2 = self.weights_
        hidden = np.maximum(np.asarray(X, dtype=float) @ w1.T + b1, 0)
        return self.classes_[(hidden @ w2.T + b2).argmax(axis=1)]


def tasks(data_home):
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    yield "diabetes", X, y
    try:
        bunch = fetch_medical_insurance(data_home=data_home)
    except (ImportError, OSError) as error:
        print(f"insurance data not at hand: {error}")
        return
    yield "charges", bunch.data, bunch.target
    label = np.where(bunch.data["bmi"] > 30, "recommended", "not recommended")
    yield "programme", bunch.data, pd.Series(label)


def models(numbers):
    """BMI first, so that the network knows which weights are not penalised."""
    order = ["bmi", *(n for n in numbers if n != "bmi")]
    text = make_column_selector(dtype_exclude="number")

    def pipeline(model):
        return make_pipeline(
            make_column_transformer(
                (StandardScaler(), order), (OneHotEncoder(sparse_output=False), text)
            ),
            model,
        )

    try:
        import torch  # noqa: F401
    except ImportError:
        print("the network is left out: pip install 'sklearn-rp[torch]'")
    else:
        yield "network, l1", pipeline(SparseNetwork())
    yield "gradient boosting", pipeline(GradientBoostingClassifier(random_state=0))
    yield "random forest", pipeline(RandomForestClassifier(50, random_state=0))
    yield "logistic regression", pipeline(LogisticRegression(max_iter=1000))


def line(sets, cert, accuracy, prior):
    length = sets.component_length
    mass = sets.bayes_vulnerability(prior, tolerance=1.0)
    figures = {
        "accuracy": accuracy,
        "median length": np.median(length),
        "mean length": length.mean(),
        "5 % length": np.quantile(length, 0.05),
        "narrowest": length.min(),
        "median total": np.median(sets.length),
        "vulnerability": mass[1].mean(),
        "before": mass[0].mean(),
    }
    if cert is not None:
        figures |= {
            "mean radius": cert.radius.mean(),
            "median radius": np.median(cert.radius),
            "mean half-width": cert.half_width("bmi").mean(),
        }
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-home", default=None)
    parser.add_argument("--few", type=int, default=60, help="rows where all features are noised")
    parser.add_argument("--output", type=Path, default=None)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = []
    start = time.perf_counter()
    for task, X, y in tasks(args.data_home):
        numbers = list(X.select_dtypes("number"))
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.5, stratify=y, random_state=0
        )
        bounds = (X["bmi"].min(), X["bmi"].max())
        prior = X_train["bmi"].to_numpy()
        asked = {"sensitive_feature": "bmi", "bounds": bounds}
        for name, model in models(numbers):
            model.fit(X_train, y_train)
            base = {"task": task, "model": name}
            sets = compatible_sets(model, X_test, **asked)
            accuracy = model.score(X_test, y_test)
            level = base | {"noise": "none", "sigma": 0.0}
            lines.append(level | line(sets, None, accuracy, prior))
            one = RobustPrivacyClassifier(FrozenEstimator(model), noise_features="bmi")
            one.fit(X_train, y_train)
            paths = compatible_sets(one, X_test, sigmas=SIGMAS, **asked)
            certs = one.certify_path(X_test, SIGMAS)
            for sigma, sets, cert in zip(SIGMAS, paths, certs, strict=True):
                accuracy = float(np.mean(cert.label == y_test.to_numpy()))
                level = base | {"noise": "bmi", "sigma": sigma}
                lines.append(level | line(sets, cert, accuracy, prior))
            few = X_test[: args.few]
            for sigma in SIGMAS:
                everything = RobustPrivacyClassifier(
                    FrozenEstimator(model),
                    sigma=sigma,
                    noise_features=numbers,
                    n_samples=500,
                    random_state=0,
                ).fit(X_train, y_train)
                sets = compatible_sets(everything, few, resolution=48, **asked)
                cert = everything.certify(X_test)
                accuracy = float(np.mean(cert.label == y_test.to_numpy()))
                lines.append(
                    base | {"noise": "all", "sigma": sigma} | line(sets, cert, accuracy, prior)
                )
            print(f"{task}, {name}: {time.perf_counter() - start:.0f} s", flush=True)
    table = pd.DataFrame(lines).round(3)
    shown = [name for name in table if name not in ("median total", "before", "median radius")]
    print(table[shown].to_string(index=False))
    if args.output is not None:
        table.to_csv(args.output, index=False)


if __name__ == "__main__":
    main()
