"""
==================================
Exact certificates against sampled
==================================

Votes cost thousands of predictions a row, certify a little less than is true, and fail with
probability alpha. For trees, forests and linear models, and for any model when one feature is
noised, the smoothed probabilities can be computed instead. What does that change?
"""

# %%
# A decision tree on the breast-cancer data, with noise on all 30 features. ``method="auto"`` would
# take the closed form by itself; here we ask for each by name.

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.metrics import abstention_rate, certified_accuracy_score

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
X_test, y_test = X_test[:100], y_test[:100]


def certify(model, **arguments):
    clf = RobustPrivacyClassifier(FrozenEstimator(model), sigma=0.5, random_state=0, **arguments)
    clf.fit(X_train, y_train)
    start = time.perf_counter()
    return clf.certify(X_test), time.perf_counter() - start


tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X_train, y_train)
runs = {
    "exact": certify(tree, method="exact"),
    "1 000 votes": certify(tree, method="monte_carlo", n_samples=1_000),
    "10 000 votes": certify(tree, method="monte_carlo", n_samples=10_000),
}
print(
    pd.DataFrame(
        {
            name: {
                "alpha": cert.alpha,
                "abstains": abstention_rate(cert),
                "certified accuracy": certified_accuracy_score(y_test, cert),
                "median radius": np.median(cert.radius),
                "ms a row": 1000 * seconds / len(cert),
            }
            for name, (cert, seconds) in runs.items()
        }
    ).T.round(3)
)

# %%
# Sampled radii stay below the exact ones, as they must: with few votes by a wide margin, and no
# number of votes reaches the clear rows, as n votes cannot certify beyond a fixed radius.

fig, ax = plt.subplots(figsize=(5, 4.2), layout="constrained")
exact = runs["exact"][0].radius
for name, marker, colour in (("1 000 votes", "o", "#0072B2"), ("10 000 votes", "^", "#D55E00")):
    ax.plot(exact, runs[name][0].radius, marker, color=colour, ms=5, alpha=0.7, label=name)
limit = max(exact.max(), 0.1)
ax.plot([0, limit], [0, limit], "k-", lw=0.8, label="equal")
ax.set_xlabel("exact radius (standard deviations)")
ax.set_ylabel("sampled radius (standard deviations)")
ax.set_title("Votes certify less than is true", fontsize=11)
ax.legend()
plt.show()

# %%
# **Forests: certain, or large?** The closed form of a forest is that of its mean probability
# (``voting="soft"``), which is less extreme than the share of noisy copies on which the forest
# decides one way (``voting="hard"``). Soft radii are smaller. Both are sound, about two different
# smoothed classifiers.

forest = RandomForestClassifier(50, random_state=0).fit(X_train, y_train)
soft, soft_seconds = certify(forest, method="exact", voting="soft")
hard, hard_seconds = certify(forest, method="monte_carlo", n_samples=5_000)
print(f"exact, soft votes:   median radius {np.median(soft.radius):.3f}, alpha {soft.alpha:g}, "
      f"abstains {abstention_rate(soft):.0%}, {1e3 * soft_seconds / 100:.1f} ms a row")  # fmt: skip
print(f"5 000 hard votes:    median radius {np.median(hard.radius):.3f}, alpha {hard.alpha:g}, "
      f"abstains {abstention_rate(hard):.0%}, {1e3 * hard_seconds / 100:.1f} ms a row")  # fmt: skip

fig, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
radii = np.linspace(0, 1.6, 200)
looks = ((soft, "-", "#0072B2", "exact, soft votes"), (hard, "--", "#D55E00", "5 000 hard votes"))
for cert, style, colour, name in looks:
    accuracy = [certified_accuracy_score(y_test, cert, radius=r) for r in radii]
    ax.plot(radii, accuracy, style, color=colour, lw=1.8, label=name)
ax.set_xlabel("radius (standard deviations)")
ax.set_ylabel("certified accuracy")
ax.set_ylim(0, 1)
ax.set_title("A random forest, smoothed in two ways", fontsize=11)
ax.legend(title="sigma = 0.5")
plt.show()

# %%
# **One sensitive feature.** With noise on a single feature the sweep reads the forest at its own
# thresholds: hard votes, exact, and the radius is the very distance to the nearest change of the
# smoothed label, on either side.

sweep, seconds = certify(forest, noise_features=["mean radius"])
low, high = sweep.interval("mean radius")
print(f"{sweep.method}, alpha {sweep.alpha:g}, {1e3 * seconds / 100:.2f} ms a row")
print(
    pd.DataFrame(
        {"mean radius": X_test["mean radius"].to_numpy(), "from": low, "to": high}
    ).head(5).round(2)
)  # fmt: skip
