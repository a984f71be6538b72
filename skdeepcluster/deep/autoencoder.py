"""Autoencoder: a small code for every row of a table, learned by a network."""

import copy
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

from .._rows import CHUNK_ROWS, distinct_rows, in_chunks
from .._scaling import TableScaling
from .._validation import check_codes, check_table, draw_seed
from ..base import unchanged_on_error
from ..nn.batches import split_rows
from ..nn.inference import LARGEST_INPUT, in_double, run_rows
from ..nn.modules import AutoencoderModule, Reconstruction, user_module
from ..nn.training import (
    history_of,
    make_net,
    pick_device,
    reproducible,
    train,
    warn_of_budget,
)


class AutoEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Nonlinear dimension reduction by a network that restores its input.

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
        Whether to show a progress bar.

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
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "module": [callable, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "callbacks": [list, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components=10,
        *,
        hidden_layer_sizes=(256, 128),
        dropout=0.0,
        batch_norm=False,
        module=None,
        max_epochs=200,
        learning_rate_init=1e-3,
        batch_size=256,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-2,
        callbacks=None,
        device="cpu",
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.module = module
        self.max_epochs = max_epochs
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn the network from a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table of finite numbers.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            Fitted transformer.
        """
        with unchanged_on_error(self):
            X = check_table(self, X, reset=True)
            rows, weights = self._start(X)
            with reproducible(self._seed, self.net_.device):
                outcome = train(
                    self.net_,
                    split_rows(
                        rows, weights, self.validation_fraction, self.net_.device
                    ),
                    max_epochs=self.max_epochs,
                    tol=self.tol,
                    patience=self.n_iter_no_change,
                )
            self._finish(rows)
            if outcome == "budget" and self.n_iter_no_change is not None:
                warn_of_budget(self.max_epochs)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self, X, y=None):
        """Train for one more pass over a chunk of rows.

        The first call fixes the centring and scale of the input, and starts
        the network from the chunk's principal components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows of the table.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            The transformer.
        """
        first = not hasattr(self, "net_")
        with unchanged_on_error(self):
            X = check_table(self, X, reset=first)
            if first:
                rows, weights = self._start(X)
            else:
                rows, weights = distinct_rows(X)
                rows = self.scaling_.transform(rows)
                # A copy, so that an error leaves the net as it was.
                self.net_ = copy.deepcopy(self.net_)
            self.net_.iterator_train__min_steps = 1
            with reproducible(self._seed + len(self.net_.history), self.net_.device):
                dataset = split_rows(rows, weights, 0.0, self.net_.device)
                train(self.net_, dataset, max_epochs=1)
            self._finish(rows)
        return self

    def _start(self, X):
        """Draw the seed, fix the scaling and build the net."""
        self._seed = draw_seed(self.random_state)
        rows, weights = distinct_rows(X)
        self.scaling_ = TableScaling(rows, weights)
        scaled = self.scaling_.transform(rows)
        device = pick_device(self.device)
        with reproducible(self._seed, device):
            self.net_ = make_net(
                Reconstruction(self._build(scaled, weights)),
                optimizer="adamw",
                lr=self.learning_rate_init,
                batch_size=self.batch_size,
                device=device,
                callbacks=self.callbacks,
                verbose=self.verbose,
            )
        return scaled, weights

    def _build(self, scaled, weights):
        if self.module is not None:
            return user_module(self.module, scaled.shape[1])
        module = AutoencoderModule(
            scaled.shape[1],
            self.hidden_layer_sizes,
            self.n_components,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
        )
        module.start_linear(torch.from_numpy(scaled), torch.from_numpy(weights))
        return module

    def _finish(self, rows):
        self.history_ = history_of(self.net_)
        self.n_iter_ = len(self.history_)
        codes = run_rows(in_double(self.net_.module_).encode, rows[:CHUNK_ROWS])
        if not np.all(np.isfinite(codes)):
            raise ValueError(
                "The network's codes are not finite: lower learning_rate_init, or "
                "check module."
            )
        self._n_features_out = codes.shape[1]

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
        X = check_table(self, X, reset=False)
        encode = in_double(self.net_.module_).encode
        codes = in_chunks(
            lambda chunk: run_rows(encode, self.scaling_.transform(chunk)), X
        )
        return codes.astype(X.dtype, copy=False)

    def inverse_transform(self, X):
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
        decode = in_double(self.net_.module_).decode
        rows = in_chunks(lambda chunk: run_rows(decode, chunk), codes)
        return self.scaling_.inverse_transform(rows, codes.dtype)

    def score(self, X, y=None):
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
        network = in_double(self.net_.module_)
        rows = np.clip(self.scaling_.transform(X), -LARGEST_INPUT, LARGEST_INPUT)
        error = np.square(rows - in_chunks(partial(run_rows, network), rows)).sum()
        total = np.square(rows).sum()
        return float(1.0 - error / total) if total > 0 else float(error == 0)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
