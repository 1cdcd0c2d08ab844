"""The price of a minimum for numbers: steps for each row, beside what else hides an attribute.

For each task (data, attribute, target) and each minimum (share of the attribute's range): R2 on
test rows with the model itself, the attribute dropped, equal bins and best common bins for
everybody (the model trained anew on them), and AttributePrivacyRegressor with two kinds of levels.
The model is histogram boosting of 30 rounds: with more of them it overfits so few rows, and a
minimum, whose numbers are means of its answers, looks better than it is (--rounds 100). Beside the
price, the narrowest compatible set, as a share of the range; of the model itself within a
thousandth of the target's range.

Means over splits with 95 % t-intervals: of R2, of its paired difference to the model itself, and to
the best rival with the same guarantee (dropped, equal bins, best bins).

    python examples/benchmarks/quotes.py --data-home DIR --output quotes.csv [--splits 10]

DIR as for price.py. What is missing is skipped.
"""

import pandas as pd
from price import NHANES, arguments, measure
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyRegressor
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import fetch_medical_insurance

MINIMA = [0.2, 0.33, 0.5]
LEVELS = ["model", "auto"]
MODEL = HistGradientBoostingRegressor(early_stopping=False, random_state=0)


def tasks(data_home):
    """Name, attribute, features and target of each task."""
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    yield "diabetes study: progression", "bmi", X, y
    table = data_home / "medical_insurance.csv"
    if table.exists():
        fetch_medical_insurance(data_home=data_home)  # checks what is there
        X = pd.read_csv(table)
        y = X.pop("charges")
        for attribute in ("bmi", "age"):
            yield "insurance: charges", attribute, X, y
    table = data_home / "nhanes.csv"
    if table.exists():
        people = pd.read_csv(table)
        for target, attribute, more in (
            ("BPSys", "BMI", ["BMI"]),
            ("BPSys", "Age", ["BMI"]),
            ("Weight", "Height", ["Height"]),
        ):
            known = people.dropna(subset=[target, attribute])
            task = {"BPSys": "NHANES: blood pressure", "Weight": "NHANES: weight"}[target]
            yield task, attribute, known[NHANES + more], known[target]
    table = data_home / "credit_card_clients.csv"
    if table.exists():
        clients = pd.read_csv(table)
        limit = clients.pop("LIMIT_BAL")
        for attribute in ("AGE", "BILL_AMT1"):
            yield "credit: limit", attribute, clients, limit
    table = data_home / "brfss2015_diabetes.csv.zip"
    if table.exists():
        people = pd.read_csv(table)
        yield "BRFSS: BMI", "Age", people.drop(columns="BMI"), people["BMI"]
    table = data_home / "gss.csv"
    if table.exists():
        people = pd.read_csv(table)
        people = people[people["childs"] < 9]  # 9: no answer
        yield "GSS: children", "age", people.drop(columns="childs"), people["childs"]


def one_split(X, y, attribute, model, seed, rows):
    """Each release: name, minimum, R2 and the narrowest set."""
    size = min(rows, len(y) // 2)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=size, test_size=size, random_state=seed
    )
    bounds = (X[attribute].min(), X[attribute].max())
    asked = {"sensitive_feature": attribute, "bounds": bounds}

    def line(name, minimum, number, sets):
        narrowest = 1.0 if sets is None else sets.component_length.min() / sets.span
        return name, minimum, {"R2": r2_score(y_test, number), "narrowest": narrowest}

    fitted = clone(model).fit(X_train, y_train)
    near = compatible_sets(fitted, X_test, **asked, tolerance=(y.max() - y.min()) / 1000)
    yield line("no privacy", 0, near.label, near)
    rest = clone(model).fit(X_train.drop(columns=attribute), y_train)
    yield line("dropped", 0, rest.predict(X_test.drop(columns=attribute)), None)
    for minimum in MINIMA:
        for name, strategy in (("equal bins", "uniform"), ("best bins", "optimal")):
            bins = AttributeCoarsener(minimum=minimum, strategy=strategy, **asked)
            number = make_pipeline(bins, clone(model)).fit(X_train, y_train).predict(X_test)
            yield name, minimum, {"R2": r2_score(y_test, number), "narrowest": minimum}
        for levels in LEVELS:
            apr = AttributePrivacyRegressor(
                FrozenEstimator(fitted) if levels == "model" else clone(model),
                minimum=minimum, levels=levels, random_state=seed, **asked,
            ).fit(X_train, y_train)  # fmt: skip
            sets = apr.compatible_sets(X_test)
            yield line(f"minimum, {levels}", minimum, sets.label, sets)


def main():
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30, help="of boosting")
    args = parser.parse_args()
    model = clone(MODEL).set_params(max_iter=args.rounds)

    def releases(X, y, attribute, split):
        return one_split(X, y, attribute, model, split, args.rows)

    numeric = (
        (task, attribute, pd.get_dummies(X, dtype=float), y)
        for task, attribute, X, y in tasks(args.data_home)
    )
    measure(numeric, releases, args, "R2", {"narrowest": "min"})


if __name__ == "__main__":
    main()
