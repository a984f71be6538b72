"""
A million rows
==============

Tables that do not fit into memory come in chunks. :class:`~skdeepcluster.PPP`
keeps a summary of what it has seen, of bounded size, and finds the groups on it;
then every chunk gets its labels.
"""

# %%
# A table in chunks
# -----------------
# Twelve groups of very different sizes in eight columns, 50,000 rows at a time. In
# your work this is ``pandas.read_csv(..., chunksize=50_000)``, or the row groups of
# a Parquet file.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import PPP

N_CHUNKS, CHUNK_ROWS = 20, 50_000
centers = np.random.default_rng(1).uniform(-10, 10, size=(12, 8))
shares = np.arange(1, 13) / np.arange(1, 13).sum()


def chunk(number):
    rng = np.random.default_rng(number)
    truth = rng.choice(12, CHUNK_ROWS, p=shares)
    rows = centers[truth] + rng.normal(size=(CHUNK_ROWS, 8))
    return rows.astype(np.float32), truth


# %%
# Look at every chunk once
# ------------------------
# The number of groups is not given. Nothing is decided yet: the groups are found
# when they are first asked for.

model = PPP()
start = time.process_time()
for number in range(N_CHUNKS):
    model.partial_fit(chunk(number)[0])

# %%
# Then label them
# ---------------
# A row's label does not depend on the rows it comes with, so chunks may also be
# labeled by several processes.

agreement, counts = [], []
for number in range(N_CHUNKS):
    rows, truth = chunk(number)
    labels = model.predict(rows)
    agreement.append(adjusted_rand_score(truth, labels))
    counts.append(np.bincount(labels, minlength=model.n_clusters_))
sizes = np.sum(counts, axis=0)
seconds = time.process_time() - start
print(f"{model.n_clusters_} groups of {sizes.sum():,} rows")
print(f"agreement with the truth {np.mean(agreement):.3f}")
print("within a minute:", seconds < 60)

# %%
# Summaries of chunks that were seen elsewhere can be joined by ``merge``: so a
# cluster of machines takes the first pass, as the user guide shows with Dask.
#
# The sizes that were found, beside those that were drawn:

fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
place = np.arange(12)
drawn = np.sort(shares)[::-1] * sizes.sum()
ax.bar(place - 0.2, drawn, 0.4, color="#BBBBBB", label="drawn")
ax.bar(np.arange(len(sizes)) + 0.2, sizes, 0.4, color="#332288", label="found")
ax.set(xlabel="cluster", ylabel="rows", xticks=place)
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
