"""TELL: k-means as a layer of a network, alone or on an autoencoder."""

import copy
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._rows import distinct_rows, in_chunks
from .._scaling import TableScaling
from .._validation import check_codes, check_table, check_weights, draw_seed
from .._warnings import warn, warn_if_collapsed
from ..base import WeightedClusterer, unchanged_on_error
from ..kernels.kmeans import nearest_centers
from ..kernels.soft_assignment import pairwise_squared_distances, soft_assignments
from ..nn.estimator import StoppingNetworkEstimator
from ..nn.modules import AutoencoderModule, start_autoencoder
from ..nn.training import history_of, reproducible, warn_of_budget
from ._tell_layer import TELLModule, mean_distance
from ._tell_training import TELLSettings, decode, encode, fit_tell, set_centers


def _has_network(estimator):
    return estimator.n_components is not None or estimator.module is not None


class TELL(StoppingNetworkEstimator, WeightedClusterer):
    """K-means as a layer of a network, alone or trained with an autoencoder.

    With the defaults this is k-means: every cluster has a centre, every row
    belongs to the nearest one, and `predict`, `transform`, `score`, ``inertia_``
    and ``cluster_centers_`` are those of :class:`sklearn.cluster.KMeans`. With
    ``n_components=10``, say, it is deep clustering: an autoencoder learns a code of
    10 numbers per row, k-means of the codes starts the centres, and encoder and
    centres are then trained in turns, so that the codes gather around the centres.
    The same methods then speak of codes, `transform` returns them, and
    `inverse_transform` goes back to the columns of the table.

    Use the first on tables of few, meaningful columns, the second where many
    columns describe something low-dimensional, such as pixels, shapes or sensor
    readings. Standardise columns of different units before either. What makes a
    row's cluster can be read off in both: :meth:`explain` splits it into shares of
    the features.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.
    n_components : int, default=None
        Width of the code that the autoencoder learns; None clusters the
        features as they are.
    hidden_layer_sizes : tuple of int, default=(256, 128)
        Widths of the encoder's hidden layers; the decoder mirrors them.
    module : torch.nn.Module or callable, default=None
        An autoencoder of your own: a module with methods ``encode(rows)`` and
        ``decode(codes)`` on 2-D float tensors (it is copied, not changed), or
        a callable that builds one from the number of features. `n_components`
        and `hidden_layer_sizes` are then not used.
    geometry : {"auto", "sphere", "euclidean"}, default="auto"
        "euclidean" is k-means. "sphere" brings codes and centres to length 1,
        so that only directions count (without a network: the direction of a
        row from the mean row). "auto" is "sphere" with a network, otherwise
        "euclidean".
    init : {"k-means", "k-means++", "random"}, default="k-means"
        Start of the centres: the best of 10 short runs of k-means, rows spread
        out by k-means++, or random directions (random rows where the geometry
        is euclidean).
    n_init : int, default=1
        Number of complete trainings, of which the one with the least
        clustering loss is kept.
    clustering_weight : float, default=1.0
        Weight of the clustering loss, in a unit in which 1 makes it as large
        as the reconstruction error when the centres start.
    optimizer : {"adamw", "adadelta"}, default="adamw"
        Optimiser of the network's weights.
    temperature : float, default=None
        Softness of :meth:`predict_proba`, in squared distances of the scaled
        table; None means the mean squared distance of the training rows to
        their centres. It has no influence on the clusters.
    pretrain_epochs : int, default=200
        Largest number of passes that train the autoencoder alone, before the
        centres start. A pass over a table of less than 10 batches is repeated
        until 10 gradient steps are made.
    max_epochs : int, default=100
        Largest number of passes with the centres.
    learning_rate_init : float, default=1e-3
        Learning rate of the network.
    batch_size : int, default=256
        Rows of a gradient step.
    validation_fraction : float, default=0.1
        Share of the distinct rows that is held out of the network's training;
        their loss says when a stage stops and which epoch was the best. With
        0, or less than 10 rows, the loss of the training rows says when to
        stop. Clusters without a network use all rows.
    n_iter_no_change : int or None, default=10
        A stage stops after this many epochs without a fall of the loss; None
        runs all epochs.
    tol : float, default=1e-2
        Relative fall of the loss that counts as one.
    callbacks : list of skorch callbacks, default=None
        Further callbacks of the training. They are copied: look at
        ``net_.callbacks_`` for what they recorded.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to train; "auto" takes a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of weights, starts and batches. With an int, the same table gives
        the same clusters bit for bit, whatever the order of its rows.
    verbose : int, default=0
        Whether to print the loss of every epoch.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), dtype=int64
        Cluster of each row; 0 is the largest cluster.
    n_clusters_ : int
        Number of clusters that hold rows.
    cluster_centers_ : ndarray of shape (n_clusters_, n_features)
        Centres in the units of the table: decoded where there is a network.
    latent_centers_ : ndarray of shape (n_clusters_, n_components)
        Centres as the layer knows them: among codes, or scaled rows.
    inertia_ : float
        Weighted sum of the squared distances of codes to their centres; where
        rows are clustered as they are (euclidean), in squared units of the
        table, as in scikit-learn's KMeans.
    temperature_ : float
        The temperature in use.
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module. It sees rows
        centred and divided by one number, ``scaling_``.
    scaling_ : object
        Centre and scale of the training rows.
    history_ : list of dict
        Stage, loss and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    converged_ : bool
        Whether every stage ended because its loss no longer fell.
    n_revived_ : int
        How often a centre without rows was moved to where it gets some, while
        the network was trained.
    n_features_in_ : int
        Columns of the table.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where the table had names.

    Raises
    ------
    ValueError
        If a parameter, the table or the weights are not as described, or there
        are fewer rows than clusters.

    See Also
    --------
    AutoEncoder : The network alone, as a transformer.
    sklearn.cluster.KMeans : K-means without a network.

    Notes
    -----
    The layer's output for centre ``c`` is ``2 x·c - |c|²``, which is largest for
    the nearest centre: its weights are the centres and can be read and drawn,
    and the difference of two outputs splits exactly into one share per feature
    (:meth:`explain`).

    The autoencoder begins as principal component analysis of all rows, those held
    out too. It is first trained alone (`pretrain_epochs`). Then, in epochs of even
    number, the autoencoder restores its input while the centres follow the codes;
    in the others the centres stay and the codes are pulled towards them
    (`max_epochs`). Each stage goes back to the epoch with the least loss on the
    rows held out: a network that does not beat its start there is not used. At the
    end, k-means of all codes makes the centres the exact means of their clusters.

    This differs from the paper, whose settings (:meth:`paper`) train too little, or
    fit noise, on tables of hundreds or thousands of rows. The weight of the
    clustering loss is relative, since the size of the reconstruction error differs
    by orders of magnitude between tables. Nearly all of the gain over k-means comes
    from the code on the unit sphere; the joint training refines it. Where k-means
    is good already, as on tables of few well-scaled columns, expect no gain. The
    defaults were chosen by their accuracy on development tables, those of
    ``benchmarks/results/bench_tell.md`` among them.

    Ctrl-C during training keeps the state of the best epoch and says so; during
    the start and the end of the centres it leaves the estimator as it was.

    Time is O(n_samples · (weights + n_clusters · n_components)) an epoch, memory
    O(n_samples · n_features) for copies of the distinct rows. A row's result
    does not depend on the rows it comes with.

    References
    ----------
    .. [1] X. Peng, Y. Li, I. W. Tsang, H. Zhu, J. Lv and J. T. Zhou, "XAI beyond
       classification: interpretable neural clustering", Journal of Machine
       Learning Research 23(6), 2022. Sections 3.1 to 3.4.

    Examples
    --------
    As k-means, in a pipeline:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import TELL
    >>> X = load_wine().data
    >>> model = make_pipeline(StandardScaler(), TELL(3, random_state=0))
    >>> labels = model.fit_predict(X)
    >>> labels[:5]
    array([1, 1, 1, 1, 1])

    With a network, and a look at what sets a row's cluster apart:

    >>> Z = model[:-1].transform(X)
    >>> deep = TELL(3, n_components=4, hidden_layer_sizes=(32,), random_state=0).fit(Z)
    >>> deep.transform(Z).shape
    (178, 4)
    >>> deep.explain(Z).shape
    (178, 4)
    """

    _parameter_constraints = {
        **StoppingNetworkEstimator._parameter_constraints,
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "geometry": [StrOptions({"auto", "sphere", "euclidean"})],
        "init": [StrOptions({"k-means", "k-means++", "random"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "clustering_weight": [Interval(Real, 0, None, closed="left")],
        "optimizer": [StrOptions({"adamw", "adadelta"})],
        "temperature": [Interval(Real, 0, None, closed="neither"), None],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_components: int | None = None,
        hidden_layer_sizes: Sequence[int] = (256, 128),
        module: Any = None,
        geometry: Literal["auto", "sphere", "euclidean"] = "auto",
        init: Literal["k-means", "k-means++", "random"] = "k-means",
        n_init: int = 1,
        clustering_weight: float = 1.0,
        optimizer: Literal["adamw", "adadelta"] = "adamw",
        temperature: float | None = None,
        pretrain_epochs: int = 200,
        max_epochs: int = 100,
        learning_rate_init: float = 0.001,
        batch_size: int = 256,
        validation_fraction: float = 0.1,
        n_iter_no_change: int | None = 10,
        tol: float = 0.01,
        callbacks: Sequence[Any] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            module=module,
            max_epochs=max_epochs,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            callbacks=callbacks,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_clusters = n_clusters
        self.n_components = n_components
        self.geometry = geometry
        self.init = init
        self.n_init = n_init
        self.clustering_weight = clustering_weight
        self.optimizer = optimizer
        self.temperature = temperature
        self.pretrain_epochs = pretrain_epochs

    @classmethod
    def paper(cls, n_clusters: int = 8, **params: Any) -> Any:
        """Make a TELL with the settings of the paper's experiments.

        They were made for 70,000 images and hours on a GPU: random start, no
        pretraining, Adadelta, 3000 epochs, the best of 5 trainings. On small
        tables this trains too little; the defaults do better. Two things
        differ from the authors' program: the output of the decoder is linear,
        since the input is centred, and the centres are polished at the end.

        Parameters
        ----------
        n_clusters : int, default=8
            Number of clusters.
        **params
            Parameters of TELL that replace the paper's.

        Returns
        -------
        TELL
            Unfitted estimator.

        Examples
        --------
        >>> from skdeepcluster import TELL
        >>> TELL.paper(10, max_epochs=100).optimizer
        'adadelta'
        """
        settings = {
            "module": partial(
                AutoencoderModule,
                hidden_layer_sizes=(500, 500, 2000),
                n_components=10,
                shortcut=False,
            ),
            "init": "random",
            "n_init": 5,
            "clustering_weight": 0.01 / n_clusters,
            "optimizer": "adadelta",
            "pretrain_epochs": 0,
            "max_epochs": 3000,
            "learning_rate_init": 1.0,
            "validation_fraction": 0.0,
            "n_iter_no_change": None,
        }
        return cls(n_clusters, **(settings | params))

    def _fit_clusters(self, X, sample_weight):
        rows, weights = distinct_rows(X, sample_weight)
        settings = self._settings()
        self._seed = draw_seed(self.random_state)
        self.scaling_ = TableScaling(rows, weights)
        fitted = fit_tell(
            self.scaling_.transform(rows),
            weights,
            X.dtype,
            settings,
            self._make_autoencoder,
            {"optimizer": self.optimizer, **self._net_parameters()},
            self._seed,
        )
        self._publish(fitted, weights)
        self.labels_ = self._predict_labels(X)
        self._warn_of(fitted)

    def _settings(self):
        """The parameters that the training takes, checked against each other."""
        spherical = _has_network(self)
        if self.geometry != "auto":
            spherical = self.geometry == "sphere"
        if spherical and self.n_components == 1 and self.n_clusters > 2:
            raise ValueError(
                "n_components=1 leaves only two points on the sphere, too few for "
                f"n_clusters={self.n_clusters}: use n_components >= 2 or "
                "geometry='euclidean'."
            )
        return TELLSettings(
            n_clusters=int(self.n_clusters),
            spherical=spherical,
            init=self.init,
            n_init=self.n_init,
            clustering_weight=self.clustering_weight,
            pretrain_epochs=self.pretrain_epochs,
            max_epochs=self.max_epochs,
            validation_fraction=self.validation_fraction,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
        )

    def _make_autoencoder(self, scaled, weights):
        if not _has_network(self):
            return None
        return start_autoencoder(
            self.module,
            scaled,
            weights,
            self.hidden_layer_sizes,
            self.n_components,
            spherical=self.geometry != "euclidean",
        )

    def _publish(self, fitted, weights):
        self.net_ = fitted.net
        self.n_clusters_ = len(fitted.centers)
        self._sizes = fitted.sizes
        self._publish_centers(fitted.centers)
        self.temperature_ = float(self.temperature or fitted.spread or 1.0)
        self.inertia_ = self._to_inertia(fitted.spread * weights.sum())
        self.n_revived_ = fitted.n_revived
        self.history_ = history_of(self.net_)
        self.n_iter_ = len(self.history_)
        self.converged_ = set(fitted.outcomes.values()) == {"stopped"}
        self._n_features_out = self.n_clusters_
        if _has_network(self):
            self._n_features_out = self.latent_centers_.shape[1]

    def _publish_centers(self, centers):
        self.latent_centers_ = centers
        scaled = decode(self.net_.inference_module_, centers)
        self.cluster_centers_ = self.scaling_.inverse_transform(scaled, centers.dtype)

    def _warn_of(self, fitted):
        """Warn of what makes the clusters worse than they could be."""
        n_zero = int((~fitted.codes.any(axis=1)).sum()) if self._is_spherical() else 0
        if n_zero:
            warn(
                f"{n_zero} distinct rows have a code of length zero, which has no "
                "direction on the sphere: they join cluster 0."
            )
        warn_if_collapsed(
            self.n_clusters_,
            self.n_clusters,
            "Ask for fewer clusters"
            + (", or lower clustering_weight." if _has_network(self) else "."),
        )
        for name, outcome in fitted.outcomes.items():
            if outcome == "budget" and self.n_iter_no_change is not None:
                warn_of_budget(getattr(self, name), name)

    def _is_spherical(self):
        return self.net_.module_.spherical

    def _codes(self, X):
        """Codes of rows that were checked, in the dtype of `X`."""
        scaled = self.scaling_.transform(X)
        return encode(self.net_.inference_module_, scaled, X.dtype)

    def _to_inertia(self, spread):
        """Express a sum of squared distances in the units of ``inertia_``."""
        if self._is_spherical() or _has_network(self):
            return float(spread)
        return self.scaling_.inverse_squares(spread)

    def _centers(self, dtype):
        """Centres in the dtype of the rows that are asked about."""
        return self.latent_centers_.astype(dtype, copy=False)

    def _nearest(self, codes):
        return nearest_centers(codes, self._centers(codes.dtype))

    def _predict_labels(self, Z):
        return self._nearest(self._codes(Z))[0]

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Follow a stream: move the centres by a chunk of rows.

        The first call is a :meth:`fit` to its rows, so give it enough to learn
        from. Later calls leave the network as it is, and neither renumber nor
        drop clusters: each centre becomes the running mean of all rows that it
        won, or on the sphere turns towards them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of the table; the first time at least `n_clusters`.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The estimator; ``labels_`` and ``inertia_`` are those of the rows of
            this call.
        """
        if not hasattr(self, "net_"):
            return self._fit(X, sample_weight)
        with unchanged_on_error(self):
            X = check_table(self, X, reset=False)
            rows, weights = distinct_rows(X, check_weights(sample_weight, X))
            self._seed += 1
            # A copy, so that an error leaves the net as it was.
            self.net_ = copy.deepcopy(self.net_)
            self._follow(rows, weights)
            self.labels_ = self._predict_labels(X)
            _, distances = self._nearest(self._codes(rows))
            spread = mean_distance(distances, weights) * weights.sum()
            self.inertia_ = self._to_inertia(spread)
        return self

    def _follow(self, rows, weights):
        codes = torch.from_numpy(self._codes(rows)).double()
        shares = torch.from_numpy(weights)
        shape = self.latent_centers_.shape
        layer = TELLModule(None, *shape, self._is_spherical()).double()
        layer.centers.copy_(torch.from_numpy(self.latent_centers_))
        layer.members.copy_(torch.from_numpy(self._sizes))
        order = np.random.default_rng(self._seed).permutation(len(rows))
        with reproducible(self._seed):
            for batch in np.array_split(order, -(-len(order) // self.batch_size)):
                _, winners = layer.nearest_distances(codes[batch])
                layer.move_centers(codes[batch], shares[batch], winners)
        self._sizes = layer.members.numpy()
        centers = layer.centers.numpy().astype(self.latent_centers_.dtype)
        set_centers(self.net_, centers)
        self._publish_centers(centers)

    def decision_function(self, X: ArrayLike) -> NDArray[Any]:
        """Evaluate the layer: how near each centre is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters_)
            ``2 h·c - |c|²`` for code (or scaled row) ``h`` and centre ``c``,
            largest for the cluster that the row belongs to; in the dtype of
            `X`.
        """
        codes = self._codes(self._embed(X))
        squares = pairwise_squared_distances(codes, np.zeros_like(codes[:1]))
        logits = squares - pairwise_squared_distances(codes, self.latent_centers_)
        return logits.astype(codes.dtype)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Soft assignment of rows to clusters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters_)
            Softmax of the negative squared distances over ``temperature_``;
            rows sum to 1, in the dtype of `X`.
        """
        codes = self._codes(self._embed(X))
        distances = pairwise_squared_distances(codes, self.latent_centers_)
        return soft_assignments(distances, self.temperature_).astype(codes.dtype)

    def score(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Opposite of the inertia of a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        float
            Minus the weighted sum of squared distances to the nearest centres.
        """
        X = self._embed(X)
        weights = check_weights(sample_weight, X)
        weights = np.ones(len(X)) if weights is None else weights
        _, distances = self._nearest(self._codes(X))
        return -self._to_inertia(mean_distance(distances, weights) * weights.sum())

    def transform(self, X: ArrayLike) -> Any:
        """Embed rows by the network, or by their distances to the centres.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_components) or (n_samples, n_clusters_)
            Codes where there is a network; otherwise distances to the centres, as
            KMeans of scikit-learn returns them (``geometry="sphere"``: between
            directions). In the dtype of `X`.
        """
        codes = self._codes(self._embed(X))
        if _has_network(self):
            return codes
        squares = pairwise_squared_distances(codes, self.latent_centers_)
        unit = 1.0 if self._is_spherical() else self.scaling_.scale * self.scaling_.unit
        with np.errstate(over="ignore"):
            distances = np.sqrt(np.asarray(squares, np.float64)) * unit
        largest = np.finfo(codes.dtype).max
        return np.minimum(distances, largest).astype(codes.dtype)

    @available_if(_has_network)
    def inverse_transform(self, X: ArrayLike) -> Any:
        """Restore rows from their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            Rows in the units of the table, in the dtype of `X`.
        """
        check_is_fitted(self)
        codes = check_codes(self, X, self._n_features_out)
        scaled = decode(self.net_.inference_module_, codes)
        return self.scaling_.inverse_transform(scaled, codes.dtype)

    def explain(
        self,
        X: ArrayLike,
        space: Literal["latent", "input"] = "latent",
        n_steps: int = 64,
    ) -> Any:
        """Say how much each coordinate speaks for a row's cluster.

        The difference between the outputs of the row's cluster and of the
        runner-up (see :meth:`decision_function`) is split into shares.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        space : {"latent", "input"}, default="latent"
            "latent": shares of the dimensions of the code, or of the features
            where there is no network; their sum is exact. "input": shares of
            the features through the network, by integrated gradients from the
            decoded centre of the runner-up; they sum to the difference between
            the margin of the row and the margin of that decoded centre, up to
            the error of `n_steps` steps.
        n_steps : int, default=64
            Steps of the integral, where ``space="input"``.

        Returns
        -------
        ndarray of shape (n_samples, n_components) or (n_samples, n_features)
            Shares, positive where the coordinate speaks for the row's cluster
            and against the runner-up; in the dtype of `X`.

        Raises
        ------
        ValueError
            If there is only one cluster, so no runner-up, or a parameter is
            not as described.
        """
        if space not in ("latent", "input"):
            raise ValueError(f"space must be 'latent' or 'input', got {space!r}.")
        if not isinstance(n_steps, Integral) or n_steps < 1:
            raise ValueError(f"n_steps must be a positive integer, got {n_steps!r}.")
        X = self._embed(X)
        if self.n_clusters_ < 2:
            raise ValueError(
                "explain compares a row's cluster with the runner-up, but there is "
                "only one cluster."
            )
        codes = self._codes(X)
        centers, (winners, _) = self._centers(codes.dtype), self._nearest(codes)
        distances = pairwise_squared_distances(codes, centers)
        np.put_along_axis(distances, winners[:, None], np.inf, axis=1)
        rivals = distances.argmin(axis=1)
        if space == "latent" or not _has_network(self):
            own, other = centers[winners], centers[rivals]
            return 2 * codes * (own - other) + other**2 - own**2
        module = self.net_.inference_module_
        shares = in_chunks(
            partial(module.integrate_gradients, n_steps=n_steps),
            np.column_stack([self.scaling_.transform(X), winners, rivals]),
        )
        return shares.astype(X.dtype)
