"""
==============
Choosing sigma
==============

A search answers "how much privacy can I have for one point of accuracy?", and nobody has to know
what sigma is. It scores every noise level for both, in cross-validation, and a rule picks the most
privacy within a budget.
"""

# %%
# A boosted model recommends follow-up from the diabetes study; the body mass index (BMI) is what
# its answers must not give away.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import RobustPrivacyClassifier, certify
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.inspection import CertifiedAccuracyDisplay, PrivacyUtilityDisplay
from sklearn_rp.metrics import (
    average_certified_radius,
    certified_accuracy_score,
    interval_length_score,
    make_certificate_scorer,
    make_compatible_sets_scorer,
)
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy

X, y = load_recommendation(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough"),
    GradientBoostingClassifier(n_estimators=50, max_depth=2, random_state=0),
)
smoothed = RobustPrivacyClassifier(model, noise_features="bmi")

# %%
# What counts as privacy is for you to say. Three answers: the average certified radius, in standard
# deviations; the share of people whose label is right *and* certified to 3 kg/m2 either way; and
# the interval of BMIs that the label leaves open to somebody who knows all else about the person,
# for the worst-off 5 % of people.

bmi = {"sensitive_feature": "bmi", "bounds": (15, 45)}
scoring = {
    "accuracy": "accuracy",
    "radius": make_certificate_scorer(average_certified_radius),
    "certified to 3 kg/m²": make_certificate_scorer(
        certified_accuracy_score, radius=3.0, feature="bmi"
    ),
    "interval of the worst-off": make_compatible_sets_scorer(
        interval_length_score, quantile=0.05, **bmi
    ),
}

# %%
# :class:`~sklearn_rp.model_selection.NoiseSearchCV` fits once per split and reads the model once
# for all noise levels. The paper's two operating points are two rules of
# :func:`~sklearn_rp.model_selection.max_privacy`: no loss of accuracy, and a loss that you allow.

sigmas = [0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 3.0]
search = NoiseSearchCV(
    smoothed, sigmas, scoring=scoring, refit=max_privacy(max_accuracy_loss=0.03)
).fit(X_train, y_train)
no_loss = sigmas[max_privacy(max_accuracy_loss=0.0)(search.cv_results_)]
print(f"no loss: sigma = {no_loss:g}; three points: sigma = {search.best_params_['sigma']:g}")

table = pd.DataFrame(search.cv_results_).set_index("param_sigma")
table = table[[f"mean_test_{name}" for name in scoring]].astype(float)
table.columns = list(scoring)
print(table.round(3).to_string())

# %%
# The candidates in one picture, with the standard errors over the splits. They are large beside the
# differences in accuracy: 331 people cannot tell a loss of one point from none. With
# ``one_standard_error=True`` the rule says so itself, and allows at least that much.

fig, axes = plt.subplots(2, 1, figsize=(5, 6.6), sharey=True, layout="constrained")
units = {"radius": "standard deviations", "interval of the worst-off": "kg/m²"}
for ax, (privacy, unit) in zip(axes, units.items(), strict=True):
    rule = max_privacy(0.0, privacy=privacy, one_standard_error=True)
    PrivacyUtilityDisplay.from_cv_results(
        search.cv_results_, privacy=privacy, chosen=rule, name="noise levels", ax=ax
    )
    ax.set_xlabel(f"{privacy} ({unit})")
    ax.set_ylabel("accuracy")
    ax.get_legend().remove()
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
fig.suptitle("Accuracy against privacy, with standard errors", fontsize=11)
plt.show()

# %%
# What the chosen model certifies on people that neither fit nor search has seen, in kg/m2. The
# curves end at 21.1: no exact radius goes beyond the range of the training data.

# sphinx_gallery_thumbnail_number = 2
fig, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
CertifiedAccuracyDisplay.from_estimator(
    search, X_test, y_test, sigmas=[0.1, 0.5, 1.5], feature="bmi", unit="kg/m²", ax=ax
)
ax.set_title("Right, and certified so far: new people", fontsize=11)
plt.show()
half = certify(search, X_test).half_width("bmi")
print(f"half-width: {np.median(half):.1f} kg/m2 in median, {np.quantile(half, 0.05):.2f} for 5 %")

# %%
# A word of warning. Accuracy and radius of the chosen candidate are a little optimistic, as of
# every choice made by a score: judge the final model on people kept apart, as above. The
# certificates themselves are not touched by the choice: the splits draw noise of their own.
#
# A guaranteed minimum (:class:`~sklearn_rp.AttributePrivacyClassifier`) is a dial, too, and any
# search turns it: :ref:`sphx_glr_auto_examples_plot_minimum.py`.
