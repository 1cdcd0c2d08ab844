"""
=======================================================
Quickstart: a recommendation that does not tell the BMI
=======================================================

A model recommends intensive follow-up to some patients of the diabetes study. Body mass index (BMI)
is sensitive: whoever sees a recommendation must not be able to read it off. First everybody gets a
minimum: a stretch of BMIs, never shorter than a fifth of the range, with the same label. Then we
smooth the model with noise instead, and certify for each person how far the BMI could move.
"""

# %%
# The data: ten features in raw units, one of them a category, and a text label.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier, certify
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.inspection import CertifiedAccuracyDisplay
from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy

X, y = load_recommendation(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
print(X_test.head())

# %%
# Any scikit-learn model will do. This one encodes the category, and is in production: it stays as
# it is. :class:`~sklearn_rp.AttributePrivacyClassifier` releases its labels with a minimum, without
# noise and without exceptions.

numbers = [name for name in X if name != "sex"]
encoded = ColumnTransformer([("num", StandardScaler(), numbers), ("cat", OneHotEncoder(), ["sex"])])
forest = make_pipeline(encoded, RandomForestClassifier(20, max_depth=6, random_state=0))
forest.fit(X_train, y_train)
bmi = {"sensitive_feature": "bmi", "bounds": (15, 50)}  # kg/m2: what is possible
guaranteed = AttributePrivacyClassifier(FrozenEstimator(forest), minimum=0.2, **bmi)
guaranteed.fit(X_train, y_train)
for name, release in {"as it is": forest, "a minimum": guaranteed}.items():
    narrowest = compatible_sets(release, X_test, **bmi).component_length.min()
    right = release.score(X_test, y_test)
    print(f"{name:9}  accuracy {right:.3f}, the narrowest stretch of BMIs {narrowest:.1f} kg/m2")

# %%
# A radius instead: wrapped in :class:`~sklearn_rp.RobustPrivacyClassifier`, a model answers as it
# would most often on noisy copies of each row. BMI gets noise of half its standard deviation, every
# other feature is left as it is. This model is linear.

model = make_pipeline(encoded, LogisticRegression())
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

everything = RobustPrivacyClassifier(forest, noise_features=numbers, random_state=0)
everything.fit(X_train, y_train)
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
levels = {"sigmas": [0.25, 0.5, 1.0]}
CertifiedAccuracyDisplay.from_estimator(everything, X_test, y_test, **levels, ax=ax)
ax.set_title("Certified accuracy, noise on all numbers", fontsize=11)
plt.show()

# %%
# Which noise level? The most privacy that costs no more than two points of accuracy: a search
# answers, here over the noise on BMI alone. See
# :ref:`sphx_glr_auto_examples_plot_choosing_sigma.py` for more; for a minimum that holds for
# everybody, :ref:`sphx_glr_auto_examples_plot_minimum.py`.

search = NoiseSearchCV(
    RobustPrivacyClassifier(forest, noise_features="bmi"),
    sigmas=[0.1, 0.25, 0.5, 1.0, 2.0],
    scoring={"accuracy": "accuracy", "radius": make_certificate_scorer(average_certified_radius)},
    refit=max_privacy(max_accuracy_loss=0.02),
).fit(X_train, y_train)
table = pd.DataFrame(search.cv_results_).set_index("param_sigma")
print(table[["mean_test_accuracy", "mean_test_radius"]].astype(float).round(3))
print(f"chosen: sigma = {search.best_params_['sigma']:g}")
print(f"half-width in median: {np.median(certify(search, X_test).half_width('bmi')):.1f} kg/m2")
