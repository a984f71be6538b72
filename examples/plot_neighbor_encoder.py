"""
An embedding that lets k-means win
==================================

k-means looks for round groups. :class:`~skdeepcluster.NeighborEncoder` learns a
few columns in which neighbours stay neighbours; groups of any shape become
compact there, and k-means finds them.
"""

# %%
# Handwritten digits, 64 pixels each. Two thirds of them are embedded in two
# columns, without a look at the classes. The rest arrives later.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skdeepcluster import NeighborEncoder
from skdeepcluster.metrics import clustering_accuracy

X, X_new, y, y_new = train_test_split(
    *load_digits(return_X_y=True), test_size=1 / 3, random_state=0
)
kmeans = KMeans(10, n_init=10, random_state=0)
model = make_pipeline(NeighborEncoder(random_state=0), kmeans).fit(X)

for name, labels in {
    "k-means on pixels": clone(kmeans).fit_predict(X),
    "behind the encoder": model.predict(X),
}.items():
    print(f"{name}: accuracy {clustering_accuracy(y, labels):.2f}")
print(f"on new rows: accuracy {clustering_accuracy(y_new, model.predict(X_new)):.2f}")

# %%
# The embedding is a map of the table. New rows (with a rim) take their places in it,
# near the fitted rows that they resemble.

encoder = model[0]
fig, ax = plt.subplots(figsize=(7, 6), layout="constrained")
old, new = encoder.transform(X), encoder.transform(X_new)
points = ax.scatter(old[:, 0], old[:, 1], c=y, s=6, cmap="tab10", alpha=0.5)
ax.scatter(new[:, 0], new[:, 1], c=y_new, s=14, cmap="tab10", ec="k", lw=0.4)
ax.legend(*points.legend_elements(), title="digit", loc="center left", frameon=False)
ax.set(xticks=[], yticks=[])
plt.show()

# %%
# Known classes
# -------------
# Where some rows have a class, ``fit(X, y)`` keeps these classes together and
# apart; -1 marks the others. Here one row in five is labeled.

labeled = np.random.default_rng(0).random(len(y)) < 0.2
told = NeighborEncoder(random_state=0).fit(X, np.where(labeled, y, -1))
labels = kmeans.fit(told.transform(X)).predict(told.transform(X_new))
print(f"new rows, a fifth labeled: accuracy {clustering_accuracy(y_new, labels):.2f}")

# %%
# A warning
# ---------
# The encoder finds neighbours everywhere, and pulls apart what it can: also rows
# of one Gaussian, which have no groups. Never take the number of islands for the
# number of groups without a look at the columns themselves.

cloud = np.random.default_rng(0).normal(size=(600, 20))
fig, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
axes[0].scatter(*cloud[:, :2].T, s=5)
axes[0].set_title("two of 20 columns")
axes[1].scatter(*NeighborEncoder(random_state=0).fit_transform(cloud).T, s=5)
axes[1].set_title("the encoder's")
for ax in axes:
    ax.set(xticks=[], yticks=[])
plt.show()
