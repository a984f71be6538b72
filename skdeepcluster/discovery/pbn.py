"""PBN: a latent space that tells known classes apart finds the novel ones."""

from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from ..base import (
    GlobalScaling,
    canonical_order,
    distinct_rows,
    draw_seed,
    in_chunks,
    lexicographic_order,
    warn_if_collapsed,
)
from ..nn.modules import AutoencoderModule
from ..nn.training import (
    history_of,
    in_double,
    labeled_rows,
    make_net,
    pick_device,
    reproducible,
    run_rows,
    train,
    user_module,
)
from ._frame import DiscoveryEstimator
from ._kmeans import Centers, class_means, kmeans
from ._labels import UNLABELED
from ._number import estimate_n_novel

_N_STARTS = 10


class PBNModule(nn.Module):
    """An autoencoder on the unit sphere, and a head that knows the classes.

    Parameters
    ----------
    autoencoder : torch.nn.Module
        Network with methods ``encode`` and ``decode``.
    latent_dim : int
        Width of a code.
    n_known : int
        Number of known classes; 0 leaves the head out.
    w : float
        Weight of the classification in the loss, in [0, 1].
    reduction : {"sum", "mean"}
        What becomes of the squared errors of a row's columns.
    """

    def __init__(self, autoencoder, latent_dim, n_known, w, reduction):
        super().__init__()
        self.autoencoder = autoencoder
        self.head = nn.Linear(latent_dim, n_known) if n_known else None
        self.w = w
        self.reduction = reduction

    def encode(self, rows):
        """Map rows to codes of any length."""
        return self.autoencoder.encode(rows)

    def project(self, rows):
        """Map rows to codes of length 1, which decoder and head see."""
        return normalize(self.encode(rows))

    def decode(self, codes):
        """Map codes back to rows."""
        return self.autoencoder.decode(codes)

    def forward(self, rows):
        """Evaluate head and decoder; return the codes they saw as well."""
        codes = self.project(rows)
        logits = None if self.head is None else self.head(codes)
        return logits, self.decode(codes), codes

    def loss(self, rows, classes):
        """Weigh classification of the labeled rows against reconstruction of all.

        Without a labeled row in the batch the classification costs nothing.
        """
        logits, restored, _ = self(rows)
        errors = (rows - restored).square()
        errors = errors.sum(dim=1) if self.reduction == "sum" else errors.mean(dim=1)
        loss = (1 - self.w) * errors.mean()
        labeled = classes >= 0
        if logits is None or not labeled.any():
            return loss
        return loss + self.w * cross_entropy(logits[labeled], classes[labeled])


