from .mixed_mixture import MixedMixture as MixedMixture
