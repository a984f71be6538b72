"""The frame of the discovery estimators that train a network."""

from functools import partial
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.utils._param_validation import Interval

from .._fitted_state import check_arrays, check_indices
from .._labels import UNLABELED, PartialLabels
from .._rows import canonical_order, distinct_rows, in_chunks, lexicographic_order
from .._scaling import TableScaling
from .._validation import draw_seed
from ..nn.batches import labeled_rows
from ..nn.estimator import NetworkEstimator
from ..nn.inference import run_rows
from ..nn.modules import AutoencoderModule, code_width, user_module
from ..nn.training import (
    Net,
    history_of,
    make_net,
    reproducible,
    train,
)
from ._base import N_NOVEL, DiscoveryEstimator
from ._novel_centers import class_means


class Trained(NamedTuple):
    """A trained net.

    Parameters
    ----------
    net : Net
        The net.
    n_components : int
        Width of its latents.
    history : list of dict
        Its epochs.
    """

    net: Net
    n_components: int
    history: list


class NetworkTraining(NamedTuple):
    """What the networks keep of the table.

    Parameters
    ----------
    known : PartialLabels
        Classes of the labeled rows.
    rows : ndarray of shape (n_samples, n_features), dtype=float64
        Scaled rows.
    order : ndarray of shape (n_samples,)
        What sorts them: training must not depend on the order of the table.
    classes : ndarray of shape (n_samples,), dtype=int64
        Output of the network that belongs to each row, -1 where unlabeled.
    outputs : ndarray of shape (n_known,)
        Output of each known class: the largest class has the first, so that the
        names of the classes do not matter.
    scaling : TableScaling
        The way from the table to the rows.
    seed : int
        Seed of all draws.
    dtype : dtype
        Of the table.
    trained : Trained or None
        The net, where it does not depend on the number of novel classes.
    """

    known: PartialLabels
    rows: np.ndarray
    order: np.ndarray
    classes: np.ndarray
    outputs: np.ndarray
    scaling: TableScaling
    seed: int
    dtype: np.dtype
    trained: Trained

    def _check_state(self):
        lengths = check_arrays(
            "NetworkTraining",
            rows=(self.rows, "f", "np"),
            order=(self.order, "i", "n"),
            classes=(self.classes, "i", "n"),
            codes=(self.known.codes, "i", "n"),
            outputs=(self.outputs, "i", "k"),
        )
        check_indices("NetworkTraining", lengths["n"], order=self.order)
        # One less is the mark of a row without a class.
        n_known = self.known.n_known
        check_indices("NetworkTraining", n_known, outputs=self.outputs)
        check_indices("NetworkTraining", n_known + 1, classes=self.classes + 1)

    def in_order(self) -> Any:
        """Rows and classes, sorted."""
        return self.rows[self.order], self.classes[self.order]


class LatentDiscovery(NetworkEstimator, DiscoveryEstimator):
    """Frame of the estimators that learn a latent space from partial labels.

    The module of ``net_`` has a method ``project``, which maps rows to latents.
    The result of :meth:`_fit_discovery` has a field ``trained``.
    """

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "n_novel": N_NOVEL,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_layer_sizes": ["array-like", None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, *, n_novel: Any, n_components: Any, max_epochs: Any, **parameters: Any
    ) -> None:
        super().__init__(**parameters)
        self.n_novel = n_novel
        self.n_components = n_components
        self.max_epochs = max_epochs

    def _start(self, Z, known):
        """Scale the rows; order rows and classes for the draws."""
        seed = draw_seed(self.random_state)
        scaling = TableScaling(*distinct_rows(Z))
        rows = scaling.transform(Z)
        sizes = np.bincount(known.codes[known.labeled], minlength=known.n_known)
        means = class_means(rows, known.codes, known.n_known)
        outputs = np.argsort(canonical_order(sizes, means))
        classes = np.append(outputs, UNLABELED)[known.codes]
        order, _ = lexicographic_order(np.column_stack([rows, classes]))
        return NetworkTraining(
            known, rows, order, classes, outputs, scaling, seed, Z.dtype, None
        )

    def _publish(self, training, result):
        super()._publish(training, result)
        self.scaling_, self._outputs = training.scaling, training.outputs
        self.net_, self._n_features_out, self.history_ = result.trained
        self.n_iter_ = max(1, len(self.history_))

    def _latents(self, Z):
        return latents_of(self.net_, self.scaling_.transform(Z))

    def transform(self, X: ArrayLike) -> Any:
        """Embed rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        latents : ndarray of shape (n_samples, n_components)
            Codes, as the heads of the network see them; in the dtype of `X`.
        """
        Z = self._embed(X)
        return self._latents(Z).astype(Z.dtype)


