"""
==============================================
A risk in per cent that does not tell your BMI
==============================================

"Your risk is 23 %" pins a value down as a quote does, and steps of at least a minimum end that.
With ``pos_label``, :class:`~sklearn_rp.AttributePrivacyRegressor` takes a classifier, and releases
the probability of that class. Here the class is a fast progression of diabetes, in the study that
scikit-learn brings along.
"""

# %%
# The classifier, and the release around it. With ``loss="log_loss"`` the steps are those that lose
# the least log-loss beside the model's own probabilities; with the default, the least Brier score.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_rp import AttributeCoarsener, AttributePrivacyRegressor
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.inspection import ReleaseDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
y = np.where(y > 200, "fast", "slow")
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
asked = {"sensitive_feature": "bmi", "bounds": (18, 43)}
model = RandomForestClassifier(200, min_samples_leaf=5, random_state=0)
private = AttributePrivacyRegressor(
    model, pos_label="fast", minimum=0.2, loss="log_loss", decimals=2, levels="model", **asked
).fit(X_train, y_train)

# %%
# What one person would be told along the BMI.

bare = compatible_sets(private.estimator_, X_test, **asked, tolerance=0.005)  # whole per cents
person = int(np.argmin(bare.component_length))
fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ReleaseDisplay.from_estimator(
    private, X_test, row=person, unit="kg/m²", answer="risk of fast progression", ax=ax
)
ax.set_title("One person's risk, at each BMI", fontsize=11)
plt.show()

# %%
# What it costs on people who were not in the training, and what the risk gives away to whoever
# knows all the rest: the narrowest set of BMIs that would be told the same whole per cent. The BMI
# dropped, and equal bins of a fifth of the range, are trained anew.

truth = y_test == "fast"
alone = model.fit(X_train.drop(columns="bmi"), y_train)
bins = make_pipeline(AttributeCoarsener(minimum=0.2, strategy="uniform", **asked), model)
alone_told = alone.predict_proba(X_test.drop(columns="bmi"))[:, 0]  # "fast" is the first class
bins_told = bins.fit(X_train, y_train).predict_proba(X_test)[:, 0]
numbers = {
    "no privacy": (private.estimator_.predict(X_test), bare.component_length.min()),
    "minimum of a fifth": (
        private.predict(X_test), private.compatible_sets(X_test).component_length.min()
    ),
    "BMI dropped": (alone_told, 43 - 18.0),
    "equal bins of a fifth": (bins_told, np.diff(bins[0].bins_["bmi"]).min()),
    "the same for all": (np.full(len(truth), np.mean(y_train == "fast")), 43 - 18.0),
}  # fmt: skip
table = pd.DataFrame(
    {
        name: {
            "Brier score": brier_score_loss(truth, risk),
            "log-loss": log_loss(truth, np.clip(risk, 1e-3, 1 - 1e-3)),
            "narrowest set (kg/m2)": narrowest,
        }
        for name, (risk, narrowest) in numbers.items()
    }
).T
print(table.round(3).to_string())

# %%
# One split of 442 people says little about differences in the third digit: what it shows is that
# steps of a fifth of the range need not cost more than that, and that dropping the BMI can.
