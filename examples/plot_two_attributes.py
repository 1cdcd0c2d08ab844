"""
==============================
Two attributes, hidden jointly
==============================

A list of sensitive features hides them together: for every person there is a box of ages and BMIs,
each side at least the minimum, that gets one answer. Whoever knows everything else is left with the
box; whoever knows the age as well is left with its whole other side.
"""

# %%
# Ten years and five kg/m2 for everybody.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyRegressor
from sklearn_rp.inspection import ReleasePlaneDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = GradientBoostingRegressor(n_estimators=60, random_state=0)
asked = {
    "sensitive_feature": ["age", "bmi"],
    "bounds": {"age": (18, 80), "bmi": (18, 43)},
    "unit": "length",
    "minimum": {"age": 10, "bmi": 5},
}
private = AttributePrivacyRegressor(model, decimals=0, **asked).fit(X_train, y_train)

# %%
# The plane of one person: boxes of one number each, and the box that is left open.

fig, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
ReleasePlaneDisplay.from_estimator(
    private, X_test, row=4, units={"age": "years", "bmi": "kg/m²"}, answer="released number", ax=ax
)
ax.get_legend().remove()
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
ax.set_title("One person's number, at each age and BMI", fontsize=11)
plt.show()

# %%
# What is left open to whoever knows one of the two, and to whoever knows neither.

sets = private.compatible_sets(X_test)
alone = {
    "side of the box": sets.component_length.T,
    "the other one known": [sets.given_others(n).component_length for n in sets.names],
    "neither known": [sets.project(n).component_length for n in sets.names],
}
table = pd.DataFrame(
    {
        (name, feature): {"smallest": values.min(), "median": pd.Series(values).median()}
        for name, both in alone.items()
        for feature, values in zip(sets.names, both, strict=True)
    }
).T
print(table.round(1).to_string())

# %%
# And the price, on one split: R2 of the model, of this release, and of the two plain rivals with
# the same guarantee, trained anew: equal bins of both features, and neither of them.

dropped = ["age", "bmi"]
bins = make_pipeline(AttributeCoarsener(strategy="uniform", **asked), model)
scores = {
    "no privacy": private.estimator_.score(X_test, y_test),
    "hidden jointly": private.score(X_test, y_test),
    "equal bins of both": bins.fit(X_train, y_train).score(X_test, y_test),
    "both dropped": model.fit(X_train.drop(columns=dropped), y_train).score(
        X_test.drop(columns=dropped), y_test
    ),
}
print(pd.Series(scores).round(3).to_string())

# %%
# Both kinds of boxes cost little here beside dropping both features. One split cannot rank them:
# :ref:`price` has ten.
