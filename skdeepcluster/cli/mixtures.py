"""What a MixedMixture says beside its clusters: columns, gaps and levels."""

from .messages import listed

EVIDENCE = (
    "The evidence that the clusters differ in each column, in nats: the natural "
    "logarithm of the odds, so that 5, or 150 to 1, is strong already; it grows with "
    "the number of rows."
)


def mixture_notes(estimator):
    """Yield lines about what the clusters explain, and whether gaps count.

    Parameters
    ----------
    estimator : object
        Fitted; of a clusterer other than MixedMixture there is nothing to say.
    """
    if not (hasattr(estimator, "column_evidence_") and estimator.n_clusters_ > 1):
        return
    ranked = sorted(estimator.column_evidence_.items(), key=lambda item: -item[1])
    told = [f"{name} ({nats:,.0f})" for name, nats in ranked if nats >= 1]
    noise = [name for name, nats in ranked if nats < 0]
    for text, names in (
        (
            "evidence that the clusters differ in a column, in nats (logarithms of "
            "odds: 5 is strong)",
            told,
        ),
        ("no evidence that the clusters differ in the values of", noise),
        (
            "whether a cell is missing helps to tell the clusters apart in",
            estimator.informative_gaps_,
        ),
    ):
        if names:
            yield f"{text}: {listed(names, where='--report FILE')}"


def coarser_levels(estimator):
    """Describe fewer clusters than were chosen by those that are joined.

    Returns
    -------
    list of (int, float, str)
        Number of clusters, nats of the objective that they cost, and which clusters
        make up each, with the share of rows of which that is true.
    """
    import numpy as np

    labels = estimator.labels_
    objectives = {level["n_clusters"]: level["objective"] for level in estimator.path_}
    best = objectives[estimator.n_clusters_]
    levels = []
    for k in range(estimator.n_clusters_ - 1, 1, -1):
        if k not in objectives:
            continue
        counts = np.zeros((estimator.n_clusters_, k), dtype=np.intp)
        np.add.at(counts, (labels, estimator.labels_at(k)), 1)
        home = counts.argmax(axis=1)
        groups = (np.flatnonzero(home == group) for group in range(k))
        joined = [" + ".join(map(str, group)) for group in groups if len(group)]
        said = "; ".join(joined)
        share = counts.max(axis=1).sum() / len(labels)
        if share < 1 or len(joined) < k:
            said += f" (true of {share:.1%} of the rows)"
        levels.append((k, best - objectives[k], said))
    return levels
