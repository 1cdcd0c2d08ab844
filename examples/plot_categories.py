"""
===============================
Hiding a category, not a number
===============================

Noise on a category wipes a narrow set out or leaves it as it is; a guaranteed minimum widens it to
what is asked for, or wipes it out. Here the category is an age band, and everything is counted out,
band by band: nothing is sampled.
"""

# %%
# The diabetes study, with the age given in bands of ten years, as published tables give it. Two
# columns are categories; nothing below uses that one of them has an order. The model is a forest
# behind a one-hot encoder.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation

bands = ["19-29", "30-39", "40-49", "50-59", "60-69", "70-79"]
X, y = load_recommendation(return_X_y=True, as_frame=True)
X["age"] = pd.cut(X["age"], [18, 29, 39, 49, 59, 69, 79], labels=bands)
X["sex"] = X["sex"].astype("category")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["age", "sex"]), remainder="passthrough"),
    RandomForestClassifier(50, random_state=0),
).fit(X_train, y_train)
asked = {"sensitive_feature": "age", "bounds": bands}

# %%
# Noise on a category draws it anew: ``sigma`` is the probability that this happens, and each of the
# six bands is then as likely as the others. A minimum of k categories is another thing: the labels
# are assigned to the bands anew, as close to the model as can be, so that each label that is used
# at all covers k bands or more.

models = {"model": model}
for sigma in (0.5, 0.7, 0.9):
    models[f"sigma = {sigma}"] = RobustPrivacyClassifier(
        FrozenEstimator(model), sigma=sigma, noise_features="age"
    ).fit(X_train, y_train)
for k in (2, 3):
    models[f"minimum {k}"] = AttributePrivacyClassifier(
        FrozenEstimator(model), minimum=k, unit="categories", random_state=0, **asked
    ).fit(X_train, y_train)

sets = {name: compatible_sets(clf, X_test, **asked) for name, clf in models.items()}
table = pd.DataFrame(
    {
        name: {
            "accuracy": f"{np.mean(found.label == y_test):.3f}",
            **{f"{k} open": int(np.sum(found.length == k)) for k in range(1, 7)},
        }
        for name, found in sets.items()
    }
).T
print(f"People among {len(X_test)} whose label leaves so many of the 6 bands open:")
print(table.to_string())

# %%
# For most people the age does not matter to the label, and all six bands stay open. For a few it
# does, and then the label may leave only one band or two. Drawing anew half of the time changes
# nothing at all, and that is arithmetic: with two labels, one that covers k of m bands survives as
# long as sigma * (1 - k / m) is below a half. Sets of one band give way above 0.6, sets of two
# above 0.75, and a label that covers half of the bands never does. So noise wipes a narrow set out,
# and the label of that person does not depend on the age any more; a minimum widens the set to what
# is asked for, or wipes it out where that fits the model better. With more than two labels the
# arithmetic is less simple, and the minimum is still what it says. Accuracies differ by one person.

# %%
# The ten people with the narrowest sets of the model, band by band: what the label would be, and
# the band that they are in (dot).

people = np.argsort(sets["model"].length, kind="stable")[:10]
shown = {
    "model": "model\nas it is",
    "sigma = 0.7": "noise,\nsigma = 0.7",
    "minimum 3": "minimum of\n3 bands",
}
along = X_test.iloc[np.repeat(people, len(bands))].copy()
along["age"] = pd.Categorical(bands * len(people), categories=bands)
own = X_test["age"].iloc[people].cat.codes

fig, axes = plt.subplots(1, 3, figsize=(5, 4.6), sharey=True, layout="constrained")
colours = ["#0072B2", "#F0E442"]
for ax, (name, title) in zip(axes, shown.items(), strict=True):
    intensive = models[name].predict(along) == "intensive follow-up"
    ax.pcolormesh(
        ~intensive.reshape(len(people), -1), cmap=ListedColormap(colours),
        vmin=0, vmax=1, edgecolors="white", linewidth=1.5,
    )  # fmt: skip
    ax.plot(own + 0.5, np.arange(len(people)) + 0.5, "o", color="black", mec="white", ms=7)
    ax.set_xticks(np.arange(len(bands)) + 0.5, bands, rotation=90)
    ax.set_title(title, fontsize=10)
    ax.set_yticks([])
axes[0].invert_yaxis()
axes[0].set_ylabel("ten people, narrowest sets first")
axes[1].set_xlabel("age (years)")
fig.legend(
    handles=[Patch(color=colours[0], label="intensive"), Patch(color=colours[1], label="standard")],
    loc="outside lower center", ncols=2, title="follow-up", frameon=False,
)  # fmt: skip
fig.suptitle("Label of ten people in each age band; dot: their own", fontsize=11)
plt.show()

# %%
# A certificate speaks of the smoothed label. Two different categories are at distance 1. The radius
# is 2 where every band gets the same label, and 0 elsewhere: all or nothing, where the set counts
# the bands. It has no failure probability.

cert = models["sigma = 0.7"].certify(X_test)
hidden = cert.radius > 1
print(f"method {cert.method}, alpha {cert.alpha:g}, all bands open: {hidden.sum()} people")
print("the same people as by their sets:", np.array_equal(hidden, sets["sigma = 0.7"].length == 6))
