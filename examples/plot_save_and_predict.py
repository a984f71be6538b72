"""
Save a model, and use it tomorrow
=================================

A pipeline goes into one file that holds no code, and comes back with the same
answers bit for bit.
"""

# %%
# A model of today
# ----------------
# Penguins, with gaps in their measurements and a category: a whole pipeline, from
# the table as it is to the groups.

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import TELL, load, save
from skdeepcluster.datasets import load_penguins

penguins = pd.read_csv(load_penguins().filename).sample(frac=1, random_state=0)
numbers = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
columns = make_column_transformer(
    (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
    (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["sex"]),
)
model = make_pipeline(columns, TELL(6, random_state=0))
old, new = penguins[:300], penguins[300:]
model.fit(old)

# %%
# One file
# --------

import tempfile
from pathlib import Path

folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "penguins.model")
save(model, path)
again = load(path)
print("the same groups:", (again.predict(new) == model.predict(new)).all())

# %%
# What is in it
# -------------
# A zip archive: a description of the model in JSON, and the bytes of the arrays.

from zipfile import ZipFile

with ZipFile(path) as archive:
    print(*archive.namelist()[:4], "...", sep="\n")

# %%
# A damaged file is an error
# --------------------------
# One bit is enough; a damaged file never becomes a wrong prediction.

content = bytearray(path.read_bytes())
content[-200] ^= 1
damaged = Path(folder.name, "damaged.model")
damaged.write_bytes(content)
try:
    load(damaged)
except ValueError as error:
    print(str(error).replace(folder.name, ""))

# %%
# The groups of further rows
# --------------------------
# Where the rows that came after the fit lie among the old ones.

import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for rows, alpha, edge in ((old, 0.25, None), (new, 1.0, "black")):
    ax.scatter(
        rows["flipper_length_mm"],
        rows["bill_length_mm"],
        c=again.predict(rows),
        cmap="tab10",
        vmin=0,
        vmax=9,
        alpha=alpha,
        edgecolors=edge,
    )
ax.set(xlabel="flipper length, mm", ylabel="bill length, mm")
ax.set_title("Pale: rows of the fit. Outlined: rows that came later")
folder.cleanup()
plt.show()
