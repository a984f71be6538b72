"""PPP: density-based clusters whose number is found; see ``_density_clusters``."""

from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils import check_scalar
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._levels import joined_clusters, joining_distances
from .._mixture_methods import CHUNK_ROWS, MixtureMethods, responsibilities
from .._row_links import checked_links, links_were, violations
from .._rows import canonical_order
from .._validation import check_table, check_weights
from .._warnings import warn, warn_if_collapsed
from ..base import WeightedClusterer, unchanged_on_error
from ..exceptions import LinkWarning
from ..streaming._stream_sample import Summary
from ._density_clusters import MAX_AXES, fit_ppp, follow_links
from ._input_means import input_means
from ._linked_groups import named_rows
from ._merging import MergeRules

# Least probability of its cluster at a row that is separable.
CONFIDENT = 0.95
# Of more columns, 20 principal axes tell little where groups are many.
MANY_COLUMNS = 200
# Attributes of the rows of fit; the last three only a fit with links leaves.
OF_ROWS = (
    "labels_",
    "separable_samples_",
    "n_violated_",
    "violated_",
    "violated_kind_",
)


class PPP(MixtureMethods, WeightedClusterer):
    """Probabilistic partitive partitioning: finds the number of clusters.

    Bisecting k-means cuts the table into many cells, at up to seven sizes. A
    Gaussian mixture with one component per cell, and rows counted between
    neighbouring cells, give the density at the cells and at the saddle points
    between them. Groups of cells are merged unless a saddle or a test of
    log-concavity separates them; then the sizes vote. Nothing is drawn at
    random: there is no ``random_state``, and neither a seed nor the order of
    the rows can change the result.

    Parameters
    ----------
    max_clusters : int, default=None
        Largest number of clusters; None for no limit. Beyond it, the clusters
        with the least evidence between them are merged.
    min_clusters : int, default=1
        Smallest number of clusters. Where the evidence is for fewer, the merges
        with the most evidence against them are undone, and ``validated_`` is
        False.
    max_saddle : float, default=None
        Neighbouring groups are also merged where the density at the saddle
        point between them exceeds this multiple of the lower peak, even if the
        test of log-concavity separates them; None for never. 1 is strict: for
        skewed columns that cannot be transformed.
    assume : {"log-concave", "unimodal", "gaussian"}, default="log-concave"
        Distribution of one population. Log-concave ones are the Gaussian,
        uniform, exponential, Laplace and many more. "unimodal" also allows for
        heavier tails, such as those of the log-normal distribution; it finds
        fewer clusters in real tables. "gaussian" splits each log-concave group
        into as many Gaussians as the BIC selects: it separates populations that
        overlap, and cuts everything that is not Gaussian into pieces.
    scale : bool, default=True
        Whether columns are divided by their standard deviation.
    feature_selection : bool, default=False
        Whether columns that the clusters do not explain are dropped, and the
        rest clustered again, until nothing changes or 6 times.
    encoder : transformer, default=None
        What embeds the rows first, such as :class:`NeighborEncoder`,
        :class:`AutoEncoder` or scikit-learn's PCA; None clusters the columns as
        they are.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of every row of :meth:`fit`; 0 is the largest by the rows that
        decide. Absent after :meth:`partial_fit`.
    n_clusters_ : int
        Number of clusters found.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features_in_)
        Means of the rows that decide, in input units and dtype. With an encoder they
        are decoded, and absent where it has no ``inverse_transform``.
    stability_ : float
        Mean adjusted Rand index between the size elected and the others that
        voted; 1 where only one did. How surely each cluster is found again in halves
        of the rows costs several fits:
        :func:`~skdeepcluster.model_selection.cluster_stability` tells.
    validated_ : bool
        Whether the number of clusters is what the evidence says, not what
        ``min_clusters`` or ``max_clusters`` enforced.
    merges_ : list of dict
        Merges at the size elected, in order. Cells are the nodes ``0, 1, …``;
        each merge of ``left`` and ``right`` makes a new ``node`` of ``weight``
        rows. ``separation`` is in nats (None for merges by the last test), ``z``
        the evidence against one population (None where it was not looked at),
        ``kept`` whether the merge was not undone.
    sizes_tried_ : list of dict
        Every size tried: ``n_cells``, the share ``impure`` of rows in cells that
        are more than one population, and for those that voted ``n_clusters``
        and ``agreement`` (None for others).
    feature_separability_ : ndarray of shape (n_features,)
        Share of each column's variance that the clusters explain.
    separable_features_ : ndarray of shape (n_features,), dtype=bool
        Columns that the clusters explain beyond chance, by an F test at 0.01
        over the number of columns. The clusters were made from these columns:
        take it as a ranking with a floor, not as evidence.
    levels_ : list of dict
        For every number of clusters up to ``n_clusters_``, ascending: ``n_clusters``,
        and the ``distance`` at which the clusters of the next finer level are joined
        to it, in scaled columns (in codes, after :meth:`partial_fit` with an encoder);
        see :meth:`labels_at`. A jump suggests a level.
    selection_path_ : list of dict
        With ``feature_selection``: ``n_features``, ``n_clusters`` of each round.
    separable_samples_ : ndarray of shape (n_samples,), dtype=bool
        Rows that belong to their cluster with a probability of at least 0.95.
        Absent after :meth:`partial_fit`.
    n_violated_ : int
        Number of links that ``labels_`` do not keep. This and the next two are there
        only after a :meth:`fit` with links.
    violated_ : ndarray of shape (n_violated_, 2), dtype=int64
        These links. The one that costs most to keep, in nats of the density of one of
        its rows, comes first.
    violated_kind_ : ndarray of shape (n_violated_,)
        "must_link" or "cannot_link".
    encoder_ : transformer
        The fitted encoder, where one was given.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter or the table is not as described.

    Warns
    -----
    ConvergenceWarning
        If there is no evidence of more than one cluster.
    LinkWarning
        If links are not kept, or are of rows without weight.

    See Also
    --------
    AutoEncoder : An encoder for tables of many columns.
    ConstrainedKMeans : Links that hold for certain, and bounds on sizes.
    skdeepcluster.model_selection.cluster_stability : Whether halves of the rows show
        the clusters again.

    Notes
    -----
    Only the abstract of [1]_ could be found. It says that k-means partitions
    the data and a Gaussian mixture validates the partitions, that no number of
    clusters is needed and that the result does not depend on a start. The
    algorithm that makes this true is derived from that sentence here, and was
    fixed by simulation on data without clusters.

    A row with a weight of 2 is two rows: weights are counts, and evidence grows
    with them. A table that weighs more than 2^24 rows counts as about as many.

    :meth:`score_samples` and what follows from it speak of the coordinates that are
    clustered: scaled columns and the axes of those of few values, or, of more than
    20, their first 20 principal axes, along which alone :meth:`sample` spreads its
    rows. Where all rows are equal, log
    densities are 0. In :meth:`bic` and :meth:`aic` a covariance, which is shrunk
    towards the mean of all, counts by the share of its own rows in it.

    So in a table of hundreds of columns, such as vectors of texts or images, clusters
    that lie along other axes are not seen; behind ``NeighborEncoder(10)`` they may be,
    with ``metric="cosine"`` where only the directions of the rows count.

    Time is linear in the number of rows. Up to 100,000 distinct rows (2^24
    numbers, where there are more than 167 columns) all of them decide on the
    clusters; of more, a sample of as many, drawn by a hash of the values instead
    of random numbers, and every row is labelled. :meth:`fit`, and
    :meth:`partial_fit` and :meth:`merge` of any parts of the table in any order,
    give the same clusters and numbers, bit for bit: the rows of the sample are
    weighed exactly, and so is, to 1 in 1000, a value that more than 1/1000 of all
    rows share.
    Fewer than about 70 rows per cluster at 3 to 4 standard deviations, and
    Gaussians less than 3 apart, are not separated. Skewed columns are better
    log-transformed first.

    Values that several rows share are known up to half a step only: to find the
    clusters, they are spread over the step to the next value, by a hash. A gap
    that is a column's own step is thus no evidence. Labels are given to the rows as
    they are.

    Columns of two to four values are evidence where several depend on each other, as
    in latent class analysis. They are replaced by the axes of their correlations
    whose eigenvalue exceeds what independent columns give, and spread along these by
    a typical step; columns of which fewer than 8 rows leave one value take no part
    then. That two binary columns are never both 1, as those of one category,
    is no dependence. Where no axis exceeds chance, as with independent columns,
    each is spread over its own step: a column that hardly ever leaves one value
    hardly counts.

    Links cut and join the clusters that were found without them: ``merges_``,
    ``sizes_tried_``, ``stability_`` and ``selection_path_`` tell of those. Links are
    evidence and not law: a cluster is cut where more than a fifth of the named rows
    that count in it are refused by more rows there than accept them, two are joined
    where more rows speak for it than against. Single links may thus be broken, and
    contradictions are no error. A wrong acceptance that no other answer contradicts
    joins whole clusters. With ``min_clusters`` or ``max_clusters`` links do
    not go beyond these, and ``validated_`` is False where they would have to. Equal
    rows are one row, and with fewer than 24 rows links change nothing. What
    :meth:`partial_fit` or :meth:`merge` take up later makes clusters anew, without
    links.

    Summaries of parts of a table, made anywhere, merge to the summary of the
    whole, here with Dask::

        parts = [dask.delayed(PPP().partial_fit)(chunk) for chunk in chunks]
        model = streaming.merge_all(dask.compute(*parts)).frozen()
        labels = [dask.delayed(model.predict)(chunk) for chunk in chunks]

    Ctrl-C leaves the estimator as it was before the call, with the chunks that
    :meth:`partial_fit` had taken up.

    References
    ----------
    .. [1] M. Sultan, "Probabilistic Partitive Partitioning (PPP)",
       arXiv:2003.04372, 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdeepcluster import PPP
    >>> X = load_wine().data
    >>> model = PPP().fit(X)
    >>> model.n_clusters_
    3
    >>> bool((model.predict(X) == model.labels_).all())
    True

    Two species of iris are one cluster; three pairs part them:

    >>> from sklearn.datasets import load_iris
    >>> X = load_iris().data
    >>> PPP().fit(X).n_clusters_
    2
    >>> PPP().fit(X, cannot_link=[[50, 100], [60, 120], [70, 110]]).n_clusters_
    3
    """

    # Set all at once by `_publish`, where editors do not see them.
    n_clusters_: int
    n_violated_: int
    violated_: NDArray
    violated_kind_: NDArray
    stability_: float
    validated_: bool
    merges_: list[dict]
    sizes_tried_: list[dict]
    selection_path_: list[dict]
    feature_separability_: NDArray
    separable_features_: NDArray

    _parameter_constraints: ClassVar[dict] = {
        "max_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "min_clusters": [Interval(Integral, 1, None, closed="left")],
        "max_saddle": [Interval(Real, 0, None, closed="neither"), None],
        "assume": [StrOptions({"log-concave", "unimodal", "gaussian"})],
        "scale": ["boolean"],
        "feature_selection": ["boolean"],
        "encoder": [HasMethods(["fit_transform", "transform"]), None],
    }

    def __init__(
        self,
        *,
        max_clusters: int | None = None,
        min_clusters: int = 1,
        max_saddle: float | None = None,
        assume: Literal["log-concave", "unimodal", "gaussian"] = "log-concave",
        scale: bool = True,
        feature_selection: bool = False,
        encoder: Any = None,
    ) -> None:
        self.max_clusters = max_clusters
        self.min_clusters = min_clusters
        self.max_saddle = max_saddle
        self.assume = assume
        self.scale = scale
        self.feature_selection = feature_selection
        self.encoder = encoder

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        must_link: ArrayLike | None = None,
        cannot_link: ArrayLike | None = None,
    ) -> Self:
        """Find the clusters of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers. float32 is kept, other dtypes become float64.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.
        must_link, cannot_link : array-like of shape (n_links, 2), default=None
            Pairs of row numbers that belong together, and apart. They are positions
            in the whole table: a search that cuts rows cannot cut them along, and
            does not always notice.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        with unchanged_on_error(self):
            X = self._checked(X, reset=True)
            weights = check_weights(sample_weight, X)
            links = None
            if must_link is not None or cannot_link is not None:
                nothing = np.full(len(X), -1)
                links = checked_links(must_link, cannot_link, nothing, weights)
            Z = self._fit_encoder(X, sample_weight=weights)
            self._fit_clusters(Z, weights, links)
            if self.encoder is not None:
                # Codes keep who is near, and lose how far apart clusters are.
                self._input_centers = input_means(
                    X, weights, self.labels_, self.n_clusters_, self.scale
                )
        return self

    def _fit_clusters(self, Z, sample_weight, links=None):
        self._check_limits()
        self._exchange_summary(Summary().add(Z, sample_weight))
        has_links = links is not None and not links.are_none
        found = self._find_clusters(named_rows(Z, links) if has_links else None)
        self._publish(found)
        self.labels_, self.separable_samples_ = _label(found.density, Z)
        if links is not None:
            self._publish_violated(Z, links)

    def _publish_violated(self, Z, links):
        """Set the links that labels break; what they cost is in nats."""
        rows = np.flatnonzero(links.named)
        number = np.full(len(Z), -1)
        number[rows] = np.arange(len(rows))
        among = links._replace(
            must=number[links.must],
            cannot=number[links.cannot],
            codes=links.codes[rows],
        )
        costs = -self._density.log_densities(Z[rows])
        pairs, kinds = violations(among, self.labels_[rows], costs)
        self.violated_, self.violated_kind_ = rows[pairs], kinds
        self.n_violated_ = len(pairs)
        if self.n_violated_:
            warn(
                f"{links_were(self.n_violated_)} not kept: see violated_, the one that "
                "would cost most to keep first.",
                LinkWarning,
            )

    def _check_limits(self):
        if self.max_clusters is not None and self.max_clusters < self.min_clusters:
            raise ValueError(
                f"max_clusters={self.max_clusters} should be >= "
                f"min_clusters={self.min_clusters}."
            )

    def _find_clusters(self, named=None):
        """Clusters of the summary's rows, cut and joined by links; warn of too few."""
        rows, weights = self._summary.table()
        rules = MergeRules(
            unimodal=self.assume == "unimodal",
            max_saddle=None if self.max_saddle is None else float(self.max_saddle),
            min_groups=self.min_clusters,
            max_groups=self.max_clusters,
        )
        found = fit_ppp(
            rows,
            weights,
            rules,
            split_gaussians=self.assume == "gaussian",
            scale=self.scale,
            feature_selection=self.feature_selection,
            max_rows=self._summary.capacity,
        )
        was_one = found.n_clusters == 1
        if named is not None:
            found = follow_links(found, rows, weights, named, rules)
        warn_if_collapsed(
            found.n_clusters, self.min_clusters, "The table has too few rows."
        )
        is_one = was_one and found.n_clusters == self.min_clusters == 1
        if is_one and self.max_clusters != 1:
            warn(
                f"No evidence of more than one cluster in {len(rows)} distinct "
                "rows: every row has label 0. Ask for min_clusters=2 to see the "
                f"best cut all the same.{_what_width_hides(*rows.shape)}"
            )
        return found

    def _publish(self, found):
        """Set what was found, all at once.

        Several threads may ask for the clusters of a stream at the same time.
        """
        dtype = self._summary.rows.dtype
        centers = found.density.centers.astype(dtype)
        attributes = {
            "n_clusters_": found.n_clusters,
            "merges_": found.merges,
            "sizes_tried_": found.sizes_tried,
            "stability_": found.stability,
            "validated_": found.validated,
            "feature_separability_": found.feature_separability,
            "separable_features_": found.separable_features,
            "_density": found.density,
            "_dtype": dtype,
            "_weight": float(found.sizes.sum()),
            "_is_current": True,
        }
        if self.feature_selection:
            attributes["selection_path_"] = found.selection_path
        aside = copy(self)
        aside._set_cluster_centers(centers)
        vars(self).update(vars(aside) | attributes)

    def _find_if_changed(self):
        """Find the clusters of a stream, if rows came since the last time."""
        if not self._is_current:
            self._publish(self._find_clusters())

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self,
        X: ArrayLike | None = None,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take up a chunk of rows; clusters are found when they are asked for.

        A bounded summary of all chunks is kept. What is found does not depend
        on how the rows were cut into chunks, nor on their order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows of the table. None takes up nothing and finds the clusters of
            what came before, as the first call of :meth:`predict` does.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. None means 1 for all.

        Returns
        -------
        self : object
            The estimator.
        """
        if X is None:
            check_is_fitted(self)
            self._find_if_changed()
            return self
        self._refuse_frozen()
        first = not hasattr(self, "_summary")
        with unchanged_on_error(self):
            X = check_table(self, X, reset=first)
            weights = check_weights(sample_weight, X)
            self._check_limits()
            Z = self._fit_encoder(X) if first else self._encoded(X)
            summary = Summary() if first else self._summary.copy()
            self._exchange_summary(summary.add(Z, weights))
        return self

    def _exchange_summary(self, summary):
        self._summary, self._is_current = summary, False
        for name in (*OF_ROWS, "_input_centers", "selection_path_"):
            vars(self).pop(name, None)

    def merge(self, other: Any) -> Self:
        """Take up what another estimator saw of the same table.

        Parameters
        ----------
        other : PPP
            One that :meth:`fit` or :meth:`partial_fit` was called on; it is not
            changed.

        Returns
        -------
        self : object
            The estimator; clusters are found when they are asked for.

        Raises
        ------
        ValueError
            If the tables have different columns, if the encoders were fitted
            apart, so that their codes have nothing in common, or if one of the
            two is a :meth:`frozen` copy.
        """
        for model in (self, other):
            check_is_fitted(model)
            model._refuse_frozen()
        if other.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"Tables of {self.n_features_in_} and {other.n_features_in_} "
                "columns do not merge."
            )
        encoders = [vars(model).get("encoder_") for model in (self, other)]
        if joblib.hash(encoders[0]) != joblib.hash(encoders[1]):
            raise ValueError(
                "The encoders of the two were fitted apart: fit one encoder first, on "
                "the rows of a streaming.RowSummary, and give its codes to PPP()."
            )
        with unchanged_on_error(self):
            self._exchange_summary(self._summary.copy().merge(other._summary))
        return self

    def frozen(self):
        """Copy the estimator without its summary, to send it to where rows are.

        The copy labels rows as this one does, and takes up no more. It is as
        small as the density; the summary holds up to 2^24 numbers.

        Returns
        -------
        model : PPP
            Without ``labels_``, ``separable_samples_`` and broken links; its
            :meth:`partial_fit` and :meth:`merge` raise ValueError.
        """
        check_is_fitted(self)
        self._find_if_changed()
        model = copy(self)
        for name in OF_ROWS:
            vars(model).pop(name, None)
        model._summary = None
        return model

    def _refuse_frozen(self):
        if getattr(self, "_summary", self) is None:
            raise ValueError(
                "This PPP is a frozen copy: it labels rows, but has no summary to add "
                "to. Ask the estimator that it was made from."
            )

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_summary")

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Give every row its most probable cluster.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row; for the rows of :meth:`fit`, ``labels_``.
        """
        return super().predict(X)

    def _predict_labels(self, Z):
        return self._by_chunks(Z, lambda logs: logs.argmax(axis=1))

    def labels_at(self, n_clusters: int) -> NDArray[Any]:
        """Return the labels of the rows of fit at a coarser level.

        The clusters whose means are nearest are joined first, by average linkage in
        scaled columns, also where the codes of an encoder were clustered. Nothing is
        fitted again, and levels are nested. No test says that a level is right, only
        that ``n_clusters_`` is.

        Parameters
        ----------
        n_clusters : int
            Number of clusters, from 1 to ``n_clusters_``.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row, 0 the largest; ``labels_`` for ``n_clusters_``.

        Raises
        ------
        ValueError
            If fewer clusters were found.
        AttributeError
            If the table came in parts: its rows have no labels.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import make_blobs
        >>> from skdeepcluster import PPP
        >>> centers = [[0, 0], [9, 0], [60, 60], [69, 60]]
        >>> X, y = make_blobs(400, centers=centers, random_state=0)
        >>> model = PPP().fit(X)
        >>> model.n_clusters_, np.unique(model.labels_at(2)[y < 2]).size
        (4, 1)
        """
        return self._numbers_at(n_clusters)[self.labels_]

    def predict_at(self, X: ArrayLike, n_clusters: int) -> NDArray[Any]:
        """Give every row its cluster at a coarser level.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        n_clusters : int
            Number of clusters, from 1 to ``n_clusters_``.

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype=int64
            Cluster of each row; for the rows of :meth:`fit`, what :meth:`labels_at`
            returns.

        Raises
        ------
        ValueError
            If fewer clusters were found.
        AttributeError
            If the table came in parts: its rows have no labels.
        """
        return self._numbers_at(n_clusters)[self.predict(X)]

    def _numbers_at(self, n_clusters):
        """Number at a coarser level of each cluster."""
        check_is_fitted(self)
        if not hasattr(self, "labels_"):
            raise AttributeError("There are no labels of rows: they come with fit.")
        check_scalar(n_clusters, "n_clusters", Integral)
        if not 1 <= n_clusters <= self.n_clusters_:
            raise ValueError(
                f"n_clusters={n_clusters} should be between 1 and the "
                f"{self.n_clusters_} found; a fit with min_clusters finds more."
            )
        if n_clusters == self.n_clusters_:
            return np.arange(n_clusters)
        joined = joined_clusters(self._scaled_centers(), n_clusters)
        sizes = np.bincount(joined, np.bincount(self.labels_))
        # The first of the joined, which is their largest, stands for all.
        first = np.unique(joined, return_index=True)[1]
        order = canonical_order(sizes, self._density.centers[first])
        number = np.empty_like(order)
        number[order] = np.arange(n_clusters)
        return number[joined]

    @property
    def levels_(self):
        """Numbers of clusters up to the one found, and where clusters are joined."""
        check_is_fitted(self)
        self._find_if_changed()
        distances = joining_distances(self._scaled_centers()).tolist()
        return [
            {"n_clusters": number, "distance": distance}
            for number, distance in enumerate(distances, start=1)
        ]

    def _scaled_centers(self):
        """Means of the clusters in scaled columns, or else in what was clustered."""
        if "_input_centers" in vars(self):
            return self._input_centers
        density = self._density
        return (
            density.centers
            if density.scaling is None
            else density.scaling.transform(density.centers)
        )

    def _log_joint(self, Z):
        self._find_if_changed()
        return self._density.log_densities(Z)

    def _n_parameters(self):
        return self._density.n_parameters(self._weight)

    def _draw(self, n_samples, rng):
        self._find_if_changed()
        Z, labels = self._density.sample(n_samples, rng)
        return Z.astype(self._dtype), labels


def _what_width_hides(n_rows, n_columns):
    """Say what to do where clusters may be hidden by the number of columns."""
    if n_columns > n_rows:
        return (
            f" {n_columns} columns of so few rows may hide clusters: fit PPP to their "
            "first principal components, such as PCA(5)."
        )
    if n_columns > MANY_COLUMNS:
        return (
            f" Of {n_columns} standardised columns, {MAX_AXES} principal axes took "
            "part: clusters along others are seen behind an encoder, such as "
            "PPP(encoder=NeighborEncoder(10)), for vectors of texts or images with "
            'metric="cosine".'
        )
    return ""


def _label(density, Z):
    """Cluster of every row, and whether it belongs there without much doubt."""
    labels = np.empty(len(Z), dtype=np.int64)
    is_separable = np.empty(len(Z), dtype=bool)
    for start in range(0, len(Z), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        logs = density.log_densities(Z[rows])
        labels[rows] = logs.argmax(axis=1)
        is_separable[rows] = responsibilities(logs).max(axis=1) >= CONFIDENT
    return labels, is_separable
