"""The picture of the README: an insurance quote as a function of the BMI.

The charges of the medical insurance data (fetched, or from --data-home), histogram boosting of 30
rounds, one person of the half that the model was not fitted on.

    python examples/benchmarks/quote_picture.py --data-home DIR --output docs/quote.png
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import train_test_split

from sklearn_rp import AttributePrivacyRegressor
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import fetch_medical_insurance
from sklearn_rp.inspection import ReleaseDisplay

parser = argparse.ArgumentParser()
parser.add_argument("--data-home", type=Path)
parser.add_argument("--output", type=Path, default=Path("docs/quote.png"))
options = parser.parse_args()

data = fetch_medical_insurance(data_home=options.data_home)
X = data.data.astype(dict.fromkeys(("sex", "smoker", "region"), "category"))
X_train, X_test, y_train, _ = train_test_split(X, data.charges, test_size=0.5, random_state=0)
model = HistGradientBoostingRegressor(
    max_iter=30, categorical_features="from_dtype", early_stopping=False, random_state=0
)
asked = {"sensitive_feature": "bmi", "bounds": (15, 54)}
private = AttributePrivacyRegressor(model, minimum=0.2, decimals=0, **asked).fit(X_train, y_train)
bare = compatible_sets(private.estimator_, X_test, **asked, tolerance=0.5)
smokers = np.flatnonzero((X_test["smoker"] == "yes") & X_test["bmi"].between(24, 46))
person = int(smokers[np.argmin(bare.component_length[smokers])])

figure, ax = plt.subplots(figsize=(5.2, 3.4), layout="constrained")
display = ReleaseDisplay.from_estimator(
    private, X_test, row=person, unit="kg/m2", answer="yearly charges (USD)", ax=ax
)
low, high = display.left_open
row = X_test.iloc[person]
ax.set_title(
    f"One person's quote: {bare.component_length[person]:.2f} kg/m2 are left open\n"
    f"by the exact one, {high - low:.1f} by the released",
    fontsize=11,
)
ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace(",", " "))
figure.savefig(options.output, dpi=180)
print(dict(row), low, high, bare.component_length[person])
