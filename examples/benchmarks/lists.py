"""What lists of items give away, and what a minimum costs: films, and the tasks of the other pages.

MovieLens 100k (ten splits): ten films by age, gender and occupation, the age hidden to some years,
alone and together with the gender; beside the model as it is, the attribute dropped, bins of that
width for everybody with the model trained on them, and the most popular films. Then label, number
and list of one model about the same people, beside each other: what each leaves open. Last, the
time of lists of 10 of 200 items.

    python examples/benchmarks/lists.py --output lists.json [--picture FILE] [--data-home FOLDER]
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from measure import in_turn, write
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import (
    AttributeCoarsener,
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    AttributePrivacyRegressor,
    RobustPrivacyClassifier,
    RobustPrivacyRecommender,
    RobustPrivacyRegressor,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import PopularRecommender, TopItemsRecommender
from sklearn_rp.datasets import (
    fetch_medical_insurance,
    fetch_movielens_100k,
    load_recommendation,
)
from sklearn_rp.inspection import ReleasedItemsDisplay
from sklearn_rp.metrics import ndcg_at_k_score, precision_at_k_score

YEARS = (5, 10, 20)
AGES = {"age": (7, 73)}


def encoded(model):
    """A model behind an encoder of text."""
    text = OneHotEncoder(handle_unknown="ignore")
    columns = (text, make_column_selector(dtype_include=[object, "string", "category"]))
    return make_pipeline(make_column_transformer(columns, remainder="passthrough"), model)


def films():
    """Scores of films."""
    return RandomForestRegressor(100, min_samples_leaf=40, random_state=0)


def releases(columns):
    """What is compared: name, recommender, its columns, and what it hides."""
    others = [name for name in columns if name != "age"]
    yield "the model as it is", TopItemsRecommender(encoded(films())), columns
    for years in YEARS:
        given = {"sensitive_feature": "age", "minimum": years, "unit": "length", "bounds": (7, 73)}
        model = AttributePrivacyRecommender(encoded(films()), **given)
        yield f"a minimum of {years} years", model, columns
        for strategy in ("uniform", "quantile", "optimal"):
            bins = AttributeCoarsener(**given, strategy=strategy)
            model = TopItemsRecommender(make_pipeline(bins, encoded(films())))
            yield f"{strategy} bins of {years} years, trained on them", model, columns
    both = {"sensitive_feature": ["age", "gender"], "minimum": [10, 2], "bounds": AGES}
    both["unit"] = {"age": "length", "gender": "categories"}
    model = AttributePrivacyRecommender(encoded(films()), **both)
    yield "a minimum of 10 years and both genders", model, columns
    yield "the age dropped", TopItemsRecommender(encoded(films())), others
    rest = [name for name in others if name != "gender"]
    yield "age and gender dropped", TopItemsRecommender(encoded(films())), rest
    yield "the most popular films", PopularRecommender(), columns


def one_split(X, y, split):
    """Every release on one split: what it is worth, and what it leaves open of the age."""
    train, test = train_test_split(np.arange(len(X)), test_size=0.3, random_state=split)
    lines = []
    for name, model, columns in releases(list(X.columns)):
        rows, people = X.iloc[train][columns], X.iloc[test][columns]
        model.fit(rows, y.iloc[train])
        lists, truth = model.predict(people), y.iloc[test]
        line = {"split": split, "release": name}
        line["precision"] = precision_at_k_score(truth, lists, items=model.items_)
        asked = {"items": model.items_, "ordered": False}
        line["ndcg"] = ndcg_at_k_score(truth, lists, **asked)
        length, guess = np.full(len(people), 67.0), np.full(len(people), 40.0)
        if "age" in columns:
            sets = compatible_sets(model, people, sensitive_feature="age", bounds=(7, 73))
            length, guess = sets.component_length, np.mean(sets.hull(), axis=0)
        line |= {"narrowest": float(length.min()), "median": float(np.median(length))}
        line["years off"] = float(np.mean(np.abs(guess - X["age"].iloc[test])))
        lines.append(line)
    return lines


def picture(X, y, path):
    """The films of a woman of 24 who studies, by age: the model's, and with a minimum."""
    given = {"sensitive_feature": "age", "minimum": 10, "unit": "length", "bounds": (7, 73)}
    model = AttributePrivacyRecommender(encoded(films()), **given).fit(X, y)
    person = pd.DataFrame({"age": [24], "gender": ["F"], "occupation": ["student"]})
    display = ReleasedItemsDisplay.from_estimator(model, person, unit="years")
    display.ax_.set_title("Ten films for a woman who studies, by her age")
    display.ax_.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    display.figure_.savefig(path, dpi=100, bbox_inches="tight")


def tasks(data_home):
    """Tables of other pages: name, attribute, rows, label, number and item of each person."""
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    number = load_recommendation().progression
    yield "diabetes study", X, y, pd.Series(number)
    data = fetch_medical_insurance(data_home=data_home)
    yield "medical insurance", data.data, data.target, data.charges


