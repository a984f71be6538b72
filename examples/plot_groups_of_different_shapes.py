"""
Groups of different shapes
==========================

K-means looks for balls of one size. :class:`~skdeepcluster.ILASDP` lets every
group have a shape of its own, and needs no lucky start to find it;
:class:`~skdeepcluster.SDPKMeans` says whether k-means could have done better.
"""

# %%
# Three layers
# ------------
# Three long parallel groups, nearer to each other than they are long.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from skdeepcluster import ILASDP, SDPKMeans
from skdeepcluster.metrics import clustering_accuracy

rng = np.random.default_rng(4)
y = np.arange(150) % 3
X = rng.normal(size=(150, 2)) * [3, 0.5] + np.array([0, 2.2]) * y[:, np.newaxis]

models = {
    "k-means": KMeans(3, n_init=10, random_state=0),
    "EM, one start": GaussianMixture(3, random_state=0),
    "ILASDP": ILASDP(3, random_state=0),
}
labels = {name: model.fit_predict(X) for name, model in models.items()}
for name, found in labels.items():
    print(f"{name:<15} {clustering_accuracy(y, found):.2f} of the rows right")

# %%
# ILASDP solves a convex program over all pairs of rows for given covariances,
# adjusts the covariances, and so on. The ellipses are those of the fitted
# covariances, at two standard deviations.


def draw_ellipse(ax, mean, covariance):
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)])
    ax.plot(*(mean[:, np.newaxis] + 2 * np.linalg.cholesky(covariance) @ circle), "k")


figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True, layout="constrained")
for ax, (name, found) in zip(axes, labels.items(), strict=True):
    ax.scatter(*X.T, c=plt.get_cmap("tab10")(found), s=14)
    ax.set(title=name, xlabel="first column")
axes[0].set(ylabel="second column")
for mean, covariance in zip(
    models["ILASDP"].means_, models["ILASDP"].covariances_, strict=True
):
    draw_ellipse(axes[2], mean, covariance)
plt.show()

# %%
# Is it the search or the objective?
# ----------------------------------
# When k-means gives bad groups, it may have missed the partition of least
# inertia, or that partition may be the wrong one. A lower bound on the inertia of
# every partition tells which.

bounded = SDPKMeans(3, random_state=0).fit(X)
print(
    f"inertia {bounded.inertia_:.1f}, of no partition below {bounded.lower_bound_:.1f}"
)
print(f"a better one could save {bounded.gap_:.1%} at most")

# %%
# The layers' own inertia is far above: no search would have found them with this
# objective.

layers = sum(((X[y == c] - X[y == c].mean(axis=0)) ** 2).sum() for c in range(3))
print(f"inertia of the three layers: {layers:.1f}")

# %%
# Noise that is wider than the groups
# -----------------------------------
# Thirty columns: the groups differ in three directions, and five others are four
# times as wide and say nothing. Ten principal components hold both. Groups of
# free shape can tell them apart; the EM algorithm could too, but stops before.

centers = np.zeros((3, 30))
centers[np.arange(3), np.arange(3)] = 4 / np.sqrt(2)
draws = range(4)
errors: dict[str, list[float]] = {"k-means": [], "EM, ten starts": [], "ILASDP": []}
for seed in draws:
    rng = np.random.default_rng(seed)
    wide = rng.normal(size=(150, 30)) + centers[y]
    wide[:, 3:8] += 4 * rng.normal(size=(150, 5))
    Z = PCA(10, random_state=0).fit_transform(wide)
    rivals = {
        "k-means": KMeans(3, n_init=10, random_state=seed),
        "EM, ten starts": GaussianMixture(3, n_init=10, random_state=seed),
        "ILASDP": ILASDP(3, random_state=seed),
    }
    for name, model in rivals.items():
        errors[name].append(1 - clustering_accuracy(y, model.fit_predict(Z)))

figure, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for place, values in enumerate(errors.values()):
    ax.scatter(np.full(len(values), place), values)
ax.set_xticks(range(3), errors)
ax.set(ylabel="share of rows in a wrong group", ylim=(-0.02, 0.7))
plt.show()
