"""
==================================
A list that does not tell your age
==================================

A list of ten titles tells the age, unless the same ten are recommended throughout ten years: here
they are, for everybody, and we look at what that costs. Who knows the model, and all about a person
but the age, asks it at every age, and of the model's own lists few go with the same ten titles.
"""

# %%
# MovieLens 100k may not be handed on, so it is used if it is in scikit-learn's data folder already
# (``fetch_movielens_100k()`` puts it there). Else a task of the same kind is made, which ships with
# the package. The page :ref:`lists` has the figures of MovieLens.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_rp import AttributeCoarsener, AttributePrivacyRecommender
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import PopularRecommender, TopItemsRecommender
from sklearn_rp.datasets import fetch_movielens_100k, make_item_recommendation
from sklearn_rp.inspection import ReleasedItemsDisplay
from sklearn_rp.metrics import ndcg_at_k_score

try:
    X, liked = fetch_movielens_100k(download_if_missing=False, return_X_y=True)
except OSError:
    task = make_item_recommendation(900, 40, n_liked=12, random_state=0)
    X, liked = task.data, task.target
X_train, X_test, liked_train, liked_test = train_test_split(X, liked, test_size=0.3, random_state=0)
ages = (int(X["age"].min()), int(X["age"].max()))
print(f"{len(X)} people, {liked.shape[1]} items, ages {ages[0]} to {ages[1]}")


def model():
    """A forest of the scores of all items."""
    text = OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")
    columns = make_column_transformer(text, remainder="passthrough")
    forest = RandomForestRegressor(30, min_samples_leaf=20, random_state=0)
    return make_pipeline(columns, forest)


# %%
# What ten items tell
# -------------------
# The model's own lists, and the ages that go with each, all else being what it is.

plain = TopItemsRecommender(model(), n_recommended=10).fit(X_train, liked_train)
sets = compatible_sets(plain, X_test, sensitive_feature="age", bounds=ages)
print(f"narrowest: {sets.component_length.min():.0f} year(s), median "
      f"{np.median(sets.component_length):.0f}")  # fmt: skip

# %%
# With a minimum
# --------------
# Each stretch of at least ten years gets one list, the best for it. Below are the items of one
# person, age by age: in grey where the model would recommend them, in blue where they are released.

hidden = {"sensitive_feature": "age", "unit": "length", "bounds": ages}
private = AttributePrivacyRecommender(model(), minimum=10, **hidden).fit(X_train, liked_train)
sets = private.compatible_sets(X_test)
print(f"narrowest: {sets.component_length.min():.0f} years")
fig, ax = plt.subplots(figsize=(5, 7.5), layout="constrained")
ReleasedItemsDisplay.from_estimator(private, X_test, row=2, unit="years", ax=ax)
ax.set_title("Ten items for one person, at each age", fontsize=11)
ax.get_legend().remove()
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# What it costs
# -------------
# Precision at 10 and NDCG on people that the model has not seen, for minimums of 5 to 30 years. The
# plain ways to the same are the age in equal bins, the same for everybody, or dropped; both models
# are trained anew. The most popular items are the same for all.


def worth(recommender, columns):
    """Precision and NDCG of a recommender trained on some columns."""
    recommender.fit(X_train[columns], liked_train)
    lists = recommender.predict(X_test[columns])
    asked = {"items": recommender.items_, "ordered": False}
    precision = recommender.score(X_test[columns], liked_test)
    return precision, ndcg_at_k_score(liked_test, lists, **asked)


every, others = list(X.columns), [name for name in X.columns if name != "age"]
minima = [5, 10, 20, 30]
curve = [
    worth(AttributePrivacyRecommender(model(), minimum=years, **hidden), every) for years in minima
]
bins = [
    worth(
        TopItemsRecommender(
            make_pipeline(AttributeCoarsener(minimum=years, strategy="uniform", **hidden), model()),
            n_recommended=10,
        ),
        every,
    )
    for years in minima
]
rivals = {
    "the model as it is": worth(plain, every),
    "age dropped": worth(TopItemsRecommender(model(), n_recommended=10), others),
    "most popular": worth(PopularRecommender(n_recommended=10), every),
}
columns = pd.MultiIndex.from_product([["minimum", "equal bins"], ["precision", "NDCG"]])
print(pd.DataFrame(np.hstack([curve, bins]), minima, columns).rename_axis("years").round(3))
print(pd.DataFrame(rivals, ["precision", "NDCG"]).T.round(3))

fig, axes = plt.subplots(2, 1, figsize=(5, 6.4), layout="constrained", sharex=True)
for place, (ax, name) in enumerate(zip(axes, ("precision at 10", "NDCG at 10"), strict=True)):
    ax.plot(minima, [each[place] for each in curve], "o-", color="#0072B2", label="minimum")
    ax.plot(minima, [each[place] for each in bins], "s--", color="#E69F00", label="equal bins")
    looks = zip(("k", "#D55E00", "#009E73"), ("-", "-.", ":"), strict=True)
    for (rival, values), (colour, style) in zip(rivals.items(), looks, strict=True):
        ax.axhline(values[place], color=colour, linestyle=style, label=rival)
    ax.set_ylabel(name)
    ax.grid(alpha=0.3)
axes[1].set_xlabel("years left open to everybody, at least")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
fig.suptitle("What a minimum of years costs a list", fontsize=11)
plt.show()

# %%
# Equal bins are as good here, within a hundredth of precision, where a model may be trained anew; a
# frozen model, or another minimum for each customer, needs the estimator. Dropping the age costs
# nearly all that the model gains over the most popular items.

# %%
# Age and gender together
# -----------------------
# For everybody there is a box: ten years, and both genders, that get the same list. Whoever knows
# one of the two learns no more about the other.

both = AttributePrivacyRecommender(
    model(), sensitive_feature=["age", "gender"], minimum=[10, 2], unit=["length", "categories"],
    bounds={"age": ages},
).fit(X_train, liked_train)  # fmt: skip
sets = both.compatible_sets(X_test)
table = pd.DataFrame(sets.component_length, columns=["years", "genders"]).describe()
print(f"precision {both.score(X_test, liked_test):.3f}")
table.loc[["min", "50%", "max"]]

# %%
# Items that a person has
# -----------------------
# They are left out by a mask, which counts as known to whoever sees the list: the ten years hold
# for every mask. What the mask itself tells is another matter (:ref:`lists`).

seen = liked_test.sample(frac=0.2, axis=1, random_state=0).reindex(columns=liked.columns).notna()
mask = seen & (liked_test > 0)
lists = private.predict(X_test, exclude=mask)
again = np.array(
    [mask.loc[row, items].any() for row, items in zip(X_test.index, lists, strict=True)]
)
sets = private.compatible_sets(X_test, exclude=mask)
print(f"recommended again: {again.sum()}; narrowest: {sets.component_length.min():.0f} years")
