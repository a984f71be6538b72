"""
Pipelines and searches
======================

Every estimator of this package is one of scikit-learn's: it goes into a
``Pipeline``, is cloned, searched over and tuned by name. What scikit-learn lacks for
clusters is a way to search without labels; two objects fill the gap.
"""

# %%
# A table with numbers and categories, and gaps
# ---------------------------------------------

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import TELL
from skdeepcluster.datasets import load_penguins

X, species = load_penguins(return_X_y=True, as_frame=True)
X = X.assign(heavy=(X["body_mass_g"] > 4200).map({True: "yes", False: "no"}))
X.loc[::50, "bill_length_mm"] = None

columns = make_column_transformer(
    (
        make_pipeline(SimpleImputer(), StandardScaler()),
        make_column_selector(dtype_include="number"),
    ),
    (OneHotEncoder(), make_column_selector(dtype_exclude="number")),
)
model = make_pipeline(columns, TELL(n_clusters=3, random_state=0))
print(model.fit_predict(X)[:12])

# %%
# Search without labels
# ---------------------
# ``WholeData`` is a splitter with one split, of all rows: there is nothing to hold
# out where nothing is to be predicted. ``get_unsupervised_scorer`` has scores
# that need no labels. Both go into scikit-learn's own searches.

from sklearn.model_selection import GridSearchCV

from skdeepcluster.model_selection import WholeData, get_unsupervised_scorer

search = GridSearchCV(
    model,
    {"tell__n_clusters": range(2, 8), "tell__geometry": ["euclidean", "sphere"]},
    cv=WholeData(),
    scoring=get_unsupervised_scorer("silhouette"),
).fit(X)
print(search.best_params_)

# %%
# All candidates, and the best at each number of clusters:

from skdeepcluster.inspection import SelectionDisplay

display = SelectionDisplay.from_estimator(search, param_name="tell__n_clusters")

# %%
# The winner is a fitted pipeline, which labels new rows and says what it found:

from skdeepcluster.inspection import ClusterProfileDisplay

numbers = X.select_dtypes("number").dropna()
labels = search.predict(X.loc[numbers.index])
display = ClusterProfileDisplay.from_predictions(numbers, labels)
