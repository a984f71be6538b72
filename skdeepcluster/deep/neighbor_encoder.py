"""NeighborEncoder: few columns in which neighbours stay neighbours."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._labels import UNLABELED, PartialLabels
from .._rows import in_chunks, lexicographic_order
from .._validation import check_table, draw_seed
from ..base import DocumentedEstimator, unchanged_on_error
from ..neighbors._neighbor_graph import nearest_rows, neighbors_of_graph
from ..nn.estimator import NetworkEstimator
from ..nn.inference import map_rows, threads_of_a_fork
from ..nn.training import history_of
from ._neighbor_anchors import Anchors, blocks, choose_anchors
from ._neighbor_training import EncoderSettings, fit_encoder, n_neighbors_among


class NeighborEncoder(NetworkEstimator, DocumentedEstimator):
    """Parametric neighbour embedding: a network for a layout as UMAP's.

    The rows are laid out in few dimensions such that neighbours attract each
    other and all other rows repel; a network then learns the map from rows to
    this layout. It embeds the fitted rows and new rows alike; a new row is then
    drawn to where its neighbours among the fitted rows lie. Groups of any shape
    become compact and stand apart. Use it as a step of a
    pipeline, or as ``encoder=`` of a clusterer of this package.

    Parameters
    ----------
    n_components : int, default=2
        Number of outputs of :meth:`transform`.
    n_neighbors : int, default=15
        Neighbours of a row that attract it; a table of fewer rows takes all.
    metric : {"euclidean", "cosine"}, default="euclidean"
        What makes rows neighbours: the distance between standardised columns
        with outliers drawn in, or the angle between rows as they are.
    search : {"auto", "exact", "approximate"}, default="auto"
        How neighbours are found: among all rows, or among those of the nearest
        cells of the table, which misses a few of them. "auto" compares all pairs
        of up to 20,000 rows, and new rows with up to 5,000 fitted ones. The neighbours
        of 200 rows are compared with the true ones: where fewer than 95 % are found,
        more cells are looked at; where fewer than 90 % are even then, a warning says
        so.
    max_anchors : int, default=20000
        Most distinct rows that are laid out. Of a larger table so many are drawn,
        by their values and not by chance, and the other rows are embedded as new
        ones; rows of known classes are all among them while they are no more than
        a tenth. A group of which only a few are among them may not be seen. None
        lays out all rows. Where `fit` is given a graph, all rows are laid out.
    hidden_layer_sizes : tuple of int, default=(128, 128)
        Widths of the network's hidden layers.
    module : torch.nn.Module or callable, default=None
        A network of your own: a module that maps a 2-D float tensor of rows to
        one of codes (it is copied, not changed), or a callable that builds one
        from the number of features. It sees all columns, centred and divided
        by one number. ``n_components`` and ``hidden_layer_sizes`` are then not
        used.
    keep_rows : bool, default=True
        Whether to keep the fitted rows, so that :meth:`transform` can draw a new
        row to where its nearest fitted rows lie. If False, or if `fit` was given
        a graph, the network alone maps new rows: a little less well, faster, and
        without the table.
    placed : {"new", "all"}, default="new"
        Which rows are drawn to where their neighbours lie: new ones, or the fitted
        ones too, which the network embeds else. "all" serves tables of a hundred
        groups and more, such as topics of texts, where the network mixes some up;
        among few groups it tears some apart. Without ``keep_rows`` none are.
    layout_epochs : int, default=200
        Passes over the edges of the neighbour graph.
    max_steps : int, default=1200
        Gradient steps of the network. A table of n rows gets 200 + n / 4 where
        these are fewer. More serve large tables of many groups.
    learning_rate_init : float, default=3e-3
        Highest learning rate of AdamW.
    batch_size : int, default=512
        Rows of a gradient step.
    callbacks : list of skorch callbacks, default=None
        Further callbacks of the network's training. They are copied: look at
        ``net_.callbacks_`` for what they recorded.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to train the network; "auto" takes a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of layout, weights and batches. With an int, the same table gives
        the same result bit for bit, whatever the order of its rows.
    verbose : int, default=0
        Whether to show the progress of the layout, and to print the loss of every
        epoch of the network.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module.
    scaling_ : object
        Brings rows to the form that the network sees.
    history_ : list of dict
        Loss and seconds of every epoch of the network.
    n_iter_ : int
        Passes over the edges that were made.
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
        If an approximate search finds fewer than 90 % of the neighbours.

    See Also
    --------
    AutoEncoder : Codes from which the rows can be restored.

    Notes
    -----
    With n rows that are laid out, at most `max_anchors`, the exact search takes
    O(n² · n_features) time at worst, less where scikit-learn's trees help (up to 15
    columns); the approximate one O(n · (2400 + √n) · n_features), where the distances
    are those to all rows of the 24 nearest cells of 100, up to 96 in noise. The layout
    takes O(layout_epochs · n · n_neighbors) time, the network O(max_steps · batch_size
    · weights). Memory is O(n_samples · n_features + n · n_neighbors). With
    ``keep_rows`` the neighbours of a new row are looked for among the fitted ones,
    in O(1200 · n_features) time, or O(n · n_features) where the search is exact.

    A direction in which a row's neighbours differ as much as any rows differ is
    noise, and in many columns of it neighbours are neighbours by chance. Where no
    direction has less than a fifth of it, by the ratio of the neighbours' half
    mean squared difference to the variance, the directions are multiplied by 1
    less their ratio before the neighbours are looked for, and so again. None of
    24 real tables was touched by that; round groups that overlap in many columns
    gain, and are still better clustered without an encoder.

    Equal rows count as one when the neighbours are looked for, and as many
    when the network is trained.

    Such an embedding pulls groups apart, also groups that are hardly there: a
    number of clusters that was found in it needs a test in the input space.

    Ctrl-C keeps the layout as far as it came, or the best epoch of the network
    so far, and says so; before and after these, the estimator stays as it was.

    References
    ----------
    .. [1] L. McInnes, J. Healy and J. Melville, "UMAP: Uniform manifold
       approximation and projection for dimension reduction", arXiv:1802.03426,
       2018: the weights of the graph (section 3.1), the layout (section 3.2).
    .. [2] T. Sainburg, L. McInnes and T. Gentner, "Parametric UMAP embeddings
       for representation and semisupervised learning", Neural Computation 33,
       2021: a network in place of free points.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeepcluster import NeighborEncoder
    >>> from skdeepcluster.metrics import clustering_accuracy
    >>> X, y = load_digits(return_X_y=True)
    >>> encoder = NeighborEncoder(random_state=0)
    >>> model = make_pipeline(encoder, KMeans(10, random_state=0))
    >>> plain = KMeans(10, random_state=0).fit_predict(X)
    >>> labels = model.fit_predict(X)
    >>> bool(clustering_accuracy(y, labels) > clustering_accuracy(y, plain))
    True
    """

    takes_partial_labels = True

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"euclidean", "cosine"})],
        "search": [StrOptions({"auto", "exact", "approximate"})],
        "max_anchors": [Interval(Integral, 1, None, closed="left"), None],
        "keep_rows": ["boolean"],
        "placed": [StrOptions({"new", "all"})],
        "layout_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        n_neighbors: int = 15,
        metric: Literal["euclidean", "cosine"] = "euclidean",
        search: Literal["auto", "exact", "approximate"] = "auto",
        max_anchors: int | None = 20_000,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        module: Any = None,
        keep_rows: bool = True,
        placed: Literal["new", "all"] = "new",
        layout_epochs: int = 200,
        max_steps: int = 1200,
        learning_rate_init: float = 0.003,
        batch_size: int = 512,
        callbacks: Sequence[Any] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            module=module,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            callbacks=callbacks,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.search = search
        self.max_anchors = max_anchors
        self.keep_rows = keep_rows
        self.placed = placed
        self.layout_epochs = layout_epochs
        self.max_steps = max_steps

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: Any = None, neighbors: Any = None) -> Self:
        """Learn the embedding of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Known classes, which should stay together and apart from each other.
            A row without a class is marked by -1 where classes are integers,
            or by a missing value (None, NaN, pandas' NA). New rows need none.
            They help where rows without a class may be of a known one.
        neighbors : sparse matrix of shape (n_samples, n_samples), default=None
            Distances of the rows to their nearest rows, as
            `sklearn.neighbors.KNeighborsTransformer` and its like return them;
            None looks for the neighbours by `metric`.

        Returns
        -------
        self : object
            Fitted transformer.
        """
        self._fit_embed(X, y, neighbors)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: ArrayLike, y: Any = None, neighbors: Any = None) -> Any:
        """Learn the embedding of a table, and return it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Known classes, as in :meth:`fit`.
        neighbors : sparse matrix of shape (n_samples, n_samples), default=None
            Distances of the rows to their nearest rows, as in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes, in the dtype of `X`: those that :meth:`transform` gives.
        """
        return self._fit_embed(X, y, neighbors)

    def _fit_embed(self, X, y, neighbors):
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            known = PartialLabels(y, X).codes
            self._seed = draw_seed(self.random_state)
            order, is_first = lexicographic_order(X)
            if neighbors is not None:
                # Checked first, so that an error names the user's row.
                n_neighbors = n_neighbors_among(len(X), self.n_neighbors)
                neighbors_of_graph(neighbors, len(X), n_neighbors)
                neighbors = neighbors.tocsr()[order][:, order]
                # Equal rows may have different neighbours.
                is_first[:] = True
            starts = np.flatnonzero(is_first)
            places = order[starts]
            weights = np.diff(starts, append=len(X)).astype(np.float64)
            classes = classes_of_groups(known[order], starts)
            most = self.max_anchors if neighbors is None else None
            anchors = choose_anchors(X, places, classes, most)
            fitted = fit_encoder(
                np.ascontiguousarray(X[places[anchors]]),
                weights[anchors],
                classes[anchors],
                neighbors,
                self._settings(),
                self._net_parameters(),
                self._seed,
            )
            self._publish(fitted, has_graph=neighbors is not None)
            if len(anchors) < len(places):
                distinct = self._codes(X, places)
            else:
                distinct = self._drawn(fitted.inputs, fitted.codes)
        codes = np.empty((len(X), self._n_features_out), X.dtype)
        codes[order] = distinct[np.cumsum(is_first) - 1]
        return codes

    def _settings(self):
        return EncoderSettings(
            # True is an integer too, but not for torch.
            n_components=int(self.n_components),
            n_neighbors=self.n_neighbors,
            metric=self.metric,
            search=self.search,
            hidden_layer_sizes=self.hidden_layer_sizes,
            module=self.module,
            layout_epochs=self.layout_epochs,
            max_steps=self.max_steps,
        )

    def _publish(self, fitted, *, has_graph):
        self.net_, self.scaling_ = fitted.net, fitted.scaling
        self.history_ = history_of(fitted.net)
        self.n_iter_ = fitted.n_iter
        self._n_features_out = fitted.codes.shape[1]
        self._space, self._anchors = fitted.space, None
        if self.keep_rows and not has_graph:
            self._anchors = Anchors(
                fitted.inputs,
                fitted.codes,
                self.n_neighbors,
                search=self.search,
                draws_all=self.placed == "all",
            )

    def transform(self, X: ArrayLike) -> Any:
        """Embed rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Codes, in the dtype of `X`.
        """
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        return self._codes(X, np.arange(len(X)))

    @threads_of_a_fork()
    def _codes(self, X, places):
        """Embed the rows of a table at some places."""
        parts = [self._embedded(X[places[block]]) for block in blocks(len(places))]
        return np.concatenate(parts).astype(X.dtype, copy=False)

    def _embedded(self, rows):
        module = self.net_.inference_module_
        if self.scaling_ is self._space:
            # Once for the network and for the search.
            inputs = self._inputs(rows)
            return self._drawn(inputs, map_rows(module, inputs))
        codes = map_rows(module, rows, self.scaling_)
        return (
            codes if self._anchors is None else self._drawn(self._inputs(rows), codes)
        )

    def _inputs(self, rows):
        return in_chunks(self._space.transform, rows)

    def _drawn(self, inputs, codes):
        return codes if self._anchors is None else self._anchors.draw(inputs, codes)

    @threads_of_a_fork()
    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Share of the neighbours among these rows that the embedding keeps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        float
            Mean over the rows of the share of the ``n_neighbors`` nearest rows
            in the input that are among the ``n_neighbors`` nearest in the
            embedding; 1 where there is one row.
        """
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        n_neighbors = n_neighbors_among(len(X), self.n_neighbors)
        if n_neighbors == 0:
            return 1.0
        codes = self._codes(X, np.arange(len(X)))
        width = float(np.std(codes, dtype=np.float64)) or 1.0
        found = [
            nearest_rows(
                rows,
                n_neighbors,
                np.random.default_rng(self._seed),
                search=self.search,
            )[0]
            for rows in (self._inputs(X), codes / width)
        ]
        kept = [np.isin(*pair, assume_unique=True) for pair in zip(*found, strict=True)]
        return float(np.mean(kept))


def classes_of_groups(codes, starts):
    """Class of each group of rows: that of its members, none if they disagree.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class of each row, -1 where it has none.
    starts : ndarray of shape (n_groups,)
        Where each group of rows begins.

    Returns
    -------
    ndarray of shape (n_groups,)
        The classes; rows without one have no say.
    """
    highest = np.maximum.reduceat(codes, starts)
    own = np.repeat(highest, np.diff(starts, append=len(codes)))
    lowest = np.minimum.reduceat(np.where(codes == UNLABELED, own, codes), starts)
    return np.where(lowest == highest, highest, UNLABELED)