class PBN(ClassNamePrefixFeaturesOutMixin, TransformerMixin, DiscoveryEstimator):
    """DOC"""

    _parameter_constraints = {
        "n_novel": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "hidden_sizes": ["array-like", None],
        "module": [callable, None],
        "w": [Interval(Real, 0, 1, closed="both")],
        "reconstruction_reduction": [StrOptions({"sum", "mean"})],
        "cluster_space": [StrOptions({"normalized", "raw"})],
        "predict_space": [StrOptions({"novel", "all"})],
        "lr": [Interval(Real, 0, None, closed="neither")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_novel="auto",
        *,
        latent_dim=None,
        hidden_sizes=None,
        module=None,
        w=0.5,
        reconstruction_reduction="sum",
        cluster_space="normalized",
        predict_space="novel",
        lr=1e-3,
        dropout=0.1,
        max_epochs=200,
        batch_size=512,
        callbacks=None,
        device="cpu",
        random_state=None,
        verbose=0,
    ):
        self.n_novel = n_novel
        self.latent_dim = latent_dim
        self.hidden_sizes = hidden_sizes
        self.module = module
        self.w = w
        self.reconstruction_reduction = reconstruction_reduction
        self.cluster_space = cluster_space
        self.predict_space = predict_space
        self.lr = lr
        self.dropout = dropout
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit_codes(self, Z, known, sample_weight):
        self._seed = draw_seed(self.random_state)
        self._dtype = Z.dtype
        self.scaling_ = GlobalScaling(*distinct_rows(Z))
        self._train(self.scaling_.apply(Z), known)
        self.history_ = history_of(self.net_)
        self.n_iter_ = len(self.history_)
        latents = self._latents(Z)
        self._n_features_out = latents.shape[1]
        self._known_centers = class_means(latents, known)
        self._unlabeled = latents[~known.labeled]
        return self._recluster_codes(self.n_novel)

    def _train(self, scaled, known):
        # The draws see rows and classes in an order of their own: neither the
        # order of the rows nor the names of the classes matter.
        sizes = np.bincount(known.codes[known.labeled], minlength=known.n_known)
        ranked = canonical_order(sizes, class_means(scaled, known))
        self._head_columns = np.argsort(ranked)
        classes = np.append(self._head_columns, UNLABELED)[known.codes]
        order, _ = lexicographic_order(np.column_stack([scaled, classes]))
        device = pick_device(self.device)
        with reproducible(self._seed, device):
            self.net_ = make_net(
                PBNModule(
                    *self._build(scaled.shape[1]),
                    known.n_known,
                    self.w,
                    self.reconstruction_reduction,
                ),
                optimizer="adamw",
                lr=self.lr,
                batch_size=self.batch_size,
                device=device,
                callbacks=self.callbacks,
                verbose=self.verbose,
            )
            # An epoch is one pass, however small the table.
            self.net_.iterator_train__min_steps = 1
            dataset = labeled_rows(scaled[order], classes[order], device)
            train(self.net_, dataset, max_epochs=self.max_epochs)

    def _build(self, n_features):
        """Return the autoencoder and the width of its code."""
        if self.module is not None:
            network = user_module(self.module, n_features)
            one_row = torch.zeros(1, n_features, dtype=torch.float64)
            with torch.inference_mode():
                return network, in_double(network).encode(one_row).shape[1]
        latent_dim = self.latent_dim or max(5, n_features // 4)
        hidden_sizes = self.hidden_sizes
        if hidden_sizes is None:
            hidden_sizes = (max(8, 3 * n_features // 4), max(8, n_features // 2))
        network = AutoencoderModule(
            n_features,
            hidden_sizes,
            latent_dim,
            batch_norm="after",
            dropout=self.dropout,
            shortcut=False,
        )
        return network, latent_dim

    def _run(self, part, X):
        """Run a part of the network on rows; float64 holding float32 values."""
        scaled = self.scaling_.apply(X)
        values = in_chunks(partial(run_rows, part), scaled).astype(np.float64)
        if not np.all(np.isfinite(values)):
            raise ValueError(
                "The network's outputs are not finite: lower lr, or check module."
            )
        return values

    def _latents(self, X):
        """Codes of rows in the space where clusters are looked for."""
        module = in_double(self.net_.module_)
        raw = self.cluster_space == "raw"
        return self._run(module.encode if raw else module.project, X)

    def _recluster_codes(self, n_novel):
        known, latents = self._known, self._unlabeled
        rng = np.random.default_rng(self._seed)
        novel, spread = latents[:0], 0.0
        if len(latents):
            rows, weights = distinct_rows(latents)
            if n_novel == "auto":
                n_novel = estimate_n_novel(rows, weights, rng)
            novel, inertia, _ = kmeans(rows, weights, n_novel, rng, _N_STARTS)
            warn_if_collapsed(len(novel), n_novel, "Ask for fewer novel classes.")
            spread = inertia / len(latents)
        self.temperature_ = float(spread) or 1.0
        self._centers = Centers(self._known_centers, novel, self.predict_space)
        self.latent_centers_ = self._centers.all.astype(self._dtype)
        self.cluster_centers_ = self._decode(normalized(self._centers.all), self._dtype)
        codes = known.codes.copy()
        if len(latents):
            nearest = Centers(self._known_centers, novel, "novel").nearest
            codes[~known.labeled] = nearest(latents)[0]
        return codes

    def _decode(self, latents, dtype):
        decode = in_double(self.net_.module_).decode
        rows = in_chunks(partial(run_rows, decode), latents)
        return self.scaling_.undo(rows).astype(dtype)

    def _predict_codes(self, Z):
        if self.n_novel_ == 0:
            return self._head(Z).argmax(axis=1)
        return self._centers.nearest(self._latents(Z))[0]

    def _head(self, Z):
        """Probabilities that the head gives the known classes."""
        if len(self.classes_) == 0:
            raise ValueError(
                "No class is known: fit saw no labeled row. Give y to learn known "
                "classes."
            )
        module = in_double(self.net_.module_)
        logits = self._run(lambda rows: module.head(module.project(rows)), Z)
        logits = logits[:, self._head_columns]
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def predict_proba(self, X):
        """Soft assignment of rows to classes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known + n_novel_)
            Softmax of the negative squared distances in the latent space over
            ``temperature_``, in the order ``classes_``, then
            ``novel_classes_``; 0 for classes that `predict_space` rules out.
            Without a novel class, `predict_known_proba`. Rows sum to 1; in the
            dtype of `X`.
        """
        Z = self._embed(X)
        if self.n_novel_ == 0:
            return self._head(Z).astype(Z.dtype)
        latents = self._latents(Z)
        return self._centers.probabilities(latents, self.temperature_).astype(Z.dtype)

    def predict_known(self, X):
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
        return self.classes_[self._head(self._embed(X)).argmax(axis=1)]

    def predict_known_proba(self, X):
        """Probabilities of the known classes, given that a row is of one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known)
            Softmax of the head, in the order ``classes_``. Rows sum to 1; in
            the dtype of `X`.

        Raises
        ------
        ValueError
            If no row had a class in fit.
        """
        Z = self._embed(X)
        return self._head(Z).astype(Z.dtype)

    def transform(self, X):
        """Embed rows on the unit sphere.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        latents : ndarray of shape (n_samples, latent_dim)
            Codes of length 1, in the dtype of `X`.
        """
        Z = self._embed(X)
        return self._run(in_double(self.net_.module_).project, Z).astype(Z.dtype)

    def inverse_transform(self, X):
        """Restore rows from their codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, latent_dim)
            Codes.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features)
            Rows in the units of the table, in the dtype of `X`.
        """
        check_is_fitted(self)
        latents = check_array(X, dtype=[np.float64, np.float32], order="C")
        if latents.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {latents.shape[1]} columns, but the codes of this PBN have "
                f"{self._n_features_out}."
            )
        return self._decode(latents, latents.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def normalized(rows):
    """Bring rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
