"""
================================
A minimum guaranteed to everyone
================================

Smoothing tends to remove the narrow bands in which a label pins somebody down; it guarantees no
width. :class:`~sklearn_rp.AttributePrivacyClassifier` does: whoever sees the label, and knows all
the rest, is left with at least a fifth of the range of the BMI, for every person, always. There is
no noise in it.
"""

# %%
# A boosted model that is in production already, wrapped as it is: privacy in one line, without
# training again.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, train_test_split

from sklearn_rp import AttributePrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.metrics import interval_length_score, make_compatible_sets_scorer
from sklearn_rp.model_selection import max_privacy

X, y = load_recommendation(return_X_y=True, as_frame=True)
X = X.drop(columns="sex")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
bounds = (X["bmi"].min(), X["bmi"].max())
asked = {"sensitive_feature": "bmi", "bounds": bounds}
model = FrozenEstimator(GradientBoostingClassifier(random_state=0).fit(X_train, y_train))
private = AttributePrivacyClassifier(model, minimum=0.2, random_state=0, **asked).fit(
    X_train, y_train
)

before = compatible_sets(model, X_test, **asked)
after = private.compatible_sets(X_test)
for name, sets in (("model", before), ("with the minimum", after)):
    print(
        f"{name:17} narrowest {sets.component_length.min():5.2f} kg/m2, "
        f"accuracy {np.mean(sets.label == y_test):.3f}"
    )

# %%
# What the label of one person would be along the BMI, before and after. The labelling with the
# minimum agrees with the model as often as any can, at the BMIs that people like this one have.

person = int(np.argmin(before.component_length))
along = pd.concat([X_test.iloc[[person]]] * 600)
along["bmi"] = np.linspace(*bounds, 600)
fig, axes = plt.subplots(2, 1, figsize=(6.5, 2.6), sharex=True, layout="constrained")
for ax, clf, name in zip(axes, (model, private), ("model", "minimum 20 %"), strict=True):
    intensive = clf.predict(along) == "intensive follow-up"
    ax.fill_between(along["bmi"], 0, intensive, step="mid", color="C0", lw=0)
    ax.fill_between(along["bmi"], 0, ~intensive, step="mid", color="0.85", lw=0)
    ax.axvline(X_test["bmi"].iloc[person], color="k", lw=1.5)
    ax.set_yticks([])
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
axes[0].set_title(
    "blue: intensive follow-up, grey: standard; line: the person's own BMI", fontsize=10
)
axes[1].set_xlabel("BMI (kg/m2)")
plt.show()

# %%
# Who pays? Accuracy before and after, by age and by the BMI itself, with the number of people.

groups = {
    "all": np.ones(len(X_test), dtype=bool),
    "younger half": X_test["age"] <= X_test["age"].median(),
    "older half": X_test["age"] > X_test["age"].median(),
    "lower BMI": X_test["bmi"] <= X_test["bmi"].median(),
    "higher BMI": X_test["bmi"] > X_test["bmi"].median(),
}
print(
    pd.DataFrame(
        {
            name: {
                "people": int(np.sum(rows)),
                "accuracy before": np.mean((before.label == y_test)[rows]),
                "accuracy after": np.mean((after.label == y_test)[rows]),
                "labels changed": np.mean((before.label != after.label)[rows]),
            }
            for name, rows in groups.items()
        }
    )
    .T.round(3)
    .to_string()
)

# %%
# How much may be asked for? The minimum is a parameter like any other, and a search finds the most
# of it that costs no more than a point of accuracy.

search = GridSearchCV(
    AttributePrivacyClassifier(GradientBoostingClassifier(random_state=0), random_state=0, **asked),
    {"minimum": [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0]},
    scoring={
        "accuracy": "accuracy",
        "narrowest": make_compatible_sets_scorer(interval_length_score, quantile=0, **asked),
    },
    refit=max_privacy(max_accuracy_loss=0.01, privacy="narrowest"),
    cv=5,
).fit(X_train, y_train)
print(f"most privacy for one point of accuracy: minimum {search.best_params_['minimum']:.0%}")
results = pd.DataFrame(search.cv_results_)

fig, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
ax.errorbar(
    100 * results["param_minimum"].astype(float),
    results["mean_test_accuracy"],
    results["std_test_accuracy"] / np.sqrt(5),
    fmt="o-",
    capsize=3,
)
ax.set_xlabel("guaranteed minimum (% of the range of the BMI)")
ax.set_ylabel("accuracy (5 folds, one standard error)")
ax.set_ylim(0.55, 0.85)
plt.show()

print(results[["param_minimum", "mean_test_accuracy", "mean_test_narrowest"]].round(3).to_string())
