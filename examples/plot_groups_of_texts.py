"""
Find the topics of texts
========================

A model of language turns a text into a vector, and texts on one topic have vectors in
one direction. :class:`~skdeepcluster.NeighborEncoder` and :class:`~skdeepcluster.PPP`
take such vectors as they come, in whatever precision they are kept, and find how many
topics there are.
"""

# %%
# Texts
# -----
# What scikit-learn's classes and functions say of themselves: the beginnings of their
# docstrings.

import numpy as np
from sklearn.utils.discovery import all_estimators, all_functions

texts = {
    name: thing.__doc__.split("Parameters\n")[0]
    for name, thing in all_estimators() + all_functions()
    if thing.__doc__
}
names = np.array(list(texts))
print(f"{len(texts)} texts; {names[0]}: {texts[names[0]].strip().splitlines()[0]}")

# %%
# Vectors
# -------
# Any model's will do: ``vectors = model.encode(list(texts.values()))``. Here counts of
# words, brought to 50 dimensions, stand in for one, in half precision.

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

count_words = TfidfVectorizer(stop_words="english", sublinear_tf=True, min_df=2)
model = make_pipeline(count_words, TruncatedSVD(50, random_state=0), Normalizer())
vectors = model.fit_transform(texts.values()).astype(np.float16)

# %%
# Topics
# ------
# The length of a vector means nothing, its direction counts: ``metric="cosine"``. Ten
# components hold more topics apart than two.

from skdeepcluster import PPP, NeighborEncoder

encoder = NeighborEncoder(10, metric="cosine", random_state=0)
topics = PPP(encoder=encoder).fit(vectors)
print(f"{topics.n_clusters_} topics")

# %%
# What they are about
# -------------------
# The texts nearest to the mean direction of a topic speak for it.

for topic in range(topics.n_clusters_):
    members = np.flatnonzero(topics.labels_ == topic)
    rows = vectors[members].astype(np.float64)
    typical = members[np.argsort(rows @ -rows.mean(axis=0))[:4]]
    print(f"{len(members):3} texts: {', '.join(names[typical])}, ...")

# %%
# A new text
# ----------
# It gets the topic of its neighbours.

question = "Which of these regressors is robust to outliers in the targets?"
topic = topics.predict(model.transform([question]).astype(np.float16))[0]
print(f"{question} Topic {topic}, with {', '.join(names[topics.labels_ == topic][:4])}")

# %%
# More rows
# ---------
# A million vectors take the same lines. Of more than 20,000 rows so many are laid out
# (`max_anchors`), the others are placed among them; a topic of fewer than 0.2 % of the
# rows has few of its rows among them and may be missed. Where a hundred topics are
# expected, try ``placed="all"``.
