"""The frame of the discovery estimators that train a network."""

from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions

from .._labels import UNLABELED
from .._rows import canonical_order, distinct_rows, in_chunks, lexicographic_order
from .._scaling import TableScaling
from .._validation import draw_seed
from ..nn.batches import labeled_rows
from ..nn.inference import in_double, run_rows
from ..nn.modules import AutoencoderModule, user_module
from ..nn.training import history_of, make_net, pick_device, reproducible, train
from ._base import DiscoveryEstimator
from ._novel_centers import class_means


class LatentDiscovery(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, DiscoveryEstimator
):
    """Frame of the estimators that learn a latent space from partial labels.

    The module of ``net_`` has a method ``project``, which maps rows to latents.
    """

    _parameter_constraints = {
        "n_novel": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_layer_sizes": ["array-like", None],
        "module": [callable, None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def _start(self, Z, known):
        """Scale the rows; order rows and classes for the draws.

        Neither the order of the rows nor the names of the classes shall matter:
        training sees the rows sorted, and the classes by their sizes.

        Returns
        -------
        scaled : ndarray of shape (n_samples, n_features)
            Scaled rows, sorted.
        classes : ndarray of shape (n_samples,), dtype=int64
            Output of the network that belongs to each, -1 where unlabeled.
        """
        self._seed = draw_seed(self.random_state)
        self.scaling_ = TableScaling(*distinct_rows(Z))
        scaled = self.scaling_.transform(Z)
        sizes = np.bincount(known.codes[known.labeled], minlength=known.n_known)
        means = class_means(scaled, known.codes, known.n_known)
        self._outputs = np.argsort(canonical_order(sizes, means))
        classes = np.append(self._outputs, UNLABELED)[known.codes]
        order, _ = lexicographic_order(np.column_stack([scaled, classes]))
        return scaled[order], classes[order]

    def _run(self, part, rows):
        """Run a part of the network on rows; float64 holding float32 values."""
        with np.errstate(over="ignore"):
            values = in_chunks(partial(run_rows, part), rows).astype(np.float64)
        if not np.all(np.isfinite(values)):
            raise ValueError(
                "The network's outputs are not finite: lower learning_rate_init, or "
                "check module."
            )
        return values

    def _latents(self, X):
        project = in_double(self.net_.module_).project
        return self._run(project, self.scaling_.transform(X))

    def transform(self, X):
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


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

    def _train(self, scaled, classes, **sizes):
        """Train a new net; `sizes` go to :meth:`_make_module`."""
        device = pick_device(self.device)
        with reproducible(self._seed, device):
            network, n_components = self._build(scaled)
            self.net_ = make_net(
                self._make_module(network, n_components, **sizes),
                optimizer="adamw",
                lr=self.learning_rate_init,
                batch_size=self.batch_size,
                device=device,
                callbacks=self.callbacks,
                verbose=self.verbose,
            )
            # An epoch is one pass, however small the table.
            self.net_.iterator_train__min_steps = 1
            train(
                self.net_,
                labeled_rows(scaled, classes, device),
                max_epochs=self.max_epochs,
            )
        self._n_features_out = n_components
        self.history_ = history_of(self.net_)
        self.n_iter_ = len(self.history_)

    def _build(self, scaled):
        """Return the autoencoder and the width of its code."""
        n_features = scaled.shape[1]
        if self.module is not None:
            network = user_module(self.module, n_features)
            one_row = torch.zeros(1, n_features, dtype=torch.float64)
            with torch.inference_mode():
                return network, in_double(network).encode(one_row).shape[1]
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
        """Logits of the known classes, in the order of ``classes_``."""
        module = in_double(self.net_.module_)
        scaled = self.scaling_.transform(X)
        logits = self._run(lambda rows: module.head(module.project(rows)), scaled)
        return logits[:, self._outputs]

    def _known_proba(self, X):
        if len(self._outputs) == 0:
            raise ValueError(
                "No class is known, since no row had one in fit: give y to learn "
                "known classes."
            )
        return softmax(self._known_logits(X))

    def predict_known_classes(self, X):
        """Give every row the known class that the head finds most probable.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Known class of each row, one of ``classes_``.

        Raises
        ------
        ValueError
            If no row had a class in fit.
        """
        return self.classes_[self._known_proba(self._embed(X)).argmax(axis=1)]

    def predict_known_proba(self, X):
        """Give every known class a probability, given that a row is of one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known)
            Softmax of the head, in the order of ``classes_``. Rows sum to 1; in
            the dtype of `X`.

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


def softmax(logits):
    """Turn logits into probabilities, row by row."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def normalized(rows):
    """Bring rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
