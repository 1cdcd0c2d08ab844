"""
============================================
Model inversion, and what noise does to it
============================================

An attacker who sees nothing but labels can find inputs that a model takes for a class: does what is
found give the class's people away? We attack a classifier of handwritten digits 0 to 4 with a prior
from the public digits 5 to 9, and look at what defences change. The faces of the paper's experiment
are on :ref:`the page on protection <protection>`.
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
result.plot(X[train], y[train])
plt.show()

# %%
# Defences at several strengths, each attacked with the same budget, for each of two seeds: one
# noisy vote, the top of ten with noise fresh in every call, the same ten fixed, and randomised
# response, which never looks at the input. The attacker who adapts repeats each query ten times.
# Not every pixel varies: pixels get noise of one common scale.

pixels = np.flatnonzero(X.std(axis=0) > 0.1)
common = {"noise_features": pixels, "noise_scale": None}
frozen = FrozenEstimator(base)


def top_of_ten(sigma, fresh):
    return RobustPrivacyClassifier(
        frozen, sigma=sigma, n_samples=10, alpha=0.9, method="monte_carlo", resample=fresh,
        random_state=0, **common,
    )  # fmt: skip


defences = {"none": base}
for sigma in (0.3, 0.6):
    defences[f"one vote, sigma {sigma}"] = NoisyInputClassifier(
        frozen, sigma, random_state=0, **common
    )
    defences[f"ten fresh, sigma {sigma}"] = top_of_ten(sigma, True)
    defences[f"ten fixed, sigma {sigma}"] = top_of_ten(sigma, False)
for p in (0.9, 0.7):
    defences[f"random answer, p {p}"] = RandomizedResponseClassifier(frozen, p, random_state=0)

rows = []
for name, model in defences.items():
    model = model if name == "none" else model.fit(X[train], y[train])
    for repeats in (1, 10) if "fresh" in name or "random" in name else (1,):
        hits = []
        for seed in range(2):
            attack = LabelOnlyInversionAttack(
                random_state=seed, queries_per_point=repeats, max_queries=5000 * repeats
            ).fit(public)
            found = attack.run(model, evaluators=judges)
            hits.append(np.mean(list(found.success.values()), axis=0))
        hits = np.concatenate(hits)
        draws = np.random.default_rng(0).choice(hits, size=(1000, len(hits))).mean(axis=1)
        low, high = np.quantile(draws, [0.025, 0.975])
        rows.append(
            {
                "defence": name + (", attacker repeats" if repeats > 1 else ""),
                "accuracy": model.score(X[test], y[test]),
                "success": hits.mean(),
                "low": low,
                "high": high,
            }
        )
table = pd.DataFrame(rows).set_index("defence").round(2)
print(table.to_string())

# %%
# In one picture: success of the inversion against accuracy, with 95 % intervals over digits and
# seeds. A defence that is worth its noise is low *and* to the right.

fig, ax = plt.subplots(figsize=(8.5, 4.6), layout="constrained")
kinds = {"none": "k*", "one": "C0o", "ten fresh": "C1s", "ten fixed": "C2D", "random": "C3^"}
for kind, style in kinds.items():
    part = table[[name.startswith(kind) for name in table.index]]
    hollow = np.array(["repeats" in name for name in part.index])
    for mask, face in ((~hollow, None), (hollow, "none")):
        if mask.any():
            some = part[mask]
            ax.errorbar(
                some["accuracy"], some["success"],
                yerr=[some["success"] - some["low"], some["high"] - some["success"]],
                fmt=style, mfc=face, markersize=8, alpha=0.8,
                label=kind + (", attacker repeats" if face else ""),
            )  # fmt: skip
ax.set_xlabel("accuracy of what is released")
ax.set_ylabel("share of digits inverted")
ax.set_ylim(-0.02, 1.05)
ax.grid(alpha=0.3)
fig.legend(loc="outside right upper", fontsize=8)
plt.show()

# %%
# And a limit of every defence that releases labels: a student who buys enough of them learns the
# model. Public images alone will do.

extraction = ModelExtractionAttack(n_queries=[50, 200, 800], random_state=0)
defended = defences["ten fresh, sigma 0.3"]
print(extraction.run(defended, public, X[test], y[test]).round(2).to_string(index=False))
