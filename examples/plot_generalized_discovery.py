"""
Sort new rows into known classes and new ones
=============================================

A few rows are labeled. The others belong to the classes that have labels, or to
classes that nobody has named yet. One mixture sorts them, and says how many new
classes there are.
"""

# %%
# The problem
# -----------
# Images of handwritten digits, as 20 principal components. Half of the images of
# the digits 0, 2, 4, 6 and 8 are labeled; all else is not.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

X, digits = load_digits(return_X_y=True)
Z = PCA(20, random_state=0).fit_transform(X / 16)
rng = np.random.default_rng(0)
labeled = (digits % 2 == 0) & (rng.random(len(X)) < 0.5)
y = np.where(labeled, digits, -1)
print(f"{labeled.sum()} labeled rows, {(~labeled).sum()} without a label")

# %%
# Sort the rows
# -------------
# New classes are numbered after the known ones, so the first of them is 9 by
# accident of the known digits' names. Labeled rows keep their class.

from skdeepcluster import SemiSupervisedGaussianMixture
from skdeepcluster.metrics import discovery_accuracy

model = SemiSupervisedGaussianMixture(random_state=0).fit(Z, y)
print(f"{model.n_novel_} new classes: {model.novel_classes_}")
score = discovery_accuracy(
    digits[~labeled], model.labels_[~labeled], model.known_classes_
)
print(f"right: {score.all:.0%} (known {score.known:.0%}, new {score.novel:.0%})")

# %%
# Every column of this table is a class that was found, every row a digit.

import matplotlib.pyplot as plt

names = model.classes_
order = [*range(0, 10, 2), *range(1, 10, 2)]
counts = np.array(
    [
        [np.sum((digits == d) & (model.labels_ == n) & ~labeled) for n in names]
        for d in order
    ]
)
fig, ax = plt.subplots(figsize=(5.5, 4.5), layout="constrained")
ax.imshow(counts, cmap="Blues")
for (i, j), count in np.ndenumerate(counts):
    if count:
        color = "white" if count > counts.max() / 2 else "black"
        ax.text(j, i, count, ha="center", va="center", color=color, fontsize=8)
ax.axvline(len(model.known_classes_) - 0.5, color="#CC6677")
ax.axhline(4.5, color="#CC6677")
ax.set(xlabel="class found", ylabel="digit")
ax.set_xticks(range(len(names)), names)
ax.set_yticks(range(10), map(str, order))
plt.show()

# %%
# The penalty per class
# ---------------------
# How many classes are found is decided by the penalty per class, in nats per sample.
# The mixture has hidden some of the known digits, and taken the penalty that finds
# them again. With a penalty of 0 it is the mixture of the textbooks, which cuts
# digits into their ways of writing.

penalties = [0, 0.05, 0.1, 0.2, 0.4, 0.8]
found = [
    SemiSupervisedGaussianMixture(split_threshold=penalty, random_state=0).fit(Z, y)
    for penalty in penalties
]
fig, ax = plt.subplots(figsize=(5.5, 3), layout="constrained")
ax.plot(penalties, [5 + mixture.n_novel_ for mixture in found], "o-", color="#332288")
ax.axhline(10, color="#BBBBBB", zorder=0)
ax.axvline(model.split_threshold_, color="#CC6677", label="what known digits say")
ax.set(xlabel="penalty per class, nats per sample", ylabel="classes")
ax.legend(frameon=False)
plt.show()

# %%
# Rows that keep coming
# ---------------------
# Only moments of small cells of rows are kept, and labels may come late: here the
# labeled rows of a digit arrive with one of five chunks.

stream = SemiSupervisedGaussianMixture(random_state=0)
for chunk in np.array_split(rng.permutation(len(X)), 5):
    stream.partial_fit(Z[chunk], y[chunk])
    n_classes = len(stream.known_classes_), stream.n_novel_
    right = discovery_accuracy(digits, stream.predict(Z), stream.known_classes_).all
    print(f"{n_classes[0]} known and {n_classes[1]} new classes, {right:.0%} right")
