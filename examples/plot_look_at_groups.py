"""
Look at what was found
======================

After a fit comes the question what the groups are. One line each answers it: a
profile of every group in the units of the table, rules in words, and pictures
that show how firm the groups are.
"""

# %%
# Measurements of penguins, without their species. PPP finds the number of groups.
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import PPP
from skdeepcluster.datasets import load_penguins

X, species = load_penguins(return_X_y=True, as_frame=True)
model = make_pipeline(StandardScaler(), PPP(assume="gaussian")).fit(X)
print(model[-1].n_clusters_, "groups")

# %%
# What sets them apart: means in grams and millimetres, coloured by how far they
# lie from the mean of all rows.
from skdeepcluster.inspection import ClusterProfileDisplay

display = ClusterProfileDisplay.from_estimator(model, X)

# %%
# The same in words. A rule describes a group, it did not make it: how much of the
# group it covers and how often it is right stands behind it.
from skdeepcluster.inspection import cluster_rules

print(cluster_rules(model, X, max_depth=2))

# %%
# How firm the groups are: a row far below the dashed line lies between two groups.
from skdeepcluster.inspection import SilhouetteDisplay

display = SilhouetteDisplay.from_estimator(model, X)

# %%
# How PPP came to them: cells of the table that were merged, and merges that were
# undone since their two sides are not one population.
from skdeepcluster.inspection import TreeDisplay

display = TreeDisplay.from_estimator(model)

# %%
# Here the truth is known, so the groups can be held against the species.
from skdeepcluster.inspection import DiscoveryDisplay

display = DiscoveryDisplay.from_predictions(species, model.predict(X))
