"""Novel classes in tables of numbers, categories and gaps."""

import numpy as np
from sklearn.base import BaseEstimator

from .._labels import PartialLabels
from ..mixture import MixedMixture


class MixedClasses(BaseEstimator):
    """A MixedMixture whose first components are the known classes.

    Labeled rows stay in their class, known classes stay apart, and the components
    that come after them are novel classes.

    Parameters
    ----------
    n_novel : int or "auto", default="auto"
        Number of novel classes; "auto" takes that of the largest evidence.
    options : dict, default=None
        Further parameters of the mixture.

    Attributes
    ----------
    labels_, classes_, known_classes_, novel_classes_, n_novel_
        As of every estimator that finds novel classes.
    mixture_ : MixedMixture
        The mixture.
    """

    def __init__(self, n_novel="auto", options=None):
        self.n_novel = n_novel
        self.options = options

    def fit(self, X, y):
        """Find the classes of the rows that have none."""
        known = PartialLabels(y, y)
        number = self.n_novel
        if number != "auto":
            number += known.n_known
        self.mixture_ = MixedMixture(number, **(self.options or {})).fit(X, known.codes)
        self.known_classes_ = known.classes
        self.n_novel_ = self.mixture_.n_clusters_ - known.n_known
        self.novel_classes_ = known.novel_names(self.n_novel_)
        self.classes_ = np.concatenate([self.known_classes_, self.novel_classes_])
        self.labels_ = self.classes_[self.mixture_.labels_]
        return self

    def predict(self, X):
        """Give every row its class."""
        return self.classes_[self.mixture_.predict(X)]

    def predict_proba(self, X):
        """Give the probability of every class at each row."""
        return self.mixture_.predict_proba(X)

    def is_novel(self, X):
        """Say of every row whether its class is a novel one."""
        return self.mixture_.predict(X) >= len(self.known_classes_)
