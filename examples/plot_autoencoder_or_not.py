"""
With a network or without?
==========================

``n_components`` gives :class:`~skdeepcluster.TELL` an autoencoder. It pays where
many columns describe something of few dimensions, and it is no good reason to
wait where k-means is right already.
"""

# %%
# Two tables: 64 pixels of handwritten digits, and 13 measurements of wines.
# Accuracy is the share of rows that agree with the true classes after the best
# matching; the classes play no other part.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

from skdeepcluster import TELL
from skdeepcluster.metrics import clustering_accuracy

digits, wine = load_digits(), load_wine()
tables = {
    "digits": (digits.data / 16, digits.target),
    "wine": (StandardScaler().fit_transform(wine.data), wine.target),
}

fitted, accuracy = {}, {}
for table, (X, y) in tables.items():
    k = len(np.unique(y))
    methods = {
        "k-means": KMeans(k, n_init=10, random_state=0),
        "TELL": TELL(k, random_state=0),
        "TELL, n_components=10": TELL(
            k, n_components=10, max_epochs=200, random_state=0
        ),
    }
    for name, method in methods.items():
        fitted[table, name] = method.fit(X)
        accuracy[table, name] = clustering_accuracy(y, method.labels_)

# %%
# Without a network TELL is k-means. With one it gains on the digits, and nothing
# on the wines.

COLORS = {"k-means": "#DDCC77", "TELL": "#88CCEE", "TELL, n_components=10": "#332288"}

fig, ax = plt.subplots(layout="constrained")
for place, (name, color) in enumerate(COLORS.items()):
    heights = [accuracy[table, name] for table in tables]
    bars = ax.bar(np.arange(2) + (place - 1) * 0.27, heights, 0.25, color=color)
    bars.set_label(name)
    ax.bar_label(bars, fmt="%.2f")
ax.set_xticks(range(2), tables)
ax.set(ylabel="accuracy", ylim=(0, 1.05))
ax.legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1), frameon=False)
plt.show()

# %%
# This is one seed. Figures of several seeds and more tables, beside other
# packages, are in ``benchmarks/results`` of the repository.
#
# Look at the centres
# -------------------
# The centres of k-means are means of pixels. Those of the network are points of
# the code, decoded: each should be one digit. Where a digit is missing or two
# are mixed, there is the error.

fig, axes = plt.subplots(2, 10, figsize=(9, 2.2), layout="constrained")
for line, name in zip(axes, ["k-means", "TELL, n_components=10"], strict=True):
    for ax, center in zip(line, fitted["digits", name].cluster_centers_, strict=True):
        ax.imshow(center.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    line[0].set_title(name, loc="left", fontsize="medium")
plt.show()
