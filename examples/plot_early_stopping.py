"""
==================================
Votes that stop when they are sure
==================================

Whether a radius is at least so much takes far fewer votes than how large it is: most rows answer
after a few hundred. Votes cost a prediction each, so that it pays to ask the smaller question.
"""

# %%
# A small network on images of digits: votes have to be cast, up to 10 000 for each image. Noise and
# radius are in units of the pixels, which go from 0 to 1; pixels that hardly vary get no noise.

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from sklearn_rp import RobustPrivacyClassifier

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=500, test_size=100, stratify=y, random_state=0
)
clf = RobustPrivacyClassifier(
    MLPClassifier((32,), learning_rate_init=0.01, max_iter=500, random_state=0),
    sigma=0.25,
    noise_features=np.flatnonzero(X_train.std(axis=0) > 0.1),
    noise_scale=None,
    n_samples=10_000,
    random_state=0,
).fit(X_train, y_train)

# %%
# All votes for every image, and then the question: is the radius at least a half? With
# ``radius=0.5`` the votes come in growing rounds, and an image leaves as soon as its answer is
# certain, either way. The failure probability ``alpha`` is shared among the rounds, so that it is
# the same for the whole.

asked = 0.5
certs, seconds = {}, {}
for name, question in (("all votes", {}), ("the question", {"radius": asked})):
    start = time.perf_counter()
    certs[name] = clf.certify(X_test, **question)
    seconds[name] = time.perf_counter() - start
full, early = certs.values()
print(
    pd.DataFrame(
        {
            name: {
                "votes in all": f"{cert.n_samples.sum():,}".replace(",", " "),
                "median of a row": f"{np.median(cert.n_samples):.0f}",
                "radius at least 0.5": int(cert.at(asked).sum()),
                "seconds": f"{seconds[name]:.1f}",
            }
            for name, cert in certs.items()
        }
    ).T.to_string()
)
print(f"same answer: {np.sum(early.at(asked) == full.at(asked))} of {len(X_test)} rows")
print(f"same label:  {np.sum(early.label == full.label)} of {len(X_test)} rows")

# %%
# Who needs many votes? Those whose radius is close to the question. On the left each image, by its
# radius from all votes; on the right how many images left after how many votes.

fig, (ax, side) = plt.subplots(
    1, 2, figsize=(5, 4), sharey=True, width_ratios=[2, 1], layout="constrained"
)
for mask, colour, marker, name in (
    (full.at(asked), "#0072B2", "o", "at least 0.5"),
    (~full.at(asked), "#D55E00", "^", "less than 0.5"),
):
    ax.plot(full.radius[mask], early.n_samples[mask], marker, color=colour, ms=5, alpha=0.7,
            label=name)  # fmt: skip
ax.axvline(asked, color="0.4", lw=1)
ax.set_yscale("log")
ax.set_xlabel("radius from all votes (pixel units)")
ax.set_ylabel("votes until the answer")
ax.set_title("one point per image", fontsize=10)
fig.legend(title="radius", loc="outside lower center", ncols=2, frameon=False)
bins = np.geomspace(*side.get_ylim(), 16)
side.hist(early.n_samples, bins=bins, orientation="horizontal", color="0.45", edgecolor="white")
side.set_xlabel("number of images")
side.set_title("all of them", fontsize=10)
fig.suptitle("Only radii close to 0.5 need many votes", fontsize=11)
plt.show()

# %%
# A fifth of the votes gives the same answer for each of the 100 images; half of them left after 585
# votes or fewer. Close to the question thousands are needed. An image very close to it may in
# principle be answered otherwise than with all votes in one go, as alpha is shared; here none is.
#
# The price: the radius of an image that left early is only as large as its few votes can show. Its
# label is that of few votes, too, and may differ from that of all where nothing is certified; here
# it never does. To learn the radii themselves to within some width, ask with ``tolerance``.
