"""
Bring your own network
======================

``module=`` takes any torch module that has ``encode`` and ``decode``. Here it is
a small convolutional network, and a way to find out whether it is worth it.
"""

# %%
# The network
# -----------
# It sees flat rows, as in the table, and gives them back flat. Hand over the
# class: it is called with the number of columns, after the seed is set, so that
# ``random_state`` decides its first weights too.

from torch import nn

from skdeepcluster import TELL, AutoEncoder


class DigitsNetwork(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.encode = nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 2 * 2, 10),
        )
        self.decode = nn.Sequential(
            nn.Linear(10, 32 * 2 * 2),
            nn.ReLU(),
            nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, kernel_size=4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1),
            nn.Flatten(),
        )


# %%
# Is it worth it?
# ---------------
# No labels are needed to see how well a network describes the table:
# :class:`~skdeepcluster.AutoEncoder` takes the same module, and its score is the
# share of the variance that is restored, here of images it has not seen.

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

X = load_digits().data / 16
X_train, X_test = train_test_split(X, random_state=0)

networks = {
    "default": AutoEncoder(n_components=10, random_state=0),
    "convolution": AutoEncoder(
        module=DigitsNetwork, learning_rate_init=1e-2, random_state=0
    ),
}
for name, network in networks.items():
    score = network.fit(X_train).score(X_test)
    n_weights = sum(weights.numel() for weights in network.net_.module_.parameters())
    print(f"{name}: restores {score:.1%} with {n_weights:,} weights")

# %%
# The convolutions come near with a sixth of the weights, but the default, which
# starts from principal components, restores more. On this table it is the better
# choice; on yours, compare.
#
# Clusters with it
# ----------------
# All else is as ever: labels, codes, decoded centres. A network that starts from
# random weights needs longer steps, hence the larger
# ``learning_rate_init``, and may need more passes.

tell = TELL(
    10,
    module=DigitsNetwork,
    learning_rate_init=1e-2,
    tol=0.02,
    max_epochs=200,
    random_state=0,
).fit(X)
print(f"{tell.n_iter_} passes, codes of shape {tell.transform(X).shape}")

# %%

import matplotlib.pyplot as plt
import numpy as np

fig, axes = plt.subplots(1, 10, figsize=(9, 1.4), layout="constrained")
sizes = np.bincount(tell.labels_)
for ax, center, size in zip(axes, tell.cluster_centers_, sizes, strict=True):
    ax.imshow(center.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], xlabel=size)
fig.suptitle("Decoded centres, and the rows of each", fontsize="medium")
plt.show()