class DiscoveryNetwork(LatentDiscovery):
    """Frame of those whose head knows the classes and whose novel rows are given.

    A subclass builds its module in :meth:`_make_module`. The module has an
    attribute ``head``, a linear layer whose first outputs are the logits of the
    known classes, a method ``loss(rows, classes)``, and ``project``, which maps
    rows to the latents that the head sees.
    """

    _parameter_constraints = {
        **LatentDiscovery._parameter_constraints,
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "predict_known": ["boolean"],
    }

    def __init__(self, *, dropout: Any, predict_known: Any, **parameters: Any) -> None:
        super().__init__(**parameters)
        self.dropout = dropout
        self.predict_known = predict_known

    def _train(self, training, **sizes):
        """Train a new net; `sizes` go to :meth:`_make_module`."""
        parameters = self._net_parameters()
        rows, classes = training.in_order()
        with reproducible(training.seed, parameters["device"]):
            network, n_components = self._build(rows.shape[1])
            net = make_net(
                self._make_module(network, n_components, **sizes),
                optimizer="adamw",
                **parameters,
            )
            # An epoch is one pass, however small the table.
            net.iterator_train__min_steps = 1
            train(
                net,
                labeled_rows(rows, classes, parameters["device"]),
                max_epochs=self.max_epochs,
            )
        return Trained(net, n_components, history_of(net))

    def _build(self, n_features):
        """Return the autoencoder and the width of its code."""
        if self.module is not None:
            network = user_module(self.module, n_features)
            return network, code_width(network, n_features)
        n_components = self.n_components or max(5, n_features // 4)
        hidden_layer_sizes = self.hidden_layer_sizes
        if hidden_layer_sizes is None:
            hidden_layer_sizes = default_hidden_sizes(n_features)
        network = AutoencoderModule(
            n_features,
            hidden_layer_sizes,
            n_components,
            batch_norm="after",
            dropout=self.dropout,
            shortcut=False,
        )
        return network, n_components

    def _known_logits(self, X):
        """Logits of the known classes, in the order of ``known_classes_``."""
        logits = head_logits(self.net_, self.scaling_.transform(X))
        return logits[:, self._outputs]

    def _known_proba(self, X):
        if len(self._outputs) == 0:
            raise ValueError(
                "No class is known, since no row had one in fit: give y to learn "
                "known classes."
            )
        return softmax(self._known_logits(X), axis=1)

    def predict_known_classes(self, X: ArrayLike) -> Any:
        """Give every row the known class that the head finds most probable.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Known class of each row, one of ``known_classes_``.

        Raises
        ------
        ValueError
            If no row had a class in fit.
        """
        return self.known_classes_[self._known_proba(self._embed(X)).argmax(axis=1)]

    def predict_known_proba(self, X: ArrayLike) -> Any:
        """Give every known class a probability, given that a row is of one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known)
            Softmax of the head, in the order of ``known_classes_``. Rows sum to
            1; in the dtype of `X`.

        Raises
        ------
        ValueError
            If no row had a class in fit.
        """
        Z = self._embed(X)
        return self._known_proba(Z).astype(Z.dtype)


def default_hidden_sizes(n_features):
    """Three quarters and a half of the columns, within bounds."""
    widths = 3 * n_features // 4, n_features // 2
    return tuple(np.clip(widths, 8, (256, 128)).tolist())


def run_network(part, rows):
    """Run a part of a network on rows; float64 holding float32 values."""
    with np.errstate(over="ignore"):
        values = in_chunks(partial(run_rows, part), rows).astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(
            "The network's outputs are not finite: lower learning_rate_init, or "
            "check module."
        )
    return values


def latents_of(net, rows):
    """Map scaled rows to latents."""
    return run_network(net.inference_module_.project, rows)


def head_logits(net, rows):
    """Logits of the head at scaled rows."""
    module = net.inference_module_
    return run_network(lambda part: module.head(module.project(part)), rows)
