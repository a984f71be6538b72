"""NeighborEncoder: few columns in which neighbours stay neighbours."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._labels import UNLABELED, PartialLabels
from .._rows import distinct_rows, in_chunks, lexicographic_order
from .._scaling import TableScaling
from .._validation import check_table, draw_seed
from ..base import unchanged_on_error
from ..exceptions import FitInterruptedWarning
from ..kernels.neighbor_layout import move_points
from ..nn.batches import MixedBatches, split_rows
from ..nn.inference import in_double, run_rows, threads_of_a_fork
from ..nn.modules import BentMap, Regression, user_module
from ..nn.training import (
    WarmCosine,
    history_of,
    make_net,
    pick_device,
    reproducible,
    train,
)
from ._neighbor_anchors import Anchors
from ._neighbor_graph import (
    heed_classes,
    nearest_rows,
    neighbors_of_graph,
    weighted_graph,
    within_classes,
)
from ._neighbor_input import NeighborSpace
from ._neighbor_noise import noise_shrinkage

# Points that an edge pushes away each time that it draws two together.
N_NEGATIVES = 5
# The start: standard deviation of the first coordinate, and of its noise.
START_WIDTH = 3.0
START_NOISE = 0.01
# Gradient steps of an epoch of the network, and least steps in all.
EPOCH_STEPS = 20
LEAST_STEPS = 200


class NeighborEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Few columns in which neighbours stay neighbours, for any clusterer.

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
    hidden_layer_sizes : tuple of int, default=(128, 128)
        Widths of the network's hidden layers.
    module : torch.nn.Module or callable, default=None
        A network of your own: a module that maps a 2-D float tensor of rows to
        one of codes (it is copied, not changed), or a callable that builds one
        from the number of features. It sees all columns, centred and divided
        by one number. Its outputs take the place of ``n_components``, and
        ``hidden_layer_sizes`` is not used.
    keep_rows : bool, default=True
        Whether to keep the fitted rows, so that :meth:`transform` can draw a new
        row to where its nearest fitted rows lie. If False, or if `fit` was given
        a graph, the network alone maps new rows: a little less well, faster, and
        without the table.
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
        Whether to show progress bars.

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

    See Also
    --------
    AutoEncoder : Codes from which the rows can be restored.

    Notes
    -----
    Neighbours are exact: O(n_samples² · n_features) time at worst, less where
    scikit-learn's trees help (up to 15 columns). The layout takes O(layout_epochs ·
    n_samples · n_neighbors) time, the network O(max_steps · batch_size ·
    weights). Memory is O(n_samples · (n_features + n_neighbors)). With
    ``keep_rows`` the neighbours of new rows are looked for among the fitted ones,
    which costs as much for each as the search of the fit.

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
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions({"euclidean", "cosine"})],
        "hidden_layer_sizes": ["array-like"],
        "module": [callable, None],
        "keep_rows": ["boolean"],
        "layout_epochs": [Interval(Integral, 1, None, closed="left")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=15,
        metric="euclidean",
        hidden_layer_sizes=(128, 128),
        module=None,
        keep_rows=True,
        layout_epochs=200,
        max_steps=1200,
        learning_rate_init=3e-3,
        batch_size=512,
        callbacks=None,
        device="cpu",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.hidden_layer_sizes = hidden_layer_sizes
        self.module = module
        self.keep_rows = keep_rows
        self.layout_epochs = layout_epochs
        self.max_steps = max_steps
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, neighbors=None):
        """Learn the embedding of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : array-like of shape (n_samples,), default=None
            Known classes, which shall stay together and apart from each other.
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
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            codes = PartialLabels(y, X).codes
            self._seed = draw_seed(self.random_state)
            # Nothing below depends on the order of the rows.
            if neighbors is None:
                rows, weights = distinct_rows(X)
                codes = _codes_of_distinct(X, codes)
            else:
                order, _ = lexicographic_order(X)
                rows, weights = X[order], np.ones(len(X))
                codes = codes[order]
                # Checked first, so that an error names the user's row.
                neighbors_of_graph(neighbors, len(X), self._n_neighbors_among(X))
                neighbors = neighbors.tocsr()[order][:, order]
            self._fit_rows(rows, weights, codes, neighbors)
        return self

    def _n_neighbors_among(self, X):
        return min(self.n_neighbors, len(X) - 1)

    def _fit_rows(self, rows, weights, codes, neighbors):
        device = pick_device(self.device)
        rng = np.random.default_rng(self._seed)
        with reproducible(self._seed, device):
            self._space = NeighborSpace(rows, weights, self.metric)
            inputs = in_chunks(self._space.transform, rows)
            shrinkage = None
            if neighbors is None:
                shrinkage = noise_shrinkage(inputs, self._seed)
            if shrinkage is not None:
                self._space.then(shrinkage)
                inputs = in_chunks(self._space.transform, rows)
            found = self._neighbors(inputs, neighbors, rng)
            graph = heed_classes(weighted_graph(*found), codes, rng)
            network, scaled = self._network(rows, weights, inputs)
            layout = self._lay_out(graph, inputs, self._n_features_out, rng)
            partners = within_classes(found[0], codes)
            self._train(network, scaled, weights, layout, partners, device)
        self.history_ = history_of(self.net_)
        codes = in_chunks(partial(run_rows, in_double(self.net_.module_)), scaled)
        if not np.all(np.isfinite(codes)):
            raise ValueError(
                "The network's codes are not finite: lower learning_rate_init, or "
                "check module."
            )
        self._anchors = None
        if self.keep_rows and neighbors is None:
            self._anchors = Anchors(inputs, codes, self.n_neighbors)

    def _neighbors(self, inputs, neighbors, rng):
        n_neighbors = self._n_neighbors_among(inputs)
        if n_neighbors == 0:
            # A lone row is its own neighbour.
            return np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1))
        if neighbors is None:
            return nearest_rows(inputs, n_neighbors, rng)
        return neighbors_of_graph(neighbors, len(inputs), n_neighbors)

    def _network(self, rows, weights, inputs):
        """Build the network; return it with the rows in the form it sees."""
        if self.module is None:
            # True is an integer too, but not for torch.
            self.scaling_, self._n_features_out = self._space, int(self.n_components)
            sizes = inputs.shape[1], self.hidden_layer_sizes, self._n_features_out
            return BentMap(*sizes), inputs
        self.scaling_ = TableScaling(rows, weights)
        network = user_module(self.module, rows.shape[1], decodes=False)
        scaled = self.scaling_.transform(rows)
        codes = run_rows(in_double(network), scaled[:1])
        self._n_features_out = codes.shape[1]
        return network, scaled

    def _lay_out(self, graph, inputs, n_components, rng):
        """Move the rows from their principal components along the graph."""
        layout = _start(inputs, n_components, rng)
        self.n_iter_ = 0
        edges = graph.tocoo()
        heads, tails = edges.row.astype(np.int32), edges.col.astype(np.int32)
        shares = edges.data / edges.data.max(initial=0.0)
        phases = rng.random(len(shares))
        state = rng.integers(1, 2**63, size=1, dtype=np.uint64)
        epochs = range(self.layout_epochs)
        if self.verbose:
            from tqdm.auto import tqdm

            epochs = tqdm(epochs, desc="layout")
        try:
            for epoch in epochs:
                rate = 1 - epoch / self.layout_epochs
                move_points(
                    layout, heads, tails, shares, phases, rate, N_NEGATIVES, state
                )
                self.n_iter_ += 1
        except KeyboardInterrupt:
            warnings.warn(
                f"The layout was interrupted after {self.n_iter_} epochs; the network "
                "learns it as it is.",
                FitInterruptedWarning,
                stacklevel=2,
            )
        return layout

    def _train(self, network, scaled, weights, layout, partners, device):
        """Teach the network the layout, at the rows and between neighbours."""
        layout = layout - np.average(layout, axis=0, weights=weights)
        variance = np.average(np.square(layout).mean(axis=1), weights=weights)
        scale = float(np.sqrt(variance)) or 1.0
        targets = layout / scale
        if self.module is None:
            network.start_linear(*map(torch.from_numpy, (scaled, weights, targets)))
        self.net_ = make_net(
            Regression(network, scale),
            optimizer="adamw",
            lr=self.learning_rate_init,
            batch_size=self.batch_size,
            device=device,
            callbacks=self.callbacks,
            verbose=self.verbose,
            batches=MixedBatches,
        )
        n_steps = min(self.max_steps, LEAST_STEPS + len(scaled) // 4)
        epoch_steps = min(EPOCH_STEPS, n_steps)
        self.net_.iterator_train__min_steps = epoch_steps
        datasets = split_rows(scaled, weights, 0.0, device, targets, partners)
        epoch_steps = len(self.net_.get_iterator(datasets[0], training=True))
        train(
            self.net_,
            datasets,
            max_epochs=-(-n_steps // epoch_steps),
            callbacks=[WarmCosine(n_steps)],
        )

    def transform(self, X):
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
        return self._codes(check_table(self, X, reset=False))

    @threads_of_a_fork()
    def _codes(self, X):
        network = in_double(self.net_.module_)
        codes = in_chunks(
            lambda chunk: run_rows(network, self.scaling_.transform(chunk)), X
        )
        if self._anchors is not None:
            codes = self._anchors.place(in_chunks(self._space.transform, X), codes)
        return codes.astype(X.dtype, copy=False)

    @threads_of_a_fork()
    def score(self, X, y=None):
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
        n_neighbors = self._n_neighbors_among(X)
        if n_neighbors == 0:
            return 1.0
        codes = self._codes(X)
        width = float(np.std(codes, dtype=np.float64)) or 1.0
        found = [
            nearest_rows(rows, n_neighbors, np.random.default_rng(self._seed))[0]
            for rows in (in_chunks(self._space.transform, X), codes / width)
        ]
        kept = [np.isin(*pair, assume_unique=True) for pair in zip(*found, strict=True)]
        return float(np.mean(kept))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _codes_of_distinct(X, codes):
    """Class of each distinct row: that of its members, none if they disagree."""
    order, is_first = lexicographic_order(X)
    starts, codes = np.flatnonzero(is_first), codes[order]
    highest = np.maximum.reduceat(codes, starts)
    lowest = np.minimum.reduceat(
        np.where(codes == UNLABELED, highest[np.cumsum(is_first) - 1], codes), starts
    )
    return np.where(lowest == highest, highest, UNLABELED)


def _start(inputs, n_components, rng):
    """First principal components, the first of a fixed width, and some noise."""
    n_samples, n_columns = inputs.shape
    centered = torch.from_numpy(inputs - inputs.mean(axis=0))
    axes = torch.linalg.eigh(centered.T @ centered).eigenvectors.flip(dims=[1])
    axes = axes[:, : min(n_components, n_columns)]
    # An axis has two directions: its largest entry shall be positive.
    axes = axes * axes.gather(0, axes.abs().argmax(dim=0)[None]).sign()
    layout = np.zeros((n_samples, n_components))
    layout[:, : axes.shape[1]] = (centered @ axes).numpy()
    layout *= START_WIDTH / (layout[:, 0].std() or 1.0)
    return layout + START_NOISE * rng.standard_normal(layout.shape)
