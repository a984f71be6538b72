"""Tables of far more columns than rows, for the tests and the benchmark."""

import numpy as np
from estimators import discoverers, estimator_classes, estimators
from sklearn.utils import get_tags
from test_common import seeded

# Of three groups, discovery knows one.
NUMBERS = {"n_novel": 2}


def defaults():
    """Every public estimator, with a seed, and told how many groups it shall find."""
    plain = {type(item): item for item in reversed(estimators())}
    models = [seeded(plain.get(kind) or kind()) for kind in estimator_classes()]
    for model in models:
        known = model.get_params(deep=False)
        model.set_params(**{k: v for k, v in NUMBERS.items() if known.get(k) == 3})
    return models


def groups(n_rows, n_columns, seed=0):
    """Rows of three groups, and the groups; their means are the same for all seeds."""
    means = np.random.default_rng(0).normal(size=(3, n_columns))
    truth = np.arange(n_rows) % 3
    rows = np.random.default_rng([1, seed]).normal(size=(n_rows, n_columns))
    return rows + means[truth], truth


def target(model, truth):
    """Half of the classes for a classifier, one for discovery; none for others."""
    if get_tags(model).target_tags.required:
        return [np.where(np.arange(len(truth)) % 6 < 3, truth, -1)]
    return [np.where(truth == 0, 0, -1)] if finds_new(model) else []


def finds_new(model):
    """Whether an estimator is told of one group, and looks for the two others."""
    return type(model) in map(type, discoverers())
