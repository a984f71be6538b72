"""
Cluster a table
===============

A table as it comes: columns in different units, a category, missing values. A
pipeline turns it into groups, and says how sure it is of each row.
"""

# %%
# The table
# ---------
# 344 penguins. Species, island and year are kept aside: the groups are to come
# from the birds alone, and the species is the check at the end.

import pandas as pd

from skdeepcluster.datasets import load_penguins

penguins = pd.read_csv(load_penguins().filename)
measured = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
X = penguins[[*measured, "sex"]]
X.isna().sum()

# %%
# The pipeline
# ------------
# Measurements are filled in and standardised, so that a gram does not count as
# much as a millimetre. The category becomes columns of 0 and 1; an unknown sex
# is a category of its own.

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import TELL

columns = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), measured),
    (OneHotEncoder(), ["sex"]),
)
model = make_pipeline(columns, TELL(random_state=0))

# %%
# How many groups?
# ----------------
# The silhouette needs no labels. It has two peaks: a coarse answer, two groups,
# and a fine one, six. We want the fine one.

from sklearn.metrics import silhouette_score

rows = columns.fit_transform(X)
for n_clusters in range(2, 10):
    model.set_params(tell__n_clusters=n_clusters)
    score = silhouette_score(rows, model.fit_predict(X))
    print(f"{n_clusters} groups: silhouette {score:.2f}")

# %%

import matplotlib.pyplot as plt

from skdeepcluster.inspection import EmbeddingDisplay

labels = model.set_params(tell__n_clusters=6).fit_predict(X)
display = EmbeddingDisplay.from_estimator(model, X)
plt.show()

# %%
# How sure?
# ---------
# ``predict_proba`` compares the distances to all centres. It is no calibrated
# probability, but it orders the rows: the doubtful ones stand between groups.

confidence = model.predict_proba(X).max(axis=1)

fig, ax = plt.subplots(layout="constrained")
across, up = display.embedding.T
points = ax.scatter(across, up, c=confidence, cmap="cividis", s=15)
ax.set(xlabel=display.axis_labels[0], ylabel=display.axis_labels[1])
fig.colorbar(points, label="confidence")
plt.show()

# %%
# The five most doubtful birds:

X.assign(group=labels, confidence=confidence.round(2)).nsmallest(5, "confidence")

# %%
# The check
# ---------
# The species was never used. The six groups are the three species, females and
# males apart: the fine structure of the table, which three groups would blur.

kinds = [penguins["species"], penguins["sex"].fillna("unknown")]
pd.crosstab(labels, kinds, rownames=["group"])
