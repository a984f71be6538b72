"""
Territories of equal size, and twenty questions
===============================================

Two things that are known before clustering: how large groups may be, and which rows
belong together. The second part asks for what it does not know.
"""

# %%
# Territories of equal size
# -------------------------
# 240 shops on a map, most of them in two towns, are shared among six people. Plain
# k-means gives the towns' people far more shops than the others.

import matplotlib.pyplot as plt
import numpy as np

from skdeepcluster import ConstrainedKMeans

rng = np.random.default_rng(0)
towns = np.repeat([[2.0, 2.0], [7.0, 6.0]], 80, axis=0)
shops = np.vstack([towns + rng.normal(0, 0.5, (160, 2)), rng.uniform(0, 9, (80, 2))])

plain = ConstrainedKMeans(6, random_state=0).fit(shops)
equal = ConstrainedKMeans(6, size_min=40, size_max=40, random_state=0).fit(shops)
some = ConstrainedKMeans(6, size_min=30, size_max=50, random_state=0).fit(shops)
for name, model in {"plain": plain, "40 each": equal, "30 to 50": some}.items():
    print(f"{name:>9}: sizes {model.sizes_.astype(int)}, inertia {model.inertia_:.0f}")

figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, model, title in zip(axes, (plain, equal), ("plain", "40 each"), strict=True):
    ax.scatter(*shops.T, c=model.labels_, cmap="tab10", s=12)
    ax.set(title=title, xticks=[], yticks=[])

# %%
# What a limit costs
# ------------------
# No other assignment to the same centres has a smaller inertia. A price says what one
# shop more would save: positive where a person has as many as allowed.

print("prices:", some.size_prices_.round(2))
print("gap to the best assignment:", some.assignment_gap_)

# %%
# Twenty questions
# ----------------
# Somebody knows the kinds of wine, but will not label the table. Whether two bottles
# are of one kind is easily said: the most useful pairs are asked for.

from sklearn.datasets import load_wine
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from skdeepcluster.model_selection import ask_pairs

X, kind = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)


def answer(i, j):
    """Say whether two bottles are of one kind."""
    return kind[i] == kind[j]


model = ConstrainedKMeans(3, random_state=0)
must_link, cannot_link = None, None
for _ in range(3):
    model, must_link, cannot_link = ask_pairs(
        model,
        X,
        answer,
        n_pairs=20,
        must_link=must_link,
        cannot_link=cannot_link,
    )
    n = len(must_link) + len(cannot_link)
    found = adjusted_rand_score(kind, model.labels_)
    print(f"{n} answers, {len(model.examples_)} examples: agreement {found:.2f}")

# %%
# The pairs are all that a session leads to: with them it can go on at any time. The
# next questions, each the number of a bottle and of one that is known already:

print(model.query_pairs(X, 3))
