"""
Five labels a class
===================

Most rows of a table have no label, and a few of each class have one. What a classifier
of these few says, and what the nearest rows got, are weighed against each other for all
rows at once.
"""

# %%
# The table
# ---------
# 1,797 handwritten digits, five of each labeled.

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
labeled = np.concatenate(
    [rng.permutation(np.flatnonzero(y == k))[:5] for k in range(10)]
)
y_partial = np.full(len(y), -1)
y_partial[labeled] = y[labeled]
free = y_partial < 0

# %%
# All rows at once
# ----------------
# Beside what is usual: the labels alone, or the neighbours alone.

from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skdeepcluster import TransductiveClassifier

Z = StandardScaler().fit_transform(X)
model = TransductiveClassifier().fit(X, y_partial)
found = {
    "logistic regression": LogisticRegression().fit(Z[~free], y[~free]).predict(Z),
    "LabelSpreading": LabelSpreading(kernel="knn", n_neighbors=10)
    .fit(Z, y_partial)
    .transduction_,
    "TransductiveClassifier": model.transduction_,
}
pd.Series({name: (labels[free] == y[free]).mean() for name, labels in found.items()})

# %%
# The energy that all rows share falls with every step.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.plot(model.energy_)
ax.set(xlabel="step", ylabel="energy")
plt.show()

# %%
# A digit that nobody labeled
# ---------------------------
# Without labels of 8 and 9, these rows get some other class. `reject` says which of
# them lie no nearer to their class than to other groups of the table; PPP finds how
# many groups there are.

from skdeepcluster import PPP

y_known = np.where(y_partial >= 8, -1, y_partial)
model = TransductiveClassifier(reject=PPP(), random_state=0).fit(X, y_known)
pd.Series(
    {
        "rejected of 8 and 9": model.rejected_[y >= 8].mean(),
        "rejected of the others": model.rejected_[(y < 8) & (y_known < 0)].mean(),
    }
)
