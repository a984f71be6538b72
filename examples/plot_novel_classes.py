"""
Find classes that nobody has named
==================================

Some classes of a table are known and labeled. The other rows belong to classes
that have no name yet, and nobody knows how many. Known rows help to find them.
"""

# %%
# The problem
# -----------
# Images of handwritten digits. Somebody has labeled the ones, twos, sevens,
# eights and nines; :func:`~skdeepcluster.datasets.make_discovery_problem` hides
# the labels of the others and keeps them aside.

import numpy as np
from sklearn.datasets import load_digits

from skdeepcluster.datasets import make_discovery_problem

X, digits = load_digits(return_X_y=True)
problem = make_discovery_problem(X / 16, digits, known=[1, 2, 7, 8, 9])
unlabeled = problem.target == -1
print(f"{(~unlabeled).sum()} labeled rows, {unlabeled.sum()} without a label")

# %%
# Find the classes
# ----------------
# ``fit`` takes the table and the labels, -1 where there is none. Labeled and
# unlabeled rows are embedded together, and the number of new classes is the one
# with the best silhouette.

from skdeepcluster import NCDSpectralClustering

model = NCDSpectralClustering(random_state=0).fit(problem.data, problem.target)
print(f"{model.n_novel_} new classes: {model.novel_classes_}")

# %%
# Labeled rows keep their class. New classes are numbered after the known ones,
# the largest first. Every one of them turns out to be a digit:

import matplotlib.pyplot as plt

n_shown = 10
fig, axes = plt.subplots(
    model.n_novel_, n_shown, figsize=(n_shown / 2, model.n_novel_ / 2)
)
sure = model.predict_proba(problem.data).max(axis=1)
for row, name in zip(axes, model.novel_classes_, strict=True):
    members = np.flatnonzero(model.labels_ == name)
    members = members[np.argsort(-sure[members], kind="stable")][:n_shown]
    for ax, member in zip(row, members, strict=True):
        ax.imshow(X[member].reshape(8, 8), cmap="Greys")
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, labelpad=10)
plt.show()

# %%
# How well?
# ---------
# The labels that were kept aside say so. K-means of the unlabeled rows alone,
# and k-means that is told of the known classes, are the comparison; both are
# given the number of classes.

from sklearn.cluster import KMeans

from skdeepcluster import NCDKMeans
from skdeepcluster.metrics import clustering_accuracy

found = {
    "k-means": KMeans(5, n_init=10, random_state=0).fit_predict(X[unlabeled]),
    "NCD k-means": NCDKMeans(5, random_state=0)
    .fit(problem.data, problem.target)
    .labels_[unlabeled],
    "NCD spectral clustering": model.labels_[unlabeled],
}
for method, labels in found.items():
    accuracy = clustering_accuracy(problem.truth[unlabeled], labels)
    print(f"{method}: {accuracy:.3f}")

# %%
# Another number of classes
# -------------------------
# The embedding stays; only the clusters are found anew.

for n_novel in (3, 4, 6):
    other = model.recluster(n_novel)
    sizes = [int((other.labels_ == name).sum()) for name in other.novel_classes_]
    print(f"{n_novel} classes of {sizes} rows")

# %%
# Rows to come
# ------------
# A new row is taken to be of a new class. Where it may just as well be of a known
# one, ``predict_known=True`` lets both answer.

model = NCDSpectralClustering(5, predict_known=True, random_state=0)
model.fit(problem.data[::2], problem.target[::2])
rest, rest_is_known = problem.data[1::2], ~unlabeled[1::2]
right = model.is_novel(rest) != rest_is_known
print(f"known or new, told right: {right.mean():.3f}")
