"""Methods that cluster tables of numbers, categories and gaps, beside MixedMixture.

A method is a callable ``(frame, k) -> labels``; ``k`` is the number of classes, which
those that find it do not look at. Gaps are filled by means and modes where a method
does not take them.
"""

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.decomposition import TruncatedSVD

from skdeepcluster import PPP, MixedMixture, TableEncoder


def mixed_mixture(frame, k):
    """Find the number."""
    return MixedMixture().fit(frame).labels_


def mixed_mixture_told(frame, k):
    """Take the number."""
    return MixedMixture(k).fit(frame).labels_


def encoder_and_ppp(frame, k):
    """Find the number, on the axes of the encoded table."""
    return PPP(scale=False).fit(TableEncoder().fit_transform(frame)).labels_


def parts_of(frame):
    """Numbers, standardised, and codes of the other columns; gaps are NaN and -1."""
    is_number = [kind.kind in "fiu" for kind in frame.dtypes]
    numbers = frame.loc[:, is_number].to_numpy(np.float64)
    spread = np.nanstd(numbers, axis=0)
    numbers = (numbers - np.nanmean(numbers, axis=0)) / np.where(spread > 0, spread, 1)
    others = frame.loc[:, [not item for item in is_number]]
    codes = [pd.factorize(others[name], sort=True)[0] for name in others]
    return numbers, np.array(codes, dtype=np.int64).reshape(-1, len(frame)).T


def filled(frame):
    """Fill gaps: numbers by the mean, which is 0, codes by the most frequent."""
    numbers, codes = parts_of(frame)
    modes = [np.bincount(column[column >= 0]).argmax() for column in codes.T]
    modes = np.array(modes, dtype=np.int64)
    return np.nan_to_num(numbers), np.where(codes < 0, modes, codes)


def stepmix(frame, n_components):
    """Latent classes of Gaussians and categories, gaps integrated out."""
    from stepmix.stepmix import StepMix

    numbers, codes = parts_of(frame)
    parts, descriptor = [], {}
    for name, table in (("gaussian_diag", numbers), ("categorical", codes)):
        if table.shape[1] == 0:
            continue
        table = np.where(table < 0, np.nan, table) if name == "categorical" else table
        model = name + ("_nan" if np.isnan(table).any() else "")
        descriptor[name] = {"model": model, "n_columns": table.shape[1]}
        parts.append(table)
    model = StepMix(
        n_components,
        measurement=descriptor,
        n_init=3,
        max_iter=300,
        random_state=0,
        verbose=0,
        progress_bar=0,
    )
    table = np.hstack(parts)
    model.fit(table)
    return model, table


def stepmix_told(frame, k):
    """StepMix with the number of classes."""
    model, table = stepmix(frame, k)
    return model.predict(table)


def stepmix_by_bic(frame, k):
    """StepMix with the number from 1 to 8 of the least BIC."""
    found = [stepmix(frame, number) for number in range(1, 9)]
    model, table = min(found, key=lambda item: item[0].bic(item[1]))
    return model.predict(table)


def k_prototypes(frame, k):
    """K-prototypes with the number of classes, on filled gaps."""
    from kmodes.kmodes import KModes
    from kmodes.kprototypes import KPrototypes

    numbers, codes = filled(frame)
    if codes.shape[1] == 0:
        return kmeans(numbers, k)
    if numbers.shape[1] == 0:
        return KModes(k, n_init=3, random_state=0).fit_predict(codes)
    table = np.hstack([numbers.astype(object), codes.astype(object)])
    places = list(range(numbers.shape[1], table.shape[1]))
    model = KPrototypes(k, n_init=3, random_state=0)
    return model.fit_predict(table, categorical=places)


def kmeans(numbers, k):
    """K-means of ten starts."""
    return KMeans(k, n_init=10, random_state=0).fit_predict(numbers)


def famd_and_kmeans(frame, k):
    """Factor analysis of mixed data on filled gaps, five axes, then k-means."""
    numbers, codes = filled(frame)
    parts = [numbers]
    for column in codes.T:
        indicators = np.eye(column.max() + 1)[column]
        shares = indicators.mean(axis=0)
        seen = shares > 0
        scaled = (indicators[:, seen] - shares[seen]) / np.sqrt(shares[seen])
        parts.append(scaled)
    table = np.hstack(parts)
    n_axes = min(5, table.shape[1] - 1)
    axes = TruncatedSVD(n_axes, random_state=0).fit_transform(table)
    return kmeans(axes, k)


def gower_and_average(frame, k):
    """Average linkage of Gower's distances, gaps left out of each pair."""
    numbers, codes = parts_of(frame)
    total = np.zeros((len(frame), len(frame)))
    compared = np.zeros_like(total)
    for column in numbers.T:
        span = np.nanmax(column) - np.nanmin(column)
        apart = np.abs(column[:, np.newaxis] - column) / (span or 1.0)
        total += np.nan_to_num(apart)
        compared += ~np.isnan(apart)
    for column in codes.T:
        both = (column[:, np.newaxis] >= 0) & (column >= 0)
        total += both & (column[:, np.newaxis] != column)
        compared += both
    distances = np.where(compared > 0, total / np.maximum(compared, 1), 1.0)
    model = AgglomerativeClustering(k, metric="precomputed", linkage="average")
    return model.fit_predict(distances)


METHODS = {
    "MixedMixture": mixed_mixture,
    "MixedMixture, told": mixed_mixture_told,
    "TableEncoder + PPP": encoder_and_ppp,
    "StepMix, told": stepmix_told,
    "StepMix by BIC": stepmix_by_bic,
    "k-prototypes, told": k_prototypes,
    "FAMD + k-means, told": famd_and_kmeans,
    "Gower + average linkage, told": gower_and_average,
}
