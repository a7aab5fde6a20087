"""Right answers of 02_blocks that are written otherwise than the reference; none may lose a point."""

from course_utils.engine.making.units import Alternative

ALTERNATIVES = [
    Alternative(
        name="cut_by_view",
        exercise="cut",
        source="def cut(x, parts):\n    batch, rows, columns = x.shape\n"
        "    return x.view(batch, rows, parts, columns // parts).permute(0, 2, 1, 3).contiguous()\n",
    ),
    Alternative(
        name="join_by_permute",
        exercise="join",
        source="def join(x):\n    batch, parts, rows, width = x.shape\n"
        "    return x.permute(0, 2, 1, 3).reshape(batch, rows, parts * width)\n",
    ),
    Alternative(
        name="blend_with_a_large_number",
        exercise="blend",
        source="""
import torch

def blend(values, scores, mask=None):
    if mask is not None:
        scores = scores - 1e9 * (mask == 0).float()[:, None]
    weights = torch.exp(scores - scores.max(-1, keepdim=True).values)
    shares = weights / weights.sum(-1, keepdim=True)
    return torch.bmm(shares, values), shares
""",
    ),
    Alternative(
        name="block_with_names",
        exercise="Block",
        source="""
from torch import nn
from torch.nn import functional as F

class Block(nn.Module):
    def __init__(self, columns):
        super().__init__()
        self.mix, self.norm = Mixer(columns), nn.LayerNorm(columns)
        self.map = nn.Linear(columns, columns)

    def forward(self, x, mask=None):
        state = self.norm(self.mix(x, mask=mask) + x)
        return F.relu(self.map(state)) + state
""",
    ),
]
