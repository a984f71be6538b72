"""The networks of the novel class discovery benchmark, with published settings."""

from skdeepcluster import PBN, TabularNCD

COLUMNS = {
    "pendigits": 16,
    "optdigits": 62,
    "mfeat_fac": 215,
    "cnae9": 856,
    "letter": 16,
}
# Mean variance of the columns of the one table that is not standardised.
VARIANCES = {"cnae9": 0.00801}

# Latent width, learning rate, dropout and w, tuned by the authors for each table:
# with the number of classes given, and with it estimated.
PBN_GIVEN = {
    "pendigits": (11, 2.840e-3, 0.02538, 0.4606),
    "optdigits": (58, 8.756e-4, 0.08648, 0.0637),
    "mfeat_fac": (123, 2.768e-4, 0.1264, 0.4283),
    "cnae9": (768, 4.836e-3, 0.01101, 0.9006),
    "letter": (13, 6.142e-3, 0.0808, 0.8605),
}
PBN_ESTIMATED = {
    "pendigits": (12, 1.077e-3, 0.01126, 0.1067),
    "optdigits": (53, 3.646e-4, 0.06607, 0.1892),
    "mfeat_fac": (172, 4.675e-3, 0.2393, 0.6703),
    "cnae9": (579, 4.40e-3, 0.08132, 0.6982),
    "letter": (22, 5.889e-4, 0.02746, 0.7224),
}
# Neighbours, latent width, learning rate, dropout, top_k in %, w1, w2.
TABULAR_NCD = {
    "pendigits": (73, 13, 4.648e-3, 0.0278, 0.4674, 0.1399, 0.6054),
    "optdigits": (2, 27, 3.927e-3, 0.0349, 0.6738, 0.9967, 0.8863),
    "mfeat_fac": (82, 167, 1.958e-3, 0.5547, 0.7160, 0.0100, 0.9934),
    "cnae9": (11, 445, 9.717e-4, 0.0708, 0.3249, 0.0948, 0.9245),
    "letter": (100, 16, 5.49e-4, 0.0453, 0.8781, 0.1103, 0.9906),
}


def shared(name, n_components, lr, dropout):
    """Settings of the network that all published runs share."""
    columns = COLUMNS[name]
    return {
        "n_components": n_components,
        "hidden_layer_sizes": (3 * columns // 4, columns // 2),
        "learning_rate_init": lr,
        "dropout": dropout,
        "max_epochs": 200,
        "batch_size": 512,
    }


def in_our_units(w, name):
    """Convert a published w to the scale that the network sees.

    The authors' reconstruction error is in the table's units, ours in units in
    which the mean variance of the columns is 1. That is the same where a table
    is standardised.
    """
    return w / (w + (1 - w) * VARIANCES.get(name, 1))


def published_pbn(settings):
    def make(name, k, seed):
        n_components, lr, dropout, w = settings[name]
        network = shared(name, n_components, lr, dropout)
        return PBN(
            k, supervised_weight=in_our_units(w, name), random_state=seed, **network
        )

    return make


def published_tabular_ncd(name, k, seed):
    n_neighbors, n_components, lr, dropout, top_k, w1, w2 = TABULAR_NCD[name]
    return TabularNCD(
        k,
        n_neighbors=n_neighbors,
        top_k=top_k / 100,
        supervised_weight=w1,
        pair_weight=w2,
        random_state=seed,
        **shared(name, n_components, lr, dropout),
    )


def defaults(kind):
    return lambda name, k, seed: kind(k, random_state=seed)


# Name, maker, and whether the number of classes is given.
NETWORKS = [
    ("PBN, published settings", published_pbn(PBN_GIVEN), True),
    ("PBN", defaults(PBN), True),
    ("TabularNCD, published settings", published_tabular_ncd, True),
    ("TabularNCD", defaults(TabularNCD), True),
    (
        "PBN, published settings, number estimated",
        published_pbn(PBN_ESTIMATED),
        False,
    ),
    ("PBN, number estimated", defaults(PBN), False),
]
