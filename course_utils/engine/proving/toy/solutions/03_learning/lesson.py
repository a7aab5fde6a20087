# %% [markdown] lang="en"
# # Learning
#
# A model, a round of learning, a score.

# %% role="setup"
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import Tensor, nn

from course_utils.selfcheck import check, hint

# %% [markdown] lang="en"
# ## `kept_mean`
#
# Of rows 2 and 4, of which the second is hidden, the mean is 2.

# %% exercise="kept_mean"

# %%
check("kept_mean")

# %% [markdown] lang="en"
# ## `Scorer`
#
# Maps, a mean, a last map.

# %% exercise="Scorer"

# %%
check("Scorer")

# %% [markdown] lang="en"
# ## `learn` and `score`
#
# One round, then how often the model is right.

# %% exercise="learn"

# %%
check("learn")

# %% exercise="score"

# %%
check("score")
