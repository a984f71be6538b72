"""
How many groups, and would they be found again?
===============================================

Most clusterers ask for the number of groups, and give other groups from another
start. :class:`~skdeepcluster.PPP` takes neither a number nor a seed. This example
shows on what it decides, on the chemistry of 178 Italian wines and on a table of
handwritten digits, and what it says when there is nothing to find.
"""

# %%
# The wines
# ---------
# Three growers made them, which PPP is not told.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP

X, grower = load_wine(return_X_y=True)
model = PPP().fit(X)
print(f"{model.n_clusters_} groups, agreement of the sizes {model.stability_:.2f}")
print(f"agreement with the growers: {adjusted_rand_score(grower, model.labels_):.2f}")

# %%
# The table is cut into cells at several sizes; neighbouring cells are merged
# where neither a Gaussian mixture nor the density of rows between them holds
# them apart; then the sizes vote. ``sizes_tried_`` has the votes, and ``merges_`` the
# merges at the size that was elected, with the separation in nats.

for size in model.sizes_tried_:
    print(f"{size['n_cells']:>3} cells -> {size['n_clusters']} groups")

# %%
# A picture of both: the rows on their first two principal axes, and how far
# apart merged neighbours were. The merges that stood are the dark ones.

merges = [step for step in model.merges_ if step["separation"] is not None]
plane = PCA(2).fit_transform(StandardScaler().fit_transform(X))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
colors = plt.get_cmap("tab10")(model.labels_)
sure = model.separable_samples_
left.scatter(*plane[sure].T, c=colors[sure], s=18)
left.scatter(*plane[~sure].T, facecolors="none", edgecolors=colors[~sure], s=18)
left.set(
    title=f"{model.n_clusters_} groups of wines (open: not sure)",
    xlabel="first axis",
    ylabel="second axis",
)
right.bar(
    np.arange(len(merges)),
    [step["separation"] for step in merges],
    color=["C0" if step["kept"] else "lightgray" for step in merges],
)
right.set(title="Merges of cells", xlabel="merge", ylabel="separation in nats")
plt.show()

# %%
# The same answer every time
# --------------------------
# Shuffled rows give the same groups, row by row. KMeans, told the right number,
# depends on its start.

digits = load_digits().data
labels = PPP().fit_predict(digits)
rng = np.random.default_rng(0)
again = []
for _ in range(3):
    order = rng.permutation(len(digits))
    shuffled = PPP().fit_predict(digits[order])
    again.append(adjusted_rand_score(labels[order], shuffled))
starts = [KMeans(10, n_init=1, random_state=s).fit_predict(digits) for s in range(4)]
between = [adjusted_rand_score(starts[0], other) for other in starts[1:]]
print(f"PPP, {labels.max() + 1} groups: agreement of shuffled tables {min(again):.2f}")
print(f"KMeans: agreement between starts down to {min(between):.2f}")

# %%
# Nothing to find
# ---------------
# In data of one population, whatever its distribution, PPP finds one group and says so.
# It can be asked for the best cut all the same; ``validated_`` then says that
# the evidence is missing.

noise = rng.standard_exponential((500, 4))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    single = PPP().fit(noise)
print(f"{single.n_clusters_} group: {caught[0].message}")
forced = PPP(min_clusters=2).fit(noise)
print(f"{forced.n_clusters_} groups on request, validated: {forced.validated_}")
