"""
======================
Fresh noise, or fixed?
======================

Noise can protect a label in two ways. Drawn anew for each answer, it blurs the difference between
any two rows: the fewer votes, the more. Drawn once and for all, it gives all rows around a person
the same label: the more votes, the further. One number of votes cannot serve both.
"""

# %%
# A small network on the breast-cancer data, with noise of one standard deviation on all 30
# features, and rows half a standard deviation apart: what does a label tell about which of the two
# it was?

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.exceptions import PrivacyWarning

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=100, stratify=y, random_state=0)
network = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=500, random_state=0))
model = FrozenEstimator(network.fit(X_train, y_train))
sigma, distance = 1.0, 0.5

# %%
# **Fresh noise.** ``privacy_loss`` answers in terms of Gaussian differential privacy, for any two
# rows at the distance. We read it as the chance that the best test tells from the label which of
# the two it was: it is no more than this, and a coin has 0.5. So few votes certify nothing, and a
# warning says so: it is not what they are for.


def fresh(n_votes):
    """What is released with so many fresh votes, and what is promised of it."""
    clf = RobustPrivacyClassifier(
        model, sigma=sigma, n_samples=n_votes, resample=True, random_state=0
    )
    with warnings.catch_warnings(action="ignore", category=PrivacyWarning):
        clf.fit(X_train, y_train)
    return clf, clf.privacy_loss(distance)


# %%
# **Fixed noise.** The release is a function of the row. ``release_radius`` tells within which
# radius the top of N votes is the certified label, but for a probability of 0.001: a row in there
# and the person's own are told apart with a chance of hardly more than a half. We count the people
# for whom that radius is at least the distance. Their certificates are of 2 000 votes.

fixed = RobustPrivacyClassifier(model, sigma=sigma, n_samples=2_000, random_state=0)
cert = fixed.fit(X_train, y_train).certify(X_test)

votes = [1, 3, 10, 30, 100, 300]
table = {}
for n_votes in votes:
    clf, promise = fresh(n_votes)
    table[n_votes] = {
        "accuracy": clf.score(X_test, y_test),
        "mu": promise.mu,
        "told apart": 0.5 + promise.advantage,
        "same label": np.mean(cert.release_radius(n_votes) >= distance),
    }
table = pd.DataFrame(table).T.rename_axis("votes")
print(table.loc[[1, 10, 100]].round(3).to_string())
print(f"accuracy of the network as it is: {model.score(X_test, y_test):.3f}")

# %%
# Both against the number of votes.

fig, axes = plt.subplots(1, 2, figsize=(5, 4.4), sharex=True, layout="constrained")
axes[0].plot(votes, table["told apart"], "o-", color="#D55E00")
axes[0].axhline(0.5, color="0.4", lw=1, ls=":")
axes[0].text(300, 0.505, "a coin", ha="right", va="bottom", color="0.35", fontsize=10)
axes[0].set_ylim(0.48, 1.02)
axes[0].set_ylabel("chance to tell two rows apart, at most")
axes[0].set_title("fresh noise:\nfew votes are good", fontsize=10)
axes[1].plot(votes, table["same label"], "s-", color="#0072B2")
limit = cert.at(distance).mean()
axes[1].axhline(limit, color="0.4", lw=1, ls=":")
axes[1].text(1, limit + 0.01, "certified to 0.5", va="bottom", color="0.35", fontsize=10)
axes[1].set_ylim(-0.02, 1.02)
axes[1].set_ylabel("share with one label within 0.5")
axes[1].set_title("fixed noise:\nmany votes are good", fontsize=10)
for ax in axes:
    ax.set_xscale("log")
    ax.set_xticks([1, 10, 100], ["1", "10", "100"])
    ax.grid(alpha=0.3)
fig.supxlabel("votes behind a label", fontsize=10)
fig.suptitle("Two rows half a standard deviation apart", fontsize=11)
plt.show()

# %%
# With one fresh vote the two rows are told apart with a chance of 0.60 at most, for any two rows
# and any model, and 95 of the 100 people get the right label, as many as from the network itself;
# with 100 votes the promise is 0.99, which is none. With fixed noise it is the other way round: one
# vote leaves nobody with the same label throughout the distance, 100 votes 81 % of people, and no
# number more than are certified. At ten votes both are half-hearted: 0.79, and 44 %.
#
# So decide first. Where each person is asked about once, and nobody may be an exception, take fresh
# noise and few votes; every further answer weakens the promise, and ``n_queries`` says by how much.
# Where the same person may be asked about again and again, take fixed noise and many votes, and
# accept that people near a boundary are promised nothing.
