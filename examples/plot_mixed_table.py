"""
Cluster numbers, words and gaps
===============================

A table as it comes: measurements in different units, words, missing cells. The
mixture takes all of them, finds how many groups there are, and says which columns
tell them apart.
"""

# %%
# The table
# ---------
# 344 penguins. The species is kept aside for the check at the end.

import pandas as pd

from skdeepcluster.datasets import load_penguins

penguins = pd.read_csv(load_penguins().filename)
species = penguins["species"]
X = penguins.drop(columns=["species", "year"])
X.isna().sum()

# %%
# The groups
# ----------
# Nothing has to be filled in, scaled or encoded.

from skdeepcluster import MixedMixture

model = MixedMixture(random_state=0).fit(X)
pd.crosstab(model.labels_, [species, X["sex"]])

# %%
# Five groups: the species, two of them by sex. The evidence of every other number
# of groups is kept, and so is the tree of merges that led from many groups to one.

import matplotlib.pyplot as plt

from skdeepcluster.inspection import SelectionDisplay, TreeDisplay

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
SelectionDisplay.from_estimator(model, ax=left)
TreeDisplay.from_estimator(model, ax=right)
plt.show()

# %%
# Coarser
# -------
# Three groups are the species.

pd.crosstab(model.labels_at(3), species)

# %%
# Which columns matter
# --------------------
# What the groups explain of each column, in nats. A column of noise would be below 0.

evidence = pd.Series(model.column_evidence_).sort_values()
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
ax.barh(evidence.index, evidence, color="#4477aa")
ax.set_xlabel("explained by the groups (nats)")
plt.show()

# %%
# A group in words
# ----------------
# Means in the units of the table, and the probabilities of words.

pd.DataFrame(model.means_).round(1)

# %%

pd.DataFrame(model.category_probabilities_["island"]).round(2)

# %%
# Gaps, and new birds
# -------------------
# A missing cell is filled by what its group expects, given the rest of the row.

missing = X.isna().any(axis=1)
model.impute(X)[missing].head()

# %%
# And rows can be drawn from the mixture.

drawn, groups = model.sample(5)
drawn
