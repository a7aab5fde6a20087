# %% [markdown] lang="en"
# # Rows
#
# Numbers in rows: powers, a table of them, a module that adds it, and a matrix.

# %% role="setup"
import torch
from torch import Tensor, nn

from course_utils.selfcheck import check, hint

# %% [markdown] lang="en"
# ## `powers`
#
# Three powers of 0.8 are 1, 0.8 and 0.64.

# %% exercise="powers"

# %%
check("powers")

# %% [markdown] lang="en"
# ## `power_table`
#
# Its second row holds the powers themselves.

# %% exercise="power_table"

# %%
check("power_table")

# %% [markdown] lang="en"
# ## `AddTable`
#
# A gain that is learnt, a table that is not.

# %% exercise="AddTable"

# %%
check("AddTable")

# %% [markdown] lang="en"
# ## `step_matrix`
#
# Two steps of 0.8 are one of 0.64.

# %% exercise="step_matrix"

# %%
check("step_matrix")

# %% [markdown] lang="en" question="q_rows"
# ## A question
#
# What do the powers do to later columns? Answer in a sentence or two.
