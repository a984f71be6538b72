"""
Cluster rows that are linked
============================

Papers have words and cite each other; accounts have columns and send each other money.
Words alone tell something of the groups, links alone something else. This example
generates such a network, and shows what either tells and what both tell.
"""

# %%
# The network
# -----------
# 600 papers of four fields with ten columns each, such as topics of their words. A
# paper mostly cites papers of its own field, but not only.

from skdeepcluster.datasets import make_attributed_graph

papers = make_attributed_graph(
    600, p_within=0.06, p_between=0.012, column_signal=0.6, random_state=0
)
n_links = papers.graph.nnz // 2
print(f"{len(papers.data)} papers, {papers.data.shape[1]} columns, {n_links} links")

# %%
# Columns, links, and both
# ------------------------
# ``graph`` holds the weights of the links. :class:`~skdeepcluster.GraphClusterer`
# smooths the columns over them, so that a paper looks like its surroundings, and then
# clusters. The true fields are only used to see how well that went.

from sklearn.metrics import adjusted_rand_score

from skdeepcluster import GraphClusterer

models = {
    "columns alone": GraphClusterer(4, order=0, random_state=0),
    "links alone": GraphClusterer(4, method="spectral", random_state=0),
    "both": GraphClusterer(4, random_state=0),
}
for name, model in models.items():
    model.fit(papers.data, graph=papers.graph)
    score = adjusted_rand_score(papers.target, model.labels_)
    print(f"{name:>13}: adjusted Rand index {score:.2f}")

# %%
# How far was smoothed?
# ---------------------
# Each order is clustered, and the one that links and columns agree on most is taken: a
# large modularity on the links, and columns that differ between clusters.

both = models["both"]
print(f"order {both.order_} was taken")
for order, modularity in both.orders_.items():
    share = both.explained_[order]
    print(f"{order!s:>9}: modularity {modularity:.3f}, columns explained {share:.1%}")

# %%
# The picture
# -----------

import matplotlib.pyplot as plt

from skdeepcluster.inspection import GraphDisplay

GraphDisplay.from_estimator(both)
plt.show()

# %%
# More papers like this one
# -------------------------
# Somebody knows one paper of a field, and has a weak classifier that tells of each
# paper whether it is of that field, wrong for every fifth.
# :func:`~skdeepcluster.graph.local_cluster` finds the group.

import numpy as np

from skdeepcluster.graph import local_cluster

field = papers.target == 0
guess = field ^ (np.random.default_rng(0).random(600) < 0.2)
known = np.flatnonzero(field)[0]
found = local_cluster(papers.graph, known, labels=guess, method="smooth").members


def share_right(members):
    """Share of the members that are of the field."""
    return np.mean(field[members])


print(f"classifier: {guess.sum()} papers, {share_right(guess):.0%} of the field")
print(f"the group: {len(found)} papers, {share_right(found):.0%} of the field")
