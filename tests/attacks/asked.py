"""A model that answers by a function, and counts."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Asked(ClassifierMixin, BaseEstimator):
    """Answers by a function, and counts."""

    def __init__(self, answer, classes=(0, 1, 2, 3, 4)):
        self.answer = answer
        self.classes = classes
        self.classes_ = np.asarray(classes)
        self.rows = 0

    def predict(self, X):
        self.rows += len(X)
        return self.answer(X)
