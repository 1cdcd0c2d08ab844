"""
=================================================
Privacy for a recommendation model in ten minutes
=================================================

A hospital recommends intensive follow-up to some patients. Somebody knows all about a patient but
the body mass index (BMI), and sees our recommendation. Which BMIs are still possible? That set of
values with the same label, all else fixed, is what the release leaves open. We look at it with and
without smoothing, in kg/m2; measure what an attacker gains; and publish what is safe to publish.
"""

# %%
# The diabetes study, and a boosted model that recommends intensive follow-up.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import AttributePrivacyTransformer, RobustPrivacyClassifier
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.inspection import CompatibleSetDisplay

X, y = load_recommendation(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
bounds = (X["bmi"].min(), X["bmi"].max())
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
# shares the label with all above, and that is that.

CompatibleSetDisplay.from_predictions(
    {name: sets[name] for name in ("base model", "sigma = 1")}, unit="kg/m²"
)
plt.show()

# %%
# Does it hurt to see the label? Only beside the **imputation baseline**, the same attacker without
# the label, does an attack's success mean anything: ``gain`` is the error that seeing the label
# saves against it, person by person, with a 95 % confidence interval over people.

one = RobustPrivacyClassifier(FrozenEstimator(model), sigma=1.0, noise_features="bmi")
for name, target in (("base model", model), ("sigma = 1", one.fit(X_train, y_train))):
    attack = AttributeInferenceAttack(target, **asked).fit(X_train)
    result = attack.evaluate(X_test).to_frame().set_index("attacker")
    print(name)
    shown = ["error", "gain", "gain_low", "gain_high", "length", "coverage"]
    print(result[shown].round(2).to_string(), "\n")

# %%
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
