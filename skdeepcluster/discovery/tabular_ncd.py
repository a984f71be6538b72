"""TabularNCD: pairs of similar rows are pseudo-labels of one novel class."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.nn.functional import (
    binary_cross_entropy,
    cross_entropy,
    mse_loss,
    normalize,
)

from .._labels import UNLABELED
from .._rows import canonical_order
from .._warnings import warn_if_collapsed
from ._n_novel import estimate_n_novel
from ._network import DiscoveryNetwork, Trained, head_logits, run_network


class TabularNCDModule(nn.Module):
    """An encoder with a head for known classes and one for novel clusters.

    Parameters
    ----------
    autoencoder : torch.nn.Module
        Network with a method ``encode``.
    n_components : int
        Width of a code.
    n_known : int
        Number of known classes. The head has one more output, for all rows
        without a class.
    n_novel : int
        Number of novel clusters; 0 leaves their head out.
    n_neighbors : int
        Neighbours of a row among which its companion is drawn.
    top_k : float
        Share of a batch's unlabeled rows that count as positive for each.
    supervised_weight, pair_weight : float
        Weights of classification and of pairs, against consistency.
    """

    def __init__(
        self,
        autoencoder,
        n_components,
        n_known,
        n_novel,
        n_neighbors,
        top_k,
        supervised_weight,
        pair_weight,
    ):
        super().__init__()
        self.autoencoder = autoencoder
        self.head = nn.Linear(n_components, n_known + 1)
        self.clusters = nn.Linear(n_components, n_novel) if n_novel else None
        self.n_neighbors = n_neighbors
        self.top_k = top_k
        self.supervised_weight = supervised_weight
        self.pair_weight = pair_weight

    def project(self, rows):
        """Map rows to the codes that both heads see."""
        return self.autoencoder.encode(rows)

    def loss(self, rows, classes):
        """Sum the losses of classification and clustering, each kept smooth."""
        companions = draw_companions(rows, classes, self.n_neighbors)
        codes, near = self.project(torch.cat([rows, companions])).tensor_split(2)
        logits = self.head(codes)
        targets = torch.where(classes == UNLABELED, self.head.out_features - 1, classes)
        loss = self.supervised_weight * cross_entropy(logits, targets)
        loss = loss + (1 - self.supervised_weight) * mse_loss(logits, self.head(near))
        unlabeled = classes == UNLABELED
        if self.clusters is None or unlabeled.sum() < 2:
            return loss
        codes, near = codes[unlabeled], near[unlabeled]
        logits = self.clusters(codes)
        n_positive = max(1, int(self.top_k * len(codes)))
        pairs = pair_loss(logits.softmax(dim=1), pair_targets(codes, n_positive))
        smooth = mse_loss(logits, self.clusters(near))
        return loss + self.pair_weight * pairs + (1 - self.pair_weight) * smooth


@torch.no_grad()
def draw_companions(rows, classes, n_neighbors):
    """Draw for each row a point on the way to one like it.

    Parameters
    ----------
    rows : torch.Tensor of shape (n_rows, n_features)
        Batch of scaled rows.
    classes : torch.Tensor of shape (n_rows,)
        Their classes, -1 where unlabeled: only rows of one kind mix.
    n_neighbors : int
        Rows, most similar by the cosine, of which one is drawn.

    Returns
    -------
    torch.Tensor of shape (n_rows, n_features)
        Points between the rows and the ones drawn; a row that is alone of its
        kind is its own companion.
    """
    directions = normalize(rows)
    similarities = directions @ directions.T
    strangers = classes[:, None] != classes
    strangers.fill_diagonal_(True)
    similarities.masked_fill_(strangers, -torch.inf)
    n_kin = (~strangers).sum(dim=1)
    n_nearest = min(n_neighbors, len(rows) - 1)
    nearest = similarities.topk(n_nearest, dim=1).indices
    draw, way = torch.rand(2, len(rows), device=rows.device)
    drawn = (draw * n_kin.clamp(max=n_nearest)).long()
    chosen = rows[nearest.gather(1, drawn[:, None])[:, 0]]
    way = torch.where(n_kin > 0, way, 0.0)
    return rows + way[:, None] * (chosen - rows)


@torch.no_grad()
def pair_targets(codes, n_positive):
    """Mark for each row the rows whose codes point most nearly the same way.

    Parameters
    ----------
    codes : torch.Tensor of shape (n_rows, n_components)
        At least two codes.
    n_positive : int
        Rows to mark for each; itself is never one of them.

    Returns
    -------
    torch.Tensor of shape (n_rows, n_rows)
        1 where a row is marked, otherwise 0; not symmetric.
    """
    directions = normalize(codes)
    similarities = directions @ directions.T
    similarities.fill_diagonal_(-torch.inf)
    nearest = similarities.topk(min(n_positive, len(codes) - 1), dim=1).indices
    return torch.zeros_like(similarities).scatter_(1, nearest, 1.0)


def pair_loss(probabilities, targets):
    """Cross-entropy of sharing a cluster, over pairs of different rows.

    Parameters
    ----------
    probabilities : torch.Tensor of shape (n_rows, n_clusters)
        Soft assignments.
    targets : torch.Tensor of shape (n_rows, n_rows)
        Marks of :func:`pair_targets`; a pair counts as marked if either row
        marks the other.

    Returns
    -------
    torch.Tensor of shape ()
        Mean over the pairs.
    """
    upper = torch.triu_indices(len(targets), len(targets), 1, device=targets.device)
    together = torch.maximum(targets, targets.T)[upper[0], upper[1]]
    # The product of equal one-hot rows may round to more than 1.
    agreement = (probabilities @ probabilities.T)[upper[0], upper[1]].clamp(0, 1)
    return binary_cross_entropy(agreement, together)


class TabularNCDFit(NamedTuple):
    """Classes of the rows, and what gives them.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,), dtype=int64
        Class of every row.
    trained : Trained
        The net.
    columns : ndarray of shape (n_novel,), dtype=int64
        Output of the clustering head of each novel class.
    """

    codes: np.ndarray
    trained: Trained
    columns: np.ndarray


class TabularNCD(DiscoveryNetwork):
    """Novel classes learned with the network, from rows that are alike.

    A network maps every row to a latent code. One head tells the known classes
    apart, and all unlabeled rows from them; another puts the unlabeled rows into
    novel clusters, such that the rows with the most similar codes share one.
    Both must say the same of a row and of a point on the way to a row like it.

    Parameters
    ----------
    n_novel : int or "auto", default="auto"
        Number of novel classes, which is the number of outputs of the
        clustering head; "auto" takes the number from 1 to 30 with which
        k-means of the unlabeled rows, beside the known classes, gives all rows
        the best silhouettes (on samples of 2000 labeled and unlabeled rows
        each, where there are more), before anything is learned.
    n_neighbors : int, default=10
        Rows of the batch, of the same known class or unlabeled as well, among
        which the row is drawn towards which a row is moved.
    top_k : float, default=0.15
        Share of the unlabeled rows of a batch that should share the cluster of a
        row, in [0, 1]; at least one does.
    supervised_weight : float, default=0.8
        Weight of the cross-entropy against consistency, for the known classes.
    pair_weight : float, default=0.9
        Weight of the pairs against consistency, for the novel clusters.
    n_components : int, default=None
        Width of the code; None means a quarter of the columns, at least 5.
    hidden_layer_sizes : tuple of int, default=None
        Widths of the hidden layers; None means three quarters and a half of the
        columns, at least 8 each, and at most
        256 and 128.
    module : torch.nn.Module or callable, default=None
        A network of your own, as for :class:`PBN`; only its ``encode`` is used.
        `n_components`, `hidden_layer_sizes` and `dropout` are then not used.
    dropout : float, default=0.1
        Share of hidden units left out in a training step, in [0, 1).
    predict_known : bool, default=False
        Whether `predict` may answer known classes too, or novel ones only.
    max_epochs : int, default=100
        Passes over the table. All of them are run.
    learning_rate_init : float, default=1e-2
        Learning rate of AdamW.
    batch_size : int, default=512
        Rows of a gradient step.
    callbacks : list of skorch callbacks, default=None
        Further callbacks of the training. They are copied: look at
        ``net_.callbacks_`` for what they recorded.
    device : {"cpu", "cuda", "auto"}, default="cpu"
        Where to train; "auto" takes a GPU if there is one.
    random_state : int, RandomState instance or None, default=None
        Seed of weights and draws. With an int, the same table gives the same
        classes bit for bit, whatever the order of its rows.
    verbose : int, default=0
        Whether to print the loss of every epoch.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Class of every row: known rows keep theirs.
    classes_ : ndarray of shape (n_known + n_novel_,)
        All classes, in the order of the columns of :meth:`predict_proba`: known
        ones, then novel ones.
    known_classes_ : ndarray of shape (n_known,)
        Known classes, sorted.
    novel_classes_ : ndarray of shape (n_novel_,)
        Novel classes, the largest first: integers from ``max(known_classes_) + 1``
        on where classes are integers, otherwise "novel_0", "novel_1" and so on.
    n_novel_ : int
        Number of novel classes found.
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
        If a parameter, the table or the labels are not as described, or
        `n_novel` is larger than the number of unlabeled rows.

    Warns
    -----
    ConvergenceWarning
        If fewer classes than asked for hold rows, or the loss became infinite.

    See Also
    --------
    PBN : Needs fewer settings, and clusters again without training.

    Notes
    -----
    This is the form of the method in [2]_: no pretraining, and one optimiser on
    the sum of both losses. Two things differ from it. `top_k` is a share of the
    unlabeled rows and at least one row, where the authors' program may be left
    without any. And neighbours are looked for in the batch alone, where it also
    keeps the last 2000 rows. The paper [1]_ found shares of 0.06 to 0.16 best,
    and that above 0.7 everything merges; expect the other settings to matter as
    much. The defaults of `n_neighbors`, `top_k`, `supervised_weight` and
    `pair_weight` lie in the ranges that it found good; those of the network are PBN's.

    The clustering head has one output per novel class, so :meth:`recluster`
    trains anew, from the rows of the table that it keeps.

    Time is O(n_samples · (weights + batch_size · (n_features + n_components))) an
    epoch, and memory O(n_samples · n_features) for copies of the table. A row's
    result does not depend on the rows it comes with.

    Ctrl-C during training keeps the best epoch so far and says so; before and
    after it, the estimator stays as it was.

    References
    ----------
    .. [1] C. Troisemaine, J. Flocon-Cholet, S. Gosselin, S. Vaton,
       A. Reiffers-Masson and V. Lemaire, "A method for discovering novel
       classes in tabular data", IEEE International Conference on Knowledge
       Graph, 2022.
    .. [2] C. Troisemaine, A. Reiffers-Masson, S. Gosselin, V. Lemaire and
       S. Vaton, "A practical approach to novel class discovery in tabular
       data", Data Mining and Knowledge Discovery 38, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import TabularNCD
    >>> X, y = load_iris(return_X_y=True)
    >>> y_partial = np.where(y == 0, 0, -1)
    >>> model = TabularNCD(n_novel=2, random_state=0).fit(X, y_partial)
    >>> model.novel_classes_
    array([1, 2])
    """

    _parameter_constraints = {
        **DiscoveryNetwork._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "top_k": [Interval(Real, 0, 1, closed="both")],
        "supervised_weight": [Interval(Real, 0, 1, closed="both")],
        "pair_weight": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        n_novel: Literal["auto"] | int = "auto",
        *,
        n_neighbors: int = 10,
        top_k: float = 0.15,
        supervised_weight: float = 0.8,
        pair_weight: float = 0.9,
        n_components: int | None = None,
        hidden_layer_sizes: Sequence[int] | None = None,
        module: Any = None,
        dropout: float = 0.1,
        predict_known: bool = False,
        max_epochs: int = 100,
        learning_rate_init: float = 0.01,
        batch_size: int = 512,
        callbacks: Sequence[Any] | None = None,
        device: Literal["cpu", "cuda", "auto"] = "cpu",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            n_novel=n_novel,
            n_components=n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            module=module,
            dropout=dropout,
            predict_known=predict_known,
            max_epochs=max_epochs,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            callbacks=callbacks,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_neighbors = n_neighbors
        self.top_k = top_k
        self.supervised_weight = supervised_weight
        self.pair_weight = pair_weight

    def _prepare(self, Z, known, weights):
        return self._start(Z, known)

    def _make_module(self, network, n_components, n_known, n_novel):
        return TabularNCDModule(
            network,
            n_components,
            n_known,
            n_novel,
            int(self.n_neighbors),
            self.top_k,
            self.supervised_weight,
            self.pair_weight,
        )

    def _fit_discovery(self, training, n_novel):
        known = training.known
        unlabeled = training.rows[~known.labeled]
        if n_novel == "auto":
            n_novel = 0
            if len(unlabeled):
                rng = np.random.default_rng(training.seed)
                n_novel = estimate_n_novel(training.rows, known.codes, rng)
        trained = self._train(training, n_known=known.n_known, n_novel=n_novel)
        codes, columns = known.codes.copy(), np.empty(0, dtype=np.int64)
        if len(unlabeled):
            winners = cluster_logits(trained.net, unlabeled).argmax(axis=1)
            sizes = np.bincount(winners, minlength=n_novel)
            weights = trained.net.module_.clusters.weight.detach().cpu().numpy()
            order = canonical_order(sizes, weights)
            columns = order[sizes[order] > 0]
            warn_if_collapsed(len(columns), n_novel, "Ask for fewer novel classes.")
            codes[~known.labeled] = known.n_known + np.argsort(order)[winners]
        return TabularNCDFit(codes, trained, columns)

    def _publish(self, training, result):
        super()._publish(training, result)
        self._columns = result.columns

    def _proba(self, Z):
        """Probabilities of all classes, in float64."""
        if len(self._columns) == 0:
            return self._known_proba(Z)
        scaled = self.scaling_.transform(Z)
        novel = softmax(cluster_logits(self.net_, scaled)[:, self._columns], axis=1)
        share = np.zeros((len(Z), len(self._outputs) + 1))
        share[:, -1] = 1
        if self.predict_known:
            columns = np.append(self._outputs, len(self._outputs))
            share = softmax(head_logits(self.net_, scaled)[:, columns], axis=1)
        return np.hstack([share[:, :-1], share[:, -1:] * novel])

    def _predict_codes(self, Z):
        return self._proba(Z).argmax(axis=1)

    def predict_proba(self, X: ArrayLike) -> NDArray[Any]:
        """Give every class a probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Table with the columns seen in fit.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_known + n_novel_)
            In the order of ``classes_``: those of the clustering head, and 0 for
            known classes, unless `predict_known` is True. Without a novel class,
            `predict_known_proba`. Rows sum to 1; in the dtype of `X`.
        """
        Z = self._embed(X)
        return self._proba(Z).astype(Z.dtype)


def cluster_logits(net, rows):
    """Logits of the clustering head at scaled rows."""
    module = net.inference_module_
    return run_network(lambda part: module.clusters(module.project(part)), rows)
