"""
Learn what known classes say about new ones
===========================================

A mixture sorts rows into known and new classes as the table shows them.
:class:`~skdeepcluster.GPC` also learns a space in which known classes lie apart, in
turns with the mixture, and looks for new classes there.
"""

# %%
# The problem
# -----------
# Images of handwritten digits, as 20 principal components. Half of the images of
# 1, 3, 5, 7 and 9 are labeled; all else is not.

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

X, digits = load_digits(return_X_y=True)
Z = PCA(20, random_state=0).fit_transform(X / 16)
rng = np.random.default_rng(0)
labeled = (digits % 2 == 1) & (rng.random(len(X)) < 0.5)
y = np.where(labeled, digits, -1)

# %%
# The table as it is, and as it is learned
# ----------------------------------------

from skdeepcluster import GPC, SemiSupervisedGaussianMixture
from skdeepcluster.metrics import discovery_accuracy

mixture = SemiSupervisedGaussianMixture(random_state=0).fit(Z, y)
model = GPC(random_state=0).fit(Z, y)
for estimator in (mixture, model):
    right = discovery_accuracy(
        digits[~labeled], estimator.labels_[~labeled], estimator.known_classes_
    )
    print(
        f"{type(estimator).__name__}: {estimator.n_novel_} new classes, right: "
        f"{right.all:.0%} (known {right.known:.0%}, new {right.novel:.0%})"
    )

# %%
# The rounds
# ----------
# Each round begins with a mixture of the latents, which says how many classes there
# are and which rows belong together; then the network learns to agree with it.

import matplotlib.pyplot as plt

loss = [epoch["train_loss"] for epoch in model.history_]
counts = [epoch["n_classes"] for epoch in model.history_]
fig, (top, bottom) = plt.subplots(
    2, figsize=(5.5, 4.5), sharex=True, layout="constrained"
)
top.plot(loss, color="#332288")
top.set(ylabel="loss")
bottom.step(range(len(counts)), counts, where="post", color="#332288")
bottom.axhline(10, color="#BBBBBB", zorder=0)
bottom.set(xlabel="epoch", ylabel="classes", ylim=(0, 12))
plt.show()

# %%
# The latents
# -----------
# Two principal axes of the table and of the latents, which point along the
# prototypes. Known digits have warm colors, new ones cold.

latents = model.transform(Z)
latents /= np.linalg.norm(latents, axis=1, keepdims=True)
warm = ["#CC6677", "#AA4499", "#DDCC77", "#882255", "#EE8866"]
cold = ["#332288", "#88CCEE", "#44AA99", "#117733", "#6699CC"]
colors = np.array([cold, warm]).T.ravel()
fig, axes = plt.subplots(1, 2, figsize=(8.5, 4), layout="constrained")
for ax, table, title in zip(axes, (Z, latents), ("table", "latents"), strict=True):
    flat = PCA(2, random_state=0).fit_transform(table)
    ax.scatter(*flat.T, c=colors[digits], s=4)
    ax.set(title=title, xticks=[], yticks=[])
plt.show()

# %%
# New rows
# --------
# The network and the prototypes are kept, so rows that come later take a class, with
# its probability.

probabilities = model.predict_proba(Z[:5])
for row, label in zip(probabilities, model.predict(Z[:5]), strict=True):
    print(f"class {label}, {row.max():.0%} sure")
