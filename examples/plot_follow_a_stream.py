"""
Follow a stream
===============

Rows arrive in chunks, and the groups drift. ``partial_fit`` moves the centres
with them; which geometry is right depends on whether old rows still count.
"""

# %%
# A stream
# --------
# Four kinds of events, seen by two sensors that slowly turn: 30 chunks of 300
# rows, and a quarter turn at the end.

import numpy as np

rng = np.random.default_rng(0)
N_CHUNKS = 30


def draw_chunk(step):
    kinds = rng.integers(4, size=300)
    angles = np.pi / 2 * (kinds + step / N_CHUNKS)
    middles = 3 * np.column_stack([np.cos(angles), np.sin(angles)])
    return middles + rng.normal(scale=0.7, size=(300, 2)), kinds


# %%
# Three ways to follow
# --------------------
# All start from the first chunk, where each cluster gets the name of its kind.
# Every later chunk is predicted first and learned from afterwards.
#
# - Frozen: no learning.
# - ``geometry="euclidean"``: a centre is the mean of all rows it ever won. The
#   more it has seen, the less it moves.
# - ``geometry="sphere"``: with each batch a centre turns about a tenth of the way
#   towards its rows. It forgets.

from skdeepcluster import TELL
from skdeepcluster.metrics import match_labels

first, kinds = draw_chunk(0)
followers = {
    "frozen": TELL(4, random_state=0),
    "euclidean": TELL(4, random_state=0),
    "sphere": TELL(4, geometry="sphere", random_state=0),
}
kind_of = {
    name: match_labels(kinds, tell.partial_fit(first).labels_)
    for name, tell in followers.items()
}
accuracy: dict[str, list[float]] = {name: [] for name in followers}
paths = {name: [tell.cluster_centers_] for name, tell in followers.items()}

chunk = first
for step in range(1, N_CHUNKS + 1):
    chunk, kinds = draw_chunk(step)
    for name, tell in followers.items():
        predicted = [kind_of[name][label] for label in tell.predict(chunk)]
        accuracy[name].append(float(np.mean(predicted == kinds)))
        if name != "frozen":
            tell.partial_fit(chunk)
        paths[name].append(tell.cluster_centers_)

# %%
# Left, the share of rows whose kind is predicted right. Right, the paths of the
# centres, over the last chunk: means of all rows stay behind, directions keep up.
# Where groups do not drift, prefer the means: they settle, while directions
# follow the noise of the latest rows.

import matplotlib.pyplot as plt

COLORS = {"frozen": "#CC6677", "euclidean": "#88CCEE", "sphere": "#332288"}
STYLES = {"frozen": ":", "euclidean": "--", "sphere": "-"}

fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
right.scatter(*chunk.T, s=6, color="#BBBBBB")
for name, color in COLORS.items():
    chunks = range(1, N_CHUNKS + 1)
    left.plot(chunks, accuracy[name], STYLES[name], color=color, label=name)
    for path in np.stack(paths[name], axis=1):
        right.plot(*path.T, STYLES[name], color=color)
        right.plot(*path[-1], color=color, marker="o")
left.set(xlabel="chunk", ylabel="accuracy", ylim=(0, 1.05))
left.legend(frameon=False)
right.set(xlabel="sensor 1", ylabel="sensor 2", aspect="equal")
plt.show()
