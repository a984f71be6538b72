"""
Which clustering, when nobody knows the answer?
===============================================

Three tables, several clusterers, no labels: what scores without labels choose, and
how right they are. The true groups are used only to look at the outcome.
"""

# %%
# Search over the number of clusters
# ----------------------------------
# :class:`~skdeepcluster.model_selection.WholeData` and
# :func:`~skdeepcluster.model_selection.get_unsupervised_scorer` turn
# scikit-learn's grid search into one over clusterers: every candidate is fitted
# once, on all rows.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.datasets import load_wine, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import AutoCluster
from skdeepcluster.model_selection import WholeData, get_unsupervised_scorer

wine, grower = load_wine(return_X_y=True)
scores = ["silhouette", "dbcv", "stability"]
search = GridSearchCV(
    make_pipeline(StandardScaler(), KMeans(n_init=5, random_state=0)),
    {"kmeans__n_clusters": range(2, 9)},
    cv=WholeData(),
    scoring={name: get_unsupervised_scorer(name) for name in scores},
    refit="stability",
).fit(wine)
n_clusters = search.best_params_["kmeans__n_clusters"]
agreement = adjusted_rand_score(grower, search.predict(wine))
print(f"{n_clusters} groups; agreement with the growers: {agreement:.2f}")

figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, name in zip(axes, scores, strict=True):
    values = search.cv_results_[f"mean_test_{name}"]
    numbers = np.arange(2, 9)
    ax.plot(numbers, values, "o-")
    ax.plot(numbers[values.argmax()], values.max(), "o", color="C3", markersize=10)
    ax.set(title=name, xlabel="number of clusters")
plt.show()

# %%
# Several kinds of clusterers
# ---------------------------
# :class:`~skdeepcluster.AutoCluster` lets 45 cheap partitions of different kinds vote,
# and keeps the one that agrees best with the others. On the wines:

model = AutoCluster(random_state=0).fit(wine)
model.leaderboard_.round(2)

# %%
# Two half moons are no balls, and three long ellipses are no dense spots. The
# list may be your own; then the question is whether half of the rows would give the
# same clusters.

rng = np.random.default_rng(0)
moons, half = make_moons(400, noise=0.05, random_state=0)
ellipses = rng.normal(size=(450, 2)) * [3.0, 0.3]
angles = np.repeat([0, np.pi / 3, -np.pi / 3], 150)
ellipses = np.column_stack(
    [
        ellipses[:, 0] * np.cos(angles) - ellipses[:, 1] * np.sin(angles),
        ellipses[:, 0] * np.sin(angles) + ellipses[:, 1] * np.cos(angles),
    ]
) + np.repeat([[0, 0], [9, 0], [0, 9]], 150, axis=0)
ellipse = np.repeat([0, 1, 2], 150)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
tables = [("half moons", moons, half), ("ellipses", ellipses, ellipse)]
for ax, (name, X, truth) in zip(axes, tables, strict=True):
    candidates = [
        ("k-means", make_pipeline(StandardScaler(), KMeans(len(set(truth))))),
        ("mixture", GaussianMixture(len(set(truth)))),
        ("density", make_pipeline(StandardScaler(), HDBSCAN(10, copy=True))),
    ]
    model = AutoCluster(candidates, random_state=0).fit(X)
    agreement = adjusted_rand_score(truth, model.labels_)
    ax.scatter(*X.T, c=model.labels_, cmap="tab10", vmax=9, s=8)
    ax.set(title=f"{name}: {model.best_name_} (agreement {agreement:.2f})")
plt.show()

# %%
# The scores see what they ask for, not the truth. Where two candidates are close on
# the leaderboard, look at both.
