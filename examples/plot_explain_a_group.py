"""
Explain a group
===============

Why is this row in that group? Without a network, the answer of
:class:`~skdeepcluster.TELL` splits exactly into one share per column.
"""

# %%
# Three groups of wines, from 13 measurements of their chemistry.

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import TELL

X = load_wine(as_frame=True).data
model = make_pipeline(StandardScaler(), TELL(n_clusters=3, random_state=0)).fit(X)
scaler, tell = model
rows = scaler.transform(X)

# %%
# One row
# -------
# ``explain`` weighs a row's group against the runner-up. A positive share speaks
# for the group, a negative one for the runner-up. Their sum is the difference of
# the two largest outputs of ``decision_function``:

shares = tell.explain(rows)
outputs = np.sort(tell.decision_function(rows), axis=1)
margin = outputs[:, -1] - outputs[:, -2]
print(f"largest difference: {np.abs(shares.sum(axis=1) - margin).max():.1e}")

# %%
# So a clear case and a doubtful one can be told apart, and one sees what the
# doubt is about.

import matplotlib.pyplot as plt

FOR, AGAINST = "#332288", "#CC6677"

fig, axes = plt.subplots(1, 2, figsize=(9, 4.8), sharey=True, layout="constrained")
cases = {"The clearest wine": margin.argmax(), "The most doubtful": margin.argmin()}
for ax, (title, row) in zip(axes, cases.items(), strict=True):
    share = shares[row]
    ax.barh(X.columns, share, color=np.where(share > 0, FOR, AGAINST))
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_title(f"{title}\ngroup {tell.labels_[row]}, margin {margin[row]:.2f}")
    ax.set_xlabel("share of the margin")
axes[0].invert_yaxis()
plt.show()

# %%
# All groups
# ----------
# The mean shares of a group's rows say which columns set it apart.

mean_shares = pd.DataFrame(shares, columns=X.columns).groupby(tell.labels_).mean()

fig, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
limit = mean_shares.abs().to_numpy().max()
image = ax.imshow(mean_shares, cmap="PuOr", vmin=-limit, vmax=limit, aspect="auto")
ax.set_xticks(range(X.shape[1]), X.columns, rotation=40, ha="right")
ax.set_yticks(range(3), [f"group {label}" for label in mean_shares.index])
fig.colorbar(image, label="mean share")
plt.show()

# %%
# The centres say in which direction, in the units of the table. Here are the
# three columns that count most for each group.

centers = pd.DataFrame(
    scaler.inverse_transform(tell.cluster_centers_), columns=X.columns
)
for label, row in mean_shares.iterrows():
    print(f"group {label} ({np.sum(tell.labels_ == label)} wines)")
    for name in row.nlargest(3).index:
        print(f"    {name}: {centers.loc[label, name]:.3g} (all: {X[name].mean():.3g})")
