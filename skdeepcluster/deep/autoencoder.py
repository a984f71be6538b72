"""Autoencoder: a small code for every row of a table, learned by a network."""

import copy
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .._rows import CHUNK_ROWS, distinct_rows
from .._scaling import TableScaling
from .._validation import check_codes, check_table, check_weights, draw_seed
from ..base import DocumentedEstimator, unchanged_on_error
from ..nn.batches import MIN_STEPS, split_rows
from ..nn.estimator import StoppingNetworkEstimator
from ..nn.inference import LARGEST_INPUT, check_finite_codes, map_rows
from ..nn.modules import Reconstruction, start_autoencoder
from ..nn.training import (
    Net,
    history_of,
    make_net,
    reproducible,
    train,
    warn_of_budget,
)


class FittedAutoEncoder(NamedTuple):
    """A network that restores the rows of a table.

    Parameters
    ----------
    net : Net
        Its module is a :class:`~skdeepcluster.nn.modules.Reconstruction`.
    scaling : TableScaling
        The way from the table to the rows that the net sees.
    n_components : int
        Width of a code.
    outcome : {"stopped", "budget", "interrupted"}
        Why the training ended.
    """

    net: Net
    scaling: TableScaling
    n_components: int
    outcome: str


def fit_autoencoder(rows, weights, make_network, net_parameters, *, seed, **training):
    """Train a network to restore the rows of a table.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Distinct rows.
    weights : ndarray of shape (n_samples,), dtype=float64
        Their weights.
    make_network : callable
        Builds the network from scaled rows and weights.
    net_parameters : dict
        Further parameters of :func:`~skdeepcluster.nn.training.make_net`.
    seed : int
        Seed of all draws.
    **training
        Parameters of :func:`continue_autoencoder`.

    Returns
    -------
    FittedAutoEncoder
        The trained network.
    """
    scaling = TableScaling(rows, weights)
    scaled = scaling.transform(rows)
    with reproducible(seed, net_parameters["device"]):
        network = Reconstruction(make_network(scaled, weights))
        net = make_net(network, optimizer="adamw", **net_parameters)
    return continue_autoencoder(net, scaling, scaled, weights, seed=seed, **training)


def continue_autoencoder(
    net,
    scaling,
    scaled,
    weights,
    *,
    seed,
    validation_fraction=0.0,
    min_steps=MIN_STEPS,
    **training,
):
    """Train a net further, in place.

    Parameters
    ----------
    net, scaling
        As in :class:`FittedAutoEncoder`.
    scaled : ndarray of shape (n_samples, n_features), dtype=float64
        Distinct rows, scaled.
    weights, seed
        As in :func:`fit_autoencoder`.
    validation_fraction : float, default=0.0
        Share of the rows held out.
    min_steps : int, default=MIN_STEPS
        Least gradient steps of an epoch.
    **training
        Parameters of :func:`~skdeepcluster.nn.training.train`.

    Returns
    -------
    FittedAutoEncoder
        The trained network.
    """
    net.iterator_train__min_steps = min_steps
    with reproducible(seed, net.device):
        datasets = split_rows(scaled, weights, validation_fraction, net.device)
        outcome = train(net, datasets, **training)
    encode = net.inference_module_.encode
    codes = check_finite_codes(map_rows(encode, scaled[:CHUNK_ROWS]))
    return FittedAutoEncoder(net, scaling, codes.shape[1], outcome)


