"""
======================================
Noise against labels that pin you down
======================================

A label may leave only a narrow band of values open, and noise on the feature tends to remove such
bands. A hospital recommends intensive follow-up to some patients. Somebody knows all about a
patient but the body mass index (BMI), and sees our recommendation: which BMIs are still possible?
That set of values with the same label, all else fixed, is what the release leaves open.
"""

# %%
# The diabetes study, and a boosted model that recommends intensive follow-up.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import AttributePrivacyTransformer, RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.inspection import CompatibleSetDisplay

X, y = load_recommendation(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
bounds = (15, 50)  # kg/m2: what is possible, not the values of two people
model = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough"),
    GradientBoostingClassifier(n_estimators=50, random_state=0),
).fit(X_train, y_train)

# %%
# The sets of the base model, and of its smoothed versions: two different models, compared. The
# smoothed ones are exact, as BMI alone gets noise, and the model is read once for all noise levels.

asked = {"sensitive_feature": "bmi", "bounds": bounds}
smoothed = RobustPrivacyClassifier(FrozenEstimator(model), noise_features="bmi")
smoothed.fit(X_train, y_train)
sigmas = [0.25, 0.5, 1.0, 2.0]
sets = {"base model": compatible_sets(model, X_test, **asked)}
for sigma, found in zip(
    sigmas, compatible_sets(smoothed, X_test, sigmas=sigmas, **asked), strict=True
):
    sets[f"sigma = {sigma:g}"] = found

table = pd.DataFrame(
    {
        name: {
            "accuracy": np.mean(found.label == y_test.to_numpy()),
            "narrowest": found.component_length.min(),
            "5 % of people below": np.quantile(found.component_length, 0.05),
            "median": np.median(found.component_length),
            "intervals per set": found.n_components.mean(),
        }
        for name, found in sets.items()
    }
).T.round(2)
print(table.to_string())

# %%
# Each person's set, people sorted by their true BMI (black): the interval that holds it, and paler
# the others with the same label. Smoothing removes the narrow bands in which the base model's label
# pins somebody down. It does not widen a boundary that is smooth already: a person just above it
# shares the label with all above, and that is that. Nor does it promise a width to anybody: at
# ``sigma = 1`` somebody is still left with 4.4 kg/m2. For a promise see
# :ref:`sphx_glr_auto_examples_plot_minimum.py`.

fig, axes = plt.subplot_mosaic("ab;cc", figsize=(5, 7), layout="constrained")
CompatibleSetDisplay.from_predictions(
    {name: sets[name] for name in ("base model", "sigma = 1")},
    unit="kg/m²",
    ax=list(axes.values()),
)
parts = [
    Patch(color="0.3", label="same label, around the BMI"),
    Patch(color="0.75", label="same label, elsewhere"),
    Line2D([], [], color="k", marker=".", ls="", label="the person's own BMI"),
]
fig.legend(handles=parts, loc="outside lower center", ncols=1, frameon=False)
axes["a"].set_ylabel(f"{len(X_test)} people, by their BMI")
axes["c"].set_ylabel("share with no more than that")
fig.suptitle("BMIs with the same label, person by person", fontsize=11)
plt.show()

# %%
# What does seeing the label add to what an attacker can guess?
# :ref:`sphx_glr_auto_examples_plot_attribute_attack.py`.
#
# What may be published? The label, and what follows from it.
# :class:`~sklearn_rp.AttributePrivacyTransformer` replaces the column by the bounds of its
# compatible set: its output is a function of the label and of the other features alone.

apt = AttributePrivacyTransformer(
    RobustPrivacyClassifier(FrozenEstimator(model), sigma=1.0, noise_features="bmi"),
    sensitive_feature="bmi",
    bounds=bounds,
    include_prediction=True,
).fit(X_train, y_train)
print(apt.transform(X_test).head().round(2).to_string())
