"""
The same answer every time
==========================

Two runs that differ, and nobody knows which to believe: that is what users of
clustering meet most. Here is where differences come from, and what each estimator
promises against them.
"""

# %%
# One start, many answers
# -----------------------
# K-means from one random start, for twenty seeds, on handwritten digits. The
# agreement of two runs is their adjusted Rand index: 1 says that they are the same.

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import PPP, TELL

X = load_digits().data / 16


def agreements(runs):
    return [adjusted_rand_score(a, b) for a, b in combinations(runs, 2)]


one_start = [KMeans(10, n_init=1, random_state=s).fit_predict(X) for s in range(20)]
best_of_ten = [KMeans(10, n_init=10, random_state=s).fit_predict(X) for s in range(8)]

# %%
# The best of ten starts agree more, but they are still not one answer.
#
# No seed at all
# --------------
# :class:`~skdeepcluster.PPP` draws nothing. The order of the rows does not matter
# either: the same table gives the same groups, with the same numbers.

rng = np.random.default_rng(0)
labels = PPP().fit_predict(X)
orders = [rng.permutation(len(X)) for _ in range(3)]
shuffled = [PPP().fit_predict(X[order]) for order in orders]
same = all(
    np.array_equal(labels[order], found)
    for order, found in zip(orders, shuffled, strict=True)
)
print(f"{labels.max() + 1} groups; three other orders give the same: {same}")

# %%
# A seed that settles everything
# ------------------------------
# A network needs random numbers. With ``random_state``, they are always the same,
# and so are the labels and every digit of the embedding: in another process, with
# another number of threads, with the rows in another order.

tell = TELL(10, n_components=5, random_state=0)
codes = tell.fit(X).transform(X)
again = tell.fit(X[orders[0]]).transform(X)
print("equal to the last bit:", np.array_equal(codes, again))

# %%
# Row by row
# ----------
# A row is embedded and labeled alike, whatever rows it comes with. So a table may
# be predicted in pieces, by several machines, or one row at a time:

alone = np.vstack([tell.transform(X[i : i + 1]) for i in range(20)])
print("equal to the last bit:", np.array_equal(alone, again[:20]))

# %%
# Agreement of runs, in one picture:

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
names = ["k-means, one start", "k-means, best of ten", "PPP, rows shuffled"]
restored = [
    found[np.argsort(order)] for order, found in zip(orders, shuffled, strict=True)
]
parts = [agreements(one_start), agreements(best_of_ten), agreements(restored)]
for place, values in enumerate(parts):
    jitter = rng.uniform(-0.15, 0.15, len(values))
    ax.scatter(values, place + jitter, s=12, alpha=0.6, color="#332288", linewidths=0)
ax.set_yticks(range(3), names)
ax.set(xlabel="agreement of two runs (adjusted Rand index)", xlim=(0.5, 1.02))
ax.invert_yaxis()
ax.spines[["top", "right"]].set_visible(False)
plt.show()
