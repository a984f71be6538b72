"""The Palmer penguins: body measurements of three species."""

import csv
from importlib.resources import files
from typing import Any

import numpy as np
from sklearn.utils import Bunch

MEASUREMENTS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def load_penguins(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the measurements of the Palmer penguins.

    Four body measurements of 342 adult penguins of three species, taken from
    2007 to 2009 on islands of the Palmer Archipelago, Antarctica.

    =================   ==============
    Classes                          3
    Samples per class   151 / 123 / 68
    Samples total                  342
    Dimensionality                   4
    Features            real, positive
    =================   ==============

    The table that comes with the package (at `filename`) has three more
    columns (island, sex and year), missing values, and two birds that were
    never measured, which this function leaves out.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` is a pandas DataFrame and `target` a pandas Series.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (342, 4), dtype=float64, or DataFrame
            The measurements, in millimetres and grams.
        target : ndarray of shape (342,), dtype=int64, or Series
            The species, as an index into `target_names`.
        feature_names : list of str
            Names of the columns of `data`.
        target_names : ndarray of shape (3,)
            Names of the species.
        frame : DataFrame of shape (342, 5) or None
            `data` and `target` side by side, only with ``as_frame=True``.
        DESCR : str
            Columns, source, licence and references.
        filename : str
            Path of the whole table, a CSV file of 344 rows and 8 columns.

    (data, target) : tuple if `return_X_y` is True
        The measurements and the species.

    Notes
    -----
    The data were collected by Dr. Kristen Gorman and the Palmer Station
    Long Term Ecological Research Program and are in the public domain (CC0).

    References
    ----------
    .. [1] Gorman, K. B., Williams, T. D. and Fraser, W. R. (2014). Ecological
       sexual dimorphism and environmental variability within a community of
       Antarctic penguins (genus Pygoscelis). PLoS ONE 9(3), e90081.
       :doi:`10.1371/journal.pone.0090081`

    Examples
    --------
    >>> from skdeepcluster.datasets import load_penguins
    >>> penguins = load_penguins()
    >>> penguins.data.shape
    (342, 4)
    >>> penguins.target_names.tolist()
    ['Adelie', 'Chinstrap', 'Gentoo']
    """
    folder = files("skdeepcluster.datasets") / "data"
    path = folder / "penguins.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["body_mass_g"] != "NA"]
    data = np.array([[float(row[name]) for name in MEASUREMENTS] for row in rows])
    target_names, target = np.unique(
        [row["species"] for row in rows], return_inverse=True
    )

    frame = None
    if as_frame:
        import pandas as pd

        data = pd.DataFrame(data, columns=MEASUREMENTS)
        target = pd.Series(target, name="target")
        frame = data.assign(target=target)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        feature_names=list(MEASUREMENTS),
        target_names=target_names,
        frame=frame,
        DESCR=(folder / "penguins.md").read_text(encoding="utf-8"),
        filename=str(path),
    )
