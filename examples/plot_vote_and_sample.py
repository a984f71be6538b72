"""
Where do clusterers agree, and what should a person look at?
============================================================

Nobody knows which clusterer is right for a table. But where five of them agree on a
row, they mostly are; and a few rows from the middle of many small clusters show more
of a table than as many random ones.
"""

# %%
# Five methods vote
# -----------------
# :class:`~skdeepcluster.VotingClusterer` brings the clusters of its members under
# common names and lets them vote on each row. The true classes are used only to look
# at the outcome.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier

from skdeepcluster import ClusterSampler, VotingClusterer
from skdeepcluster.inspection import AgreementDisplay, AgreementMatrixDisplay
from skdeepcluster.metrics import clustering_accuracy
from skdeepcluster.model_selection import cluster_stability

X, y = load_digits(return_X_y=True)
vote = VotingClusterer(n_clusters=10, random_state=0).fit(X)
core = vote.core_
print(f"the vote is right in {clustering_accuracy(y, vote.labels_):.2f} of the rows")
print(
    f"all five agree on {vote.coverage_:.0%}, and are right there in "
    f"{clustering_accuracy(y[core], vote.labels_[core]):.2f}"
)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
AgreementDisplay.from_estimator(vote, X, ax=axes[0])
AgreementMatrixDisplay.from_estimator(vote, ax=axes[1])
plt.show()

# %%
# Which clusters are there?
# -------------------------
# :func:`~skdeepcluster.model_selection.cluster_stability` fits a method again, on
# halves and bootstraps of the rows, and says of each cluster how surely it is found
# again: 0 is what the method reaches on tables without groups, 1 is always.

kmeans = KMeans(10, n_init=10, random_state=0).fit(X)
found = cluster_stability(kmeans, X)
for name in np.argsort(-found.stability):
    digits, counts = np.unique(y[kmeans.labels_ == name], return_counts=True)
    share = counts.max() / counts.sum()
    print(
        f"cluster {name}: {found.stability[name]:.2f} "
        f"({found.low[name]:.2f}-{found.high[name]:.2f}), "
        f"{share:.0%} of its rows are of the digit {digits[counts.argmax()]}"
    )

# %%
# Sixty rows to label
# -------------------
# A classifier that has seen the labels of sixty rows, chosen at random or by
# :class:`~skdeepcluster.ClusterSampler`, is asked about all others.


def accuracy(chosen):
    """Share of the other rows that a forest of trees gets right."""
    rest = np.setdiff1d(np.arange(len(X)), chosen)
    model = ExtraTreesClassifier(200, random_state=0).fit(X[chosen], y[chosen])
    return model.score(X[rest], y[rest])


at_random = [
    accuracy(np.random.default_rng(seed).choice(len(X), 60, replace=False))
    for seed in range(5)
]
medoids = [
    accuracy(ClusterSampler(60, random_state=seed).fit(X).sample_indices_)
    for seed in range(5)
]
print(f"random rows: {np.mean(at_random):.2f}")
print(f"middle rows of 60 clusters: {np.mean(medoids):.2f}")
