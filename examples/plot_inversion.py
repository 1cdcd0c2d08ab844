"""
============================================
Model inversion, and what noise does to it
============================================

An attacker who sees nothing but labels finds inputs that look like the private ones, and noise on
labels is a weak defence. We attack a classifier of handwritten digits 0 to 4 with a prior from the
public digits 5 to 9, and look at what defences change. The faces of the paper's experiment are on
:ref:`the page on protection <protection>`.
"""

# %%
# The model under attack has seen the private digits. Two judges, a neighbours rule and a linear
# discriminant, have seen other images of the same digits; they say whether an attack has succeeded.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.attacks import LabelOnlyInversionAttack, ModelExtractionAttack
from sklearn_rp.baselines import NoisyInputClassifier, RandomizedResponseClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
private, public = y < 5, X[y >= 5]
order = np.random.default_rng(0).permutation(np.flatnonzero(private))
train, test, other = order[:300], order[300:600], order[600:]
base = MLPClassifier((64,), max_iter=500, random_state=0).fit(X[train], y[train])
judges = {
    "neighbours": KNeighborsClassifier(5).fit(X[other], y[other]),
    "lda": LinearDiscriminantAnalysis().fit(X[other], y[other]),
}

# %%
# Without a defence. The search starts from a random input that gets the label, and walks away from
# the class's border.

attack = LabelOnlyInversionAttack(random_state=0).fit(public)
result = attack.run(base, evaluators=judges)
print(result)
fig, ax = plt.subplots(figsize=(5, 2.6), layout="constrained")
result.plot(X[train], y[train], ax=ax)
ax.set_title("Real digits, and what the attack found", fontsize=11)
plt.show()

# %%
# Four defences, each attacked with the same budget, for each of two seeds: one noisy vote, the top
# of ten with noise fresh in every call, the same ten fixed, and randomised response, which never
# looks at the input. The attacker who adapts asks each query three times. Not every pixel varies:
# pixels get noise of one common scale.

pixels = np.flatnonzero(X.std(axis=0) > 0.1)
common = {"noise_features": pixels, "noise_scale": None}
frozen = FrozenEstimator(base)


def top_of_ten(sigma, fresh):
    return RobustPrivacyClassifier(
        frozen, sigma=sigma, n_samples=10, alpha=0.9, method="monte_carlo", resample=fresh,
        random_state=0, **common,
    )  # fmt: skip


sigma, p = 0.6, 0.7
defences = {
    "none": base,
    "one noisy vote": NoisyInputClassifier(frozen, sigma, random_state=0, **common),
    "ten fixed votes": top_of_ten(sigma, False),
    "ten fresh votes": top_of_ten(sigma, True),
    "random answers": RandomizedResponseClassifier(frozen, p, random_state=0),
}

rows = []
for name, model in defences.items():
    model = model if name == "none" else model.fit(X[train], y[train])
    for repeats in (1, 3) if "fresh" in name or "random" in name else (1,):
        hits = []
        for seed in range(2):
            attack = LabelOnlyInversionAttack(
                random_state=seed, queries_per_point=repeats, max_queries=1200 * repeats
            ).fit(public)
            found = attack.run(model, evaluators=judges)
            hits.append(np.mean(list(found.success.values()), axis=0))
        hits = np.concatenate(hits)
        draws = np.random.default_rng(0).choice(hits, size=(1000, len(hits))).mean(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        rows.append(
            {
                "defence": name,
                "repeats": repeats,
                "accuracy": model.score(X[test], y[test]),
                "success": hits.mean(),
                "low": low,
                "high": high,
            }
        )
table = pd.DataFrame(rows).set_index("defence").round(2)
print(table.to_string())

# %%
# In one picture, with 95 % intervals over digits and seeds. A defence that is worth its noise is on
# the left *and* keeps its accuracy.

place = pd.Series(np.arange(len(defences)), list(defences))
accuracy = table.loc[table["repeats"] == 1, "accuracy"]
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for repeats, fmt, colour in ((1, "o", "#0072B2"), (3, "^", "#D55E00")):
    some = table[table["repeats"] == repeats]
    ax.errorbar(
        some["success"], place[some.index] + 0.1 * (repeats - 2),
        xerr=[some["success"] - some["low"], some["high"] - some["success"]],
        fmt=fmt, color=colour, ms=7, capsize=3, clip_on=False,
        label="attacker asks once" if repeats == 1 else "attacker asks three times",
    )  # fmt: skip
ax.set_yticks(place, [f"{name}\n(accuracy {accuracy[name]:.2f})" for name in place.index])
ax.set_ylim(len(place) - 0.6, -0.4)
ax.set_xlim(0, 1)
ax.set_xlabel("share of digits inverted")
ax.set_title("What defences leave to an inversion", fontsize=11)
ax.grid(axis="x", alpha=0.3)
fig.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# The top of ten noisy votes is as accurate as the model, nearly, and no defence. One noisy vote and
# random answers are inverted less often, and wrong for more than a quarter of the digits. With five
# digits and two seeds the intervals are wide.
#
# And a limit of every defence that releases labels: a student who buys enough of them learns the
# model. Here 800 labels of public images make one that agrees with three of four answers.

extraction = ModelExtractionAttack(n_queries=[50, 200, 800], random_state=0)
defended = defences["ten fresh votes"]
print(extraction.run(defended, public, X[test], y[test]).round(2).to_string(index=False))
