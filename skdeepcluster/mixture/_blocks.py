"""Which number columns are correlated within a component."""

import numpy as np

from ._statistics import Arranged, BlockParameters, Blocks, Statistics

# Most columns of a block that is learned.
MOST_COLUMNS = 12


def learn_blocks(rows, mixture):
    """Join blocks of number columns while the evidence of the joint block is larger.

    Parameters
    ----------
    rows : Rows
        The table.
    mixture : Mixture
        Whose responsibilities and parameters complete the rows.

    Returns
    -------
    Blocks
        From single columns, the best pair of blocks joined first. O(p² k) marginal
        likelihoods for p columns and k components.
    """
    p = rows.numbers.shape[1]
    everything = Blocks.of([list(range(p))])
    completion = mixture.prior.expected_parameters(mixture.statistics)
    completion = completion._replace(
        larger=(as_one_block(completion, mixture.prior.blocks, p),),
    )
    arranged = Arranged.of(rows, everything)
    completed, _ = Statistics.of_rows(arranged, mixture.shares, completion)
    _, sums, squares = completed.larger[0]

    def evidence(block):
        block = np.array(sorted(block), dtype=np.intp)
        part = (completed.sizes, sums[:, block], squares[:, block[:, None], block])
        # In one layout, so that the kernel is compiled once.
        part = tuple(np.ascontiguousarray(array) for array in part)
        return mixture.prior.block_log_marginals(block, part).sum()

    return _join(p, evidence)


def _join(p, evidence):
    """Join blocks greedily."""
    blocks = {j: [j] for j in range(p)}
    own = {j: evidence([j]) for j in range(p)}

    def gain(a, b):
        if len(blocks[a]) + len(blocks[b]) > MOST_COLUMNS:
            return -np.inf
        return evidence(blocks[a] + blocks[b]) - own[a] - own[b]

    gains = {(a, b): gain(a, b) for b in range(p) for a in range(b)}
    while gains:
        a, b = max(gains, key=gains.get)
        if not gains[a, b] > 0:
            break
        own[a] += own.pop(b) + gains[a, b]
        blocks[a] += blocks.pop(b)
        gains = {pair: value for pair, value in gains.items() if b not in pair}
        for other in blocks:
            if other != a:
                pair = min(other, a), max(other, a)
                gains[pair] = gain(*pair)
    return Blocks.of(list(blocks.values()))


def as_one_block(parameters, blocks, p):
    """Parameters of all number columns as one block, zero between the blocks."""
    n_components = len(parameters.log_weights)
    means = np.zeros((n_components, p))
    covariances = np.zeros((n_components, p, p))
    means[:, blocks.singles] = parameters.means.T
    covariances[:, blocks.singles, blocks.singles] = 0.5 / parameters.halves.T
    for block, part in zip(blocks.larger, parameters.larger, strict=True):
        means[:, block] = part.means
        covariances[:, block[:, np.newaxis], block] = part.covariances
    return BlockParameters(np.zeros(n_components), means, covariances)
