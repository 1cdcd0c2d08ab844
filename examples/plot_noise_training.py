"""
=============================
A network trained for its job
=============================

A network that has seen noise in training votes better on noisy inputs, and is certified further. It
is one line; here is what it does to the certified radii, and what it costs.
"""

# %%
# A small network in torch, through skorch, on images of digits of 8 x 8 pixels. With
# ``noise_scale=None`` noise and radius are in units of the pixels, which go from 0 to 1.
# :class:`~sklearn_rp.neural.GaussianNoise` draws fresh noise for every training batch, and takes
# its level from the classifier around the net.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skorch import NeuralNetClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.inspection import CertifiedAccuracyDisplay
from sklearn_rp.metrics import abstention_rate, certified_accuracy_score
from sklearn_rp.neural import GaussianNoise

torch.set_num_threads(1)  # the network is small
X, y = load_digits(return_X_y=True)
X = (X / 16).astype("float32").reshape(-1, 8, 8)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=300, stratify=y, random_state=0)


def smoothed(callbacks):
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10)
    )
    net = NeuralNetClassifier(
        module,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.003,
        max_epochs=10,
        train_split=None,
        callbacks=callbacks,
        verbose=0,
    )
    clf = RobustPrivacyClassifier(net, sigma=0.5, noise_scale=None, random_state=0)
    return clf.fit(X_train, y_train)


# %%
# The same network with the same start, trained without noise and with it, then smoothed at the same
# level with 1 000 votes.

nets = {
    "trained without noise": smoothed([]),
    "trained with noise": smoothed([GaussianNoise(random_state=0)]),
}
certs = {name: clf.certify(X_test) for name, clf in nets.items()}
print(
    pd.DataFrame(
        {
            name: {
                "accuracy, no noise": np.mean(nets[name].estimator_.predict(X_test) == y_test),
                "accuracy, smoothed": np.mean(cert.label == y_test),
                "abstains": abstention_rate(cert),
                "median radius": np.median(cert.radius),
            }
            for name, cert in certs.items()
        }
    )
    .T.round(3)
    .to_string()
)

# %%
# Certified accuracy: the share of images whose label is right and provably the same within the
# radius.

fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for name, cert in certs.items():
    CertifiedAccuracyDisplay.from_predictions(y_test, cert, name=name, unit="pixel units", ax=ax)
ax.set_title("Certified accuracy of the same network", fontsize=11)
plt.show()

radii = np.linspace(0, 0.8, 81)
without, with_noise = (
    np.array([certified_accuracy_score(y_test, cert, radius=r) for r in radii])
    for cert in certs.values()
)
lead = with_noise - without
print(f"better from a radius of {radii[lead > 0].min():.2f} on, by up to {lead.max():.0%}")

# %%
# Training with noise costs two points of accuracy on clean images here, and one on the smoothed
# labels. In return the median radius grows by a fifth, from 0.35 to 0.42. The curves cross near a
# radius of 0.1: below it the network trained without noise is the better one, beyond it the one
# trained with noise, by up to 19 points. Which to take depends on the radius that you need. It is
# one network and one seed, and a point on 300 images is three of them.
