"""
Make use of columns of ids
==========================

Customers, merchants, articles, devices: columns with thousands of levels. One column of
zeros and ones for each level learns little from few labels.
:class:`~skdeepcluster.CategoryGrouper` puts levels into groups by what they occur with,
and needs no labels for that.
"""

# %%
# The table
# ---------
# 30,000 purchases of 3,000 customers at 800 merchants. Both have eight hidden groups;
# customers mostly buy from merchants of their group, and whether a purchase is a fraud
# depends on the two groups. Only 2,000 purchases have been looked at.

from skdeepcluster.datasets import make_category_pairs

purchases = make_category_pairs(random_state=0)
X, fraud = purchases.data, purchases.target
looked_at, later = slice(2000), slice(-10000, None)
print(
    f"{len(X):,} purchases, {fraud[looked_at].mean():.0%} of those looked at are fraud"
)

# %%
# Groups of customers and merchants
# ---------------------------------
# All purchases take part, also those that nobody has looked at. Rare levels get a code
# of their own.

from sklearn.metrics import adjusted_rand_score

from skdeepcluster import CategoryGrouper

grouper = CategoryGrouper(random_state=0).fit(X)
codes = grouper.transform(X)
print(f"{grouper.n_groups_} groups, modularity {grouper.modularity_:.2f}")
for j, name in enumerate(["customers", "merchants"]):
    truth = purchases.groups[j][X[:, j]]
    score = adjusted_rand_score(truth, codes[:, j])
    print(f"{name}: adjusted Rand index with the hidden groups {score:.2f}")

# %%
# What they are worth
# -------------------
# The same logistic regression on different encodings of the two columns.

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder


def one_hot():
    """Columns of zeros and ones, all zero for levels not seen."""
    return OneHotEncoder(handle_unknown="ignore")


encodings = {
    "ids, one-hot": (one_hot(), X),
    "ids, TargetEncoder": (TargetEncoder(), X),
    "groups, one-hot": (one_hot(), codes),
}
scores = {}
for name, (encoder, columns) in encodings.items():
    model = make_pipeline(encoder, LogisticRegression(max_iter=1000))
    model.fit(columns[looked_at], fraud[looked_at])
    chance = model.predict_proba(columns[later])[:, 1]
    scores[name] = roc_auc_score(fraud[later], chance)
    print(f"{name:>18}: AUC {scores[name]:.3f}")

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 1.8), layout="constrained")
ax.barh(list(scores), list(scores.values()), color="#332288")
ax.set(xlim=(0.5, 1), xlabel="area under the ROC curve of later purchases")
ax.invert_yaxis()
plt.show()
