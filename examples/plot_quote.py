"""
=======================================
A quote that does not give the BMI away
=======================================

A number gives the BMI away, unless it is the same on a whole stretch of BMIs: at least a fifth of
the range, for every person. A premium of 8 412.37 tells it to a tenth of a unit to whoever knows
the tariff and all the rest of the form. :class:`~sklearn_rp.AttributePrivacyRegressor` releases a
step function instead: no noise, and no chance of failure.

Here the number is the progression of diabetes, from the study that scikit-learn brings along.
"""

# %%
# The model, and the release around it.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyRegressor
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.inspection import ReleaseDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
low, high = 18.0, 43.0
model = GradientBoostingRegressor(n_estimators=60, max_depth=3, random_state=0)
asked = {"sensitive_feature": "bmi", "bounds": (low, high)}
private = AttributePrivacyRegressor(model, minimum=0.2, decimals=0, **asked).fit(X_train, y_train)

# %%
# What the number of one person would be along the BMI: the model's line, the steps that are
# released, and what is left open around the person's own value.

sets = private.compatible_sets(X_test)
bare = compatible_sets(private.estimator_, X_test, **asked, tolerance=0.5)  # whole numbers
person = int(np.argmin(bare.component_length))
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ReleaseDisplay.from_estimator(
    private, X_test, row=person, unit="kg/m²", answer="progression of diabetes (score)", ax=ax
)
ax.set_title("One person's number, at each BMI", fontsize=11)
plt.show()

# %%
# What it costs, and what the number gives away: R2 on people who were not in the training, and the
# BMIs that a number, printed without decimals, leaves open to whoever knows all the rest. Beside it
# are the model without privacy, and the two plain rivals, trained anew: the BMI dropped, and in
# equal bins of a fifth of the range, the same for everybody.

alone = model.fit(X_train.drop(columns="bmi"), y_train).predict(X_test.drop(columns="bmi"))
bins = make_pipeline(AttributeCoarsener(minimum=0.2, strategy="uniform", **asked), model)
bins.fit(X_train, y_train)
rows = {
    "no privacy": (private.estimator_.predict(X_test), bare),
    "BMI dropped": (alone, None),
    "equal bins 20%": (bins.predict(X_test), compatible_sets(bins, X_test, **asked)),
}
for minimum in (0.2, 1 / 3):
    release = AttributePrivacyRegressor(model, minimum=minimum, decimals=0, **asked)
    release.fit(X_train, y_train)
    rows[f"minimum {minimum:.0%}"] = release.predict(X_test), release.compatible_sets(X_test)
table = pd.DataFrame(
    {
        name: {
            "R2": r2_score(y_test, number),
            "narrowest set (kg/m2)": high - low if s is None else s.component_length.min(),
            "median set (kg/m2)": high - low if s is None else np.median(s.component_length),
        }
        for name, (number, s) in rows.items()
    }
).T
print(table.round(3).to_string())

# %%
# One split of 442 people says little about differences of a few hundredths of R2: :ref:`price` has
# ten splits of several data sets, with intervals.
