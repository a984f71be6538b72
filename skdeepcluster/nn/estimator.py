"""What estimators share because they train a network: parameters and tags."""

from numbers import Integral, Real

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions

from .training import pick_device


class NetworkEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Mixin of the estimators that train a network and embed rows with it.

    A subclass adds ``_parameter_constraints`` of this class to its own, hands the
    parameters that it does not keep itself to ``super().__init__``, and sets
    ``_n_features_out`` in fit. What they mean is said in each docstring, in the
    same words.
    """

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like"],
        "module": [callable, None],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "callbacks": [list, None],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes,
        module,
        learning_rate_init,
        batch_size,
        callbacks,
        device,
        random_state,
        verbose,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.module = module
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _net_parameters(self):
        """The parameters that :func:`~skdeepcluster.nn.training.make_net` takes."""
        return {
            "lr": self.learning_rate_init,
            "batch_size": self.batch_size,
            "device": pick_device(self.device),
            "callbacks": self.callbacks,
            "verbose": self.verbose,
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class StoppingNetworkEstimator(NetworkEstimator):
    """Mixin of those whose training ends when the loss no longer falls."""

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, *, max_epochs, validation_fraction, n_iter_no_change, tol, **parameters
    ):
        super().__init__(**parameters)
        self.max_epochs = max_epochs
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
