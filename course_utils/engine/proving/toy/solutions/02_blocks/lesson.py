# %% [markdown] lang="en"
# # Blocks
#
# Rows are cut, joined, blended and put together; `AddTable` comes from the unit before.

# %% role="setup"
import torch
from torch import Tensor, nn
from torch.nn import Identity as AddTable

from course_utils.selfcheck import check, hint

# %% [markdown] lang="en"
# ## `cut` and `join`
#
# Four columns in two parts, and back.

# %% exercise="cut"

# %%
check("cut")

# %% exercise="join"

# %%
check("join")

# %% [markdown] lang="en"
# ## `blend`
#
# Two rows of equal scores count half each.

# %% exercise="blend"

# %%
check("blend")

# %% exercise="Mixer"

# %%
check("Mixer")

# %% [markdown] lang="en"
# ## `Block`
#
# With a map of zeros a block is a norm.

# %% exercise="Block"

# %%
check("Block")

# %% [markdown] lang="en"
# ## A broken block
#
# It stands below; mend it in the cell behind it.

# %% role="setup" given="BrokenBlock"

# %% exercise="MendedBlock"

# %%
check("MendedBlock")