class AutoEncoder(StoppingNetworkEstimator, DocumentedEstimator):
    """Autoencoder: nonlinear dimension reduction by a network that restores rows.

    An encoder maps each row to ``n_components`` numbers, a decoder maps these
    back, so that the mean squared error of the restored rows is small. Both
    begin as principal component analysis; a multilayer perceptron beside each
    learns to do better, for as long as rows held out profit. Use it as a step
    of a pipeline, or as ``encoder=`` of a clusterer of this package.

    Parameters
    ----------
    n_components : int, default=10
        Number of outputs of :meth:`transform`.
    hidden_layer_sizes : tuple of int, default=(256, 128)
        Widths of the encoder's hidden layers; the decoder mirrors them.
    dropout : float, default=0.0
        Share of hidden units left out in a training step, in [0, 1).
    batch_norm : bool, default=False
        Whether hidden layers normalise their batch.
    module : torch.nn.Module or callable, default=None
        A network of your own in place of the two perceptrons: a module with
        methods ``encode(rows)`` and ``decode(codes)`` on 2-D float tensors (it
        is copied, not changed), or a callable that builds one from the number
        of features. ``n_components`` and the other parameters of the network
        are then not used.
    max_epochs : int, default=200
        Largest number of passes over the table. A pass over a table of less
        than 10 batches is repeated until 10 steps are made.
    learning_rate_init : float, default=1e-3
        Learning rate of AdamW.
    batch_size : int, default=256
        Rows of a gradient step.
    validation_fraction : float, default=0.1
        Share of the distinct rows that is held out of the training; their loss
        says when to stop and which epoch was the best. With 0, or less than 10
        rows, the loss of the training rows says when to stop.
    n_iter_no_change : int or None, default=10
        Training stops after this many epochs without a fall of the loss; None
        runs all epochs.
    tol : float, default=1e-2
        Relative fall of the loss that counts as one.
    callbacks : list of skorch callbacks, default=None
        Further callbacks of the training. They are copied: look at
        ``net_.callbacks_`` for what they recorded.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to train; "auto" takes a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of weights and batches. With an int, the same table gives the same
        result bit for bit, whatever the order of its rows.
    verbose : int, default=0
        Whether to print the loss of every epoch.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the torch module. It sees rows
        centred and divided by one number, ``scaling_``.
    scaling_ : object
        Centre and scale of the training rows.
    history_ : list of dict
        Loss and seconds of every epoch.
    n_iter_ : int
        Epochs run.
    converged_ : bool
        Whether the last training ended because the loss no longer fell.
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
    TELL : Clusters learned together with an autoencoder.

    Notes
    -----
    Time is O(n_samples · weights) an epoch, memory O(n_samples · n_features)
    for a float32 copy of the table. Rows are embedded in float64 by chunks of
    512 and rounded to float32, so that a row's code does not depend on the
    rows it comes with.

    Ctrl-C during training keeps the best epoch so far and says so; before and
    after it, the estimator stays as it was. :meth:`partial_fit` goes on from
    there.

    References
    ----------
    .. [1] G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of
       data with neural networks", Science 313, 2006.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import AutoEncoder
    >>> X = load_iris().data
    >>> encoder = AutoEncoder(2, hidden_layer_sizes=(16,), random_state=0).fit(X)
    >>> encoder.transform(X).shape
    (150, 2)
    >>> bool(encoder.score(X) > 0.95)
    True
    """

    _parameter_constraints = {
        **StoppingNetworkEstimator._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
    }

    def __init__(
        self,
        n_components: int = 10,
        *,
        hidden_layer_sizes: Sequence[int] = (256, 128),
        dropout: float = 0.0,
        batch_norm: bool = False,
        module: Any = None,
        max_epochs: int = 200,
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
        self.n_components = n_components
        self.dropout = dropout
        self.batch_norm = batch_norm

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn the network from a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows; a weight of 2 is the same as two
            equal rows, a weight of 0 leaves the row out. None means 1 for all.

        Returns
        -------
        self : object
            Fitted transformer.
        """
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            rows, weights = distinct_rows(X, check_weights(sample_weight, X))
            self._seed = draw_seed(self.random_state)
            fitted = self._fit_rows(
                rows,
                weights,
                validation_fraction=self.validation_fraction,
                max_epochs=self.max_epochs,
                tol=self.tol,
                patience=self.n_iter_no_change,
            )
            self._publish(fitted)
            if fitted.outcome == "budget" and self.n_iter_no_change is not None:
                warn_of_budget(self.max_epochs)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one more pass over a chunk of rows.

        The first call fixes the centring and scale of the input, and starts
        the network from the chunk's principal components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of the table.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The transformer.
        """
        first = not hasattr(self, "net_")
        with unchanged_on_error(self):
            X = check_table(self, X, reset=first)
            rows, weights = distinct_rows(X, check_weights(sample_weight, X))
            if first:
                self._seed = draw_seed(self.random_state)
                fitted = self._fit_rows(rows, weights, max_epochs=1, min_steps=1)
            else:
                fitted = continue_autoencoder(
                    # A copy, so that an error leaves the net as it was.
                    copy.deepcopy(self.net_),
                    self.scaling_,
                    self.scaling_.transform(rows),
                    weights,
                    seed=self._seed + len(self.net_.history),
                    max_epochs=1,
                    min_steps=1,
                )
            self._publish(fitted)
        return self

    def _fit_rows(self, rows, weights, **training):
        return fit_autoencoder(
            rows,
            weights,
            self._make_network,
            self._net_parameters(),
            seed=self._seed,
            **training,
        )

    def _make_network(self, scaled, weights):
        return start_autoencoder(
            self.module,
            scaled,
            weights,
            self.hidden_layer_sizes,
            self.n_components,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
        )

    def _publish(self, fitted):
        self.net_, self.scaling_ = fitted.net, fitted.scaling
        self.history_ = history_of(self.net_)
        self.n_iter_ = len(self.history_)
        self.converged_ = fitted.outcome == "stopped"
        self._n_features_out = fitted.n_components

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
        codes = map_rows(self.net_.inference_module_.encode, X, self.scaling_)
        return codes.astype(X.dtype, copy=False)

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
        rows = map_rows(self.net_.inference_module_.decode, codes)
        return self.scaling_.inverse_transform(rows, codes.dtype)

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Share of the variance around the training mean that is restored.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        float
            1 for perfect reconstruction, 0 for the quality of the mean row;
            negative if worse.
        """
        check_is_fitted(self)
        X = check_table(self, X, reset=False)
        rows = np.clip(self.scaling_.transform(X), -LARGEST_INPUT, LARGEST_INPUT)
        error = np.square(rows - map_rows(self.net_.inference_module_, rows)).sum()
        total = np.square(rows).sum()
        return float(1.0 - error / total) if total > 0 else float(error == 0)
