"""
===============================================
Quickstart: certify a recommendation in minutes
===============================================

A model recommends intensive follow-up to some patients of the diabetes study. Body mass index (BMI)
is sensitive: whoever sees a recommendation must not be able to read it off. We smooth the model
with noise and certify, for each person, how far the BMI could move without changing what is
released.
"""

# %%
# The data: ten features in raw units, one of them a category, and a text label.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.metrics import (
    average_certified_radius,
    certified_accuracy_score,
    make_certificate_scorer,
)

X, y = load_recommendation(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(X_test.head())

# %%
# Any scikit-learn model will do. This one scales the numbers and encodes the category. Wrapped in
# :class:`~sklearn_rp.RobustPrivacyClassifier`, it votes on noisy copies of each row: BMI gets noise
# of half its standard deviation, every other feature is left as it is, the category untouched.

numbers = [name for name in X if name != "sex"]
model = make_pipeline(
    ColumnTransformer([("num", StandardScaler(), numbers), ("cat", OneHotEncoder(), ["sex"])]),
    LogisticRegression(),
)
private = RobustPrivacyClassifier(model, sigma=0.5, noise_features="bmi", random_state=0)
private.fit(X_train, y_train)
print(f"accuracy: {model.fit(X_train, y_train).score(X_test, y_test):.3f} without smoothing")
print(f"accuracy: {private.score(X_test, y_test):.3f} with it")

# %%
# ``certify`` gives one record per person. The half-width is in the feature's own unit: this
# person's BMI could be anywhere within that many kg/m2, up or down, and the label would be the
# same. The model is linear, so that the certificate is exact: no sampling, no failure probability.

cert = private.certify(X_test)
print(cert)

people = cert.to_frame(features=["bmi"]).assign(bmi=X_test["bmi"].to_numpy())
print(people[["bmi", "label", "half_width_bmi", "abstained"]].head(8).round(2))

# %%
# How much of the accuracy is certified, and how far? Noise on all numeric features makes a stronger
# promise, about all of them at once. A forest has no closed form for the votes of its labels: this
# one is sampled, with 1 000 votes a row. No number of votes reaches beyond a fixed radius, which
# grows with the noise; with more noise the label itself gets worse.

fig, ax = plt.subplots(figsize=(6, 4), layout="constrained")
forest = make_pipeline(model[0], RandomForestClassifier(20, max_depth=6, random_state=0))
everything = RobustPrivacyClassifier(forest, noise_features=numbers, random_state=0)
everything.fit(X_train, y_train)
radii = np.linspace(0, 1.5, 200)
styles = ["-", "--", ":"]
sigmas = [0.25, 0.5, 1.0]
for sigma, style, path in zip(sigmas, styles, everything.certify_path(X_test, sigmas), strict=True):
    accuracy = [certified_accuracy_score(y_test, path, radius=r) for r in radii]
    ax.plot(radii, accuracy, style, label=f"sigma = {sigma:g}")
ax.set_xlabel("radius (standard deviations, all numeric features)")
ax.set_ylabel("certified accuracy")
ax.set_ylim(0, 1)
ax.legend(title="noise level")
plt.show()

# %%
# Which noise level? A grid search answers as for any other parameter, with the radius as one of
# the scores. The votes of a forest's probabilities do have a closed form, which makes it quick.

search = GridSearchCV(
    RobustPrivacyClassifier(
        forest, noise_features=numbers, voting="soft", method="exact", random_state=0
    ),
    {"sigma": [0.1, 0.25, 0.5, 1.0, 2.0]},
    scoring={"accuracy": "accuracy", "radius": make_certificate_scorer(average_certified_radius)},
    refit="radius",
    cv=3,
).fit(X_train, y_train)
for sigma, accuracy, radius in zip(
    search.cv_results_["param_sigma"],
    search.cv_results_["mean_test_accuracy"],
    search.cv_results_["mean_test_radius"],
    strict=True,
):
    print(f"sigma {sigma:4}: accuracy {accuracy:.3f}, average certified radius {radius:.3f}")
print(f"largest average certified radius at sigma = {search.best_params_['sigma']:g}")
