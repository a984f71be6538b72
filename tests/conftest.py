"""Settings that must be in place before anything imports scipy."""

import os

# scikit-learn's checks of array API input run only with this switch, which
# scipy reads when it is first imported.
os.environ["SCIPY_ARRAY_API"] = "1"
