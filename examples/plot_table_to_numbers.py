"""
Any table as numbers
====================

Distances need numbers. The encoder makes some of any data frame: each column counts
once, whatever its units and its number of levels, and gaps invent nothing.
"""

# %%
# The table
# ---------
# Prices that differ by ratios, a size in words, a code that only looks like a
# number, gaps.

import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
kind = rng.integers(0, 3, 300)
table = pd.DataFrame(
    {
        "price": np.exp(np.array([1.0, 4.0, 7.0])[kind] + rng.normal(0, 0.3, 300)),
        "weight": np.array(["light", "light", "heavy"])[kind],
        "shop": 2 * kind + rng.integers(1, 3, 300),
        "order_id": rng.permutation(90_000)[:300],
    }
).round(2)
table.loc[::10, "price"] = np.nan
table.head()

# %%
# What is decided
# ---------------

from skdeepcluster import TableEncoder

encoder = TableEncoder().fit(table)
decisions = pd.DataFrame([column._asdict() for column in encoder.columns_])
decisions[["name", "role", "n_distinct", "share_missing", "log_shift", "unused"]]

# %%
# The price is taken by its logarithm, the shop is a category, the order's number is
# left out. Each decision can be overruled by a parameter: ``numeric=["shop"]``.
#
# Distances
# ---------
# Two random rows differ by 2 in squared distance on every used column.

Z = TableEncoder(reduce=None, gaps="mean").fit_transform(table.dropna())
pairs = rng.integers(0, len(Z), (2, 20_000))
np.square(Z[pairs[0]] - Z[pairs[1]]).sum(axis=1).mean().round(1)

# %%
# Clusters, said in the table's own words
# ---------------------------------------
# Whatever takes numbers may follow, as long as it does not scale them again, for
# that would undo the balance: ``PPP(scale=False)``, and no ``StandardScaler``.

from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline

from skdeepcluster.inspection import ClusterProfileDisplay, cluster_rules

model = make_pipeline(TableEncoder(), KMeans(3, n_init=10, random_state=0)).fit(table)
print(cluster_rules(model, table))

# %%
# Means and shares are of the cells that are there, with their number.

profile = ClusterProfileDisplay.from_estimator(model, table)