def of_one_model(X, label, number, split):
    """Label, number and list about the same people: quality, and what is left open of the BMI.

    The list names three of ten offers, each for a tenth of the people by their number.
    """
    train, test = train_test_split(np.arange(len(X)), test_size=0.4, random_state=split)
    offer = pd.qcut(number, 10, labels=False)
    bmi = {"sensitive_feature": "bmi", "bounds": (X["bmi"].min(), X["bmi"].max())}
    noise = {"noise_features": ["bmi"], "sigma": 0.5, "random_state": 0}
    leaf = {"min_samples_leaf": 5, "random_state": 0}
    three = {"n_recommended": 3}
    step = float(np.ptp(number) / 50)
    kinds = {
        "label": (
            RandomForestClassifier(100, **leaf), label, accuracy_score,
            lambda m: m, lambda m: RobustPrivacyClassifier(m, **noise),
            lambda m: AttributePrivacyClassifier(m, **bmi),
        ),
        "number": (
            RandomForestRegressor(100, **leaf), number, r2_score,
            lambda m: m, lambda m: RobustPrivacyRegressor(m, step=step, **noise),
            lambda m: AttributePrivacyRegressor(m, **bmi),
        ),
        "list": (
            RandomForestClassifier(100, **leaf), offer, precision_at_k_score,
            lambda m: TopItemsRecommender(m, **three),
            lambda m: RobustPrivacyRecommender(m, **three, **noise),
            lambda m: AttributePrivacyRecommender(m, **three, **bmi),
        ),
    }  # fmt: skip
    rows, people, lines = X.iloc[train], X.iloc[test], []
    for kind, (model, target, score, *made) in kinds.items():
        fitted = encoded(model).fit(rows, target.iloc[train])
        for name, make in zip(("as it is", "with noise", "with a minimum"), made, strict=True):
            estimator = make(FrozenEstimator(fitted))
            if kind == "list" or name != "as it is":
                estimator.fit(rows, target.iloc[train])
            sets = compatible_sets(estimator, people, **bmi)
            answer = estimator.predict(people)
            length = sets.component_length
            lines.append(
                {"split": split, "release": kind, "how": name,
                 "score": float(score(target.iloc[test], answer)),
                 "narrowest": float(length.min()), "median": float(np.median(length)),
                 "below a twentieth": float(np.mean(length < 0.05 * sets.span)),
                 "range": sets.span}
            )  # fmt: skip
    return lines


def time_of_lists(repeats, n_people=200, n_items=200):
    """Milliseconds a person beyond the model's own answers, lists of 10 of 200 items, 64 cells."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (1000, 5))
    score = X @ rng.normal(size=(5, n_items)) + np.sin(3 * X[:, :1] + rng.normal(size=n_items))
    liked = (score > np.quantile(score, 0.9, axis=1, keepdims=True)).astype(int)
    model = RandomForestClassifier(20, max_depth=8, random_state=0).fit(X, liked)
    lines = []
    for ordered in (False, True):
        asked = {"sensitive_feature": 0, "n_recommended": 10, "domain": np.linspace(-1, 1, 64)}
        at = X.copy()
        at[:, 0] = np.linspace(-1, 1, 64)[rng.integers(64, size=1000)]
        release = AttributePrivacyRecommender(FrozenEstimator(model), ordered=ordered, **asked)
        release.fit(at, liked)
        people = at[:n_people]
        cells = np.repeat(people, 64, axis=0)
        cells[:, 0] = np.tile(np.linspace(-1, 1, 64), n_people)
        scores = release.estimator_
        seconds = in_turn(repeats, lambda s=scores, c=cells: s.predict(c),
                          lambda r=release, p=people: r.predict(p))  # fmt: skip
        beyond = (seconds[:, 1] - seconds[:, 0]) / n_people * 1000
        lines.append(
            {"ordered": ordered, "milliseconds a person beyond the model": float(np.median(beyond)),
             "the model's own": float(np.median(seconds[:, 0]) / n_people * 1000)}
        )  # fmt: skip
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path, help="where to draw the films of one person")
    parser.add_argument("--data-home")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    X, y = fetch_movielens_100k(data_home=given.data_home, return_X_y=True)
    if given.picture is not None:
        picture(X, y, given.picture)
    found = {"time": time_of_lists(given.repeats)}
    print(found["time"])
    found["one model"] = [
        {"task": name} | line
        for name, X, label, number in tasks(given.data_home)
        for split in range(given.splits)
        for line in of_one_model(X, label, number, split)
    ]
    found["films"] = [line for split in range(given.splits) for line in one_split(X, y, split)]
    table = pd.DataFrame(found["films"]).groupby("release", sort=False).mean()
    print(table.drop(columns="split").round(4).to_string())
    table = pd.DataFrame(found["one model"]).groupby(["task", "release", "how"], sort=False).mean()
    print(table.drop(columns="split").round(3).to_string())
    write(given.output, found)


if __name__ == "__main__":
    main()
