# %% [markdown] lang="en"
# # Unit 3: The encoder layer
#
# Attention lets words look at each other. It is only one half of an encoder layer.
# In this unit you put the other half beside it, and you see what holds a deep stack of layers together.
#
# **You will build** the feed-forward block (`FeedForward`) and the whole layer (`TransformerEncoderLayer`).
# Then you mend a layer that somebody else broke (`RepairedEncoderLayer`).
#
# **Time:** about 75 minutes of your own; all cells together run in about two minutes on two cores.
#
# **You need before:** unit 2, or at least what attention and its mask do. You also need `nn.Module`: parts are made in `__init__`
# and used in `forward`.

# %% [markdown] lang="zh" of="0c677610"
# # 第 3 单元：编码器层
#
# 注意力让词与词互相看见，但它只是编码器层（encoder layer）的一半。
# 这一单元补上另一半，并且看清：很多层叠在一起，靠什么才不散架。
#
# **你要写出**前馈块（`FeedForward`）和完整的一层（`TransformerEncoderLayer`），
# 再把一个被人写坏的层修好（`RepairedEncoderLayer`）。
#
# **时间：** 自己动手约 75 分钟；全部单元格在双核电脑上约两分钟跑完。
#
# **预备知识：** 第 2 单元，至少要知道注意力和掩码（mask）的作用；还要会用 `nn.Module`：部件在 `__init__` 里造，在 `forward` 里用。

# %% role="setup"
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots, portfolio
from course_utils.selfcheck import check, hint, needs, question, solution, status

MultiHeadSelfAttention = portfolio.solved("MultiHeadSelfAttention")

# %% [markdown] lang="en"
# The line above says whose attention this unit uses: your own from unit 2, or a stand-in made of torch's blocks.
# Both work in the same way: `attention(x, mask)`, where a 1 in the mask is a token and a 0 is padding.
#
# ## 1. The feed-forward block
#
# Attention moves information between positions. After that each position has to *work* on what it got, by itself.
# This is what the feed-forward block does: a linear map to a wider space, a ReLU, a linear map back.
#
# $$\operatorname{FFN}(x) = W_2\,\max(0,\; W_1 x + b_1) + b_2$$
#
# **Worked example**, with width 1 and inner width 2. Let the first map give $(2x,\ -x)$ and the second $a + 3b$.
# For $x = 1$: $(2, -1)$, ReLU gives $(2, 0)$, the answer is $2$. For $x = -1$: $(-2, 1)$, then $(0, 1)$, the answer is $3$.
# Without the ReLU, the answers would lie on one straight line.

# %% [markdown] lang="zh" of="88dd37de"
# 上面那一行说明了本单元用的是谁的注意力：你在第 2 单元写的，或者由 torch 现成模块搭的替身。
# 两者用法相同：`attention(x, mask)`，掩码中 1 表示词元，0 表示填充（padding）。
#
# ## 1. 前馈块
#
# 注意力在位置之间搬运信息。搬完之后，每个位置还得各自**加工**收到的信息。
# 这就是前馈网络（feed-forward network，FFN；本课程叫它前馈块）的工作：先用线性层变宽，经过 ReLU，再用线性层变回来。
#
# $$\operatorname{FFN}(x) = W_2\,\max(0,\; W_1 x + b_1) + b_2$$
#
# **例题：** 宽度为 1，内部宽度为 2。设第一个线性层给出 $(2x,\ -x)$，第二个给出 $a + 3b$。
# $x = 1$ 时：$(2, -1)$，ReLU 后为 $(2, 0)$，结果是 $2$。$x = -1$ 时：$(-2, 1)$，ReLU 后为 $(0, 1)$，结果是 $3$。
# 如果没有 ReLU，所有结果都会落在同一条直线上。

# %%
for x in (1.0, -1.0):
    wide = torch.tensor([2 * x, -x])
    kept = wide.clamp(min=0)
    print(f"x = {x:4.1f}   wide {wide.tolist()}   after ReLU {kept.tolist()}   answer {(kept[0] + 3 * kept[1]).item()}")

# %% [raw] lang="zh" of="bc9a729c"
# x = {x:4.1f}   wide {wide.tolist()}   after ReLU {kept.tolist()}   answer {(kept[0] + 3 * kept[1]).item()}
#     x = {x:4.1f}   变宽 {wide.tolist()}   ReLU 之后 {kept.tolist()}   结果 {(kept[0] + 3 * kept[1]).item()}

# %% [markdown] lang="en"
# ### Exercise 1: `FeedForward`
#
# Make the parts in `__init__` and use them in `forward`. The two maps must be called `linear1` (from `d_model` to `d_ff`)
# and `linear2` (back again). Put a dropout somewhere inside: after the ReLU or at the end, both are right.
# It must act in train mode only; `nn.Dropout` knows its mode by itself.

# %% [markdown] lang="zh" of="b5591510"
# ### 练习 1：`FeedForward`
#
# 在 `__init__` 里造部件，在 `forward` 里使用。两个线性层必须叫 `linear1`（从 `d_model` 到 `d_ff`）和 `linear2`（再变回来）。
# 里面还要放一个 dropout：放在 ReLU 之后或最后都可以。
# 它只能在训练模式下起作用；`nn.Dropout` 自己知道当前是什么模式。

# %% exercise="FeedForward"
from answers import FeedForward

# %% [raw] lang="zh" of="f03d1346"
# Two linear maps with a ReLU between them, applied to each position by itself.
#     两个线性层，中间是 ReLU，对每个位置分别计算。
#
#     FeedForward(x) = linear2(ReLU(linear1(x)))，其中某处做 dropout，只在训练模式下起作用。
#
#     linear1: d_model -> d_ff
#     linear2: d_ff -> d_model
#     forward: x (batch, seq, d_model) -> (batch, seq, d_model)
#     出处：Vaswani 等，2017，第 3.3 节，公式 2。
# Make self.linear1, self.linear2 and a dropout.
#     创建 self.linear1、self.linear2 和一个 dropout。
# replace: the block's answer to x
#     换掉：这个块对 x 的输出

# %%
check("FeedForward")

# %% [markdown] lang="en"
# **Look.** Move one position of the input, and see which outputs move. The feed-forward block has no way
# from one position to another: only the diagonal lights up. Attention has such a way.

# %% [markdown] lang="zh" of="16e1a290"
# **看一看。** 只改动输入的一个位置，看哪些输出跟着变。前馈块里没有从一个位置通往另一个位置的路，
# 所以只有对角线亮起来；注意力就有这样的路。


# %%
@torch.no_grad()
def influence(function, x):
    """How far each output position moves when one input position is moved: (seq out, seq in)."""
    before, columns = function(x), []
    for position in range(x.shape[1]):
        moved = x.clone()
        moved[:, position] = torch.randn(x.shape[0], x.shape[2])
        columns.append((function(moved) - before).norm(dim=-1).mean(dim=0))  # (batch, seq, d_model) -> (seq,)
    return torch.stack(columns, dim=1)


# %% [raw] lang="zh" of="0d13f8e4"
# How far each output position moves when one input position is moved: (seq out, seq in).
#     改动一个输入位置时，各个输出位置变了多少：(输出位置, 输入位置)。

# %%
needs("FeedForward")
torch.manual_seed(0)
x = torch.randn(16, 6, 24)
left, right = plots.panels(2, width=10)
parts = {
    "Feed-forward: each position by itself": FeedForward(24, 48, 0.0),
    "Attention: all positions": MultiHeadSelfAttention(24, 3),
}
for ax, (title, part) in zip((left, right), parts.items(), strict=True):
    plots.heat_map(
        influence(part, x),
        title=f"{title}\n(random vectors, d_model 24)",
        x_label="input position that is moved",
        y_label="output position",
        value_label="mean change of the output",
        limits=(0.0, 1.5),
        ax=ax,
    )
plt.show()

# %% [markdown] lang="en"
# ## 2. The residual sum
#
# A sub-layer (attention, or the feed-forward block) does not replace a word's vector. It computes a *change*, which is added:
#
# $$x + f(x)$$
#
# This way round the sub-layer is called the **residual connection**. The word keeps what it was. And the derivative is
# $1 + f'(x)$: even where $f'$ is almost 0, a gradient still comes through.
#
# **Worked example.** Four sub-layers in a row, each with slope $0.1$. In a plain chain the gradient is $0.1^4 = 0.0001$.
# With residuals it is $1.1^4 \approx 1.46$. The cell lets autograd confirm it.

# %% [markdown] lang="zh" of="7b66222c"
# ## 2. 残差相加
#
# 子层（sub-layer，即注意力或前馈块）并不替换词的向量，它只算出一个**改动量**，再加回去：
#
# $$x + f(x)$$
#
# 这条绕过子层的通路叫做**残差连接**（residual connection）。词保住了原来的信息。
# 而且导数是 $1 + f'(x)$：即使 $f'$ 接近 0，梯度照样能通过。
#
# **例题：** 四个子层串在一起，每个的斜率都是 $0.1$。直接串联时，梯度是 $0.1^4 = 0.0001$；
# 带残差时，是 $1.1^4 \approx 1.46$。下面让 autograd 来验证。

# %%
for name, keep in {"plain chain": 0, "with residual": 1}.items():
    start = torch.tensor(2.0, requires_grad=True)
    value = start
    for _ in range(4):
        value = keep * value + 0.1 * value
    value.backward()
    print(f"{name:14} gradient at the start: {start.grad:.4f}")

# %% [raw] lang="zh" of="12fc4a3e"
# {name:14} gradient at the start: {start.grad:.4f}
#     {name:14} 传回起点的梯度：{start.grad:.4f}

# %% [markdown] lang="en"
# ## 3. LayerNorm
#
# Sums grow. **LayerNorm** brings each vector back to a steady size: mean 0 and spread 1 over its `d_model` numbers,
# then a learned gain $\gamma$ and shift $\beta$ for each of them.
#
# $$\operatorname{LayerNorm}(v) = \gamma \cdot \frac{v - \operatorname{mean}(v)}{\sqrt{\operatorname{var}(v) + \varepsilon}} + \beta$$
#
# It looks at one position of one sentence only, never at its neighbours.
#
# **Worked example.** A token has $x = (4, 0, 2)$, and a sub-layer gives $(5, 0, -2)$. The sum is $(9, 0, 0)$: mean $3$, variance $18$.
# Normalised: $(6, -3, -3) / 4.243 = (1.414, -0.707, -0.707)$.

# %% [markdown] lang="zh" of="b8c625e6"
# ## 3. 层归一化（LayerNorm）
#
# 加来加去，数值会越来越大。**LayerNorm** 把每个向量拉回稳定的大小：在它的 `d_model` 个数上，均值变为 0，标准差变为 1；
# 然后每一维再乘上学到的增益 $\gamma$，加上学到的偏移 $\beta$。
#
# $$\operatorname{LayerNorm}(v) = \gamma \cdot \frac{v - \operatorname{mean}(v)}{\sqrt{\operatorname{var}(v) + \varepsilon}} + \beta$$
#
# 它每次只看一个句子里的一个位置，从不看旁边的位置。
#
# **例题：** 某个词元的 $x = (4, 0, 2)$，子层给出 $(5, 0, -2)$。相加得 $(9, 0, 0)$：均值 $3$，方差 $18$。
# 归一化后：$(6, -3, -3) / 4.243 = (1.414, -0.707, -0.707)$。

# %%
token, change = torch.tensor([4.0, 0.0, 2.0]), torch.tensor([5.0, 0.0, -2.0])
total = token + change
print("sum       ", total.tolist(), "  mean", total.mean().item(), "  variance", total.var(unbiased=False).item())
print("normalised", [round(number, 3) for number in nn.LayerNorm(3)(total).tolist()])

# %% [raw] lang="zh" of="382b6519"
# sum
#     和
# mean
#     均值
# variance
#     方差
# normalised
#     归一化

# %% [markdown] lang="en"
# ## 4. The whole layer
#
# Two sub-layers, and after each of them a residual sum and a LayerNorm. The norm comes last, so this form is called **post-LN**.
# It is the one of the paper (Vaswani et al. 2017, section 3.1).
#
# $$s = \operatorname{norm}_1\big(x + \operatorname{attention}(x)\big) \qquad\quad y = \operatorname{norm}_2\big(s + \operatorname{FFN}(s)\big)$$
#
# ```
# x ──┬── self_attn ──(+)── norm1 ──┬── ff ──(+)── norm2 ── y
#     └────────────────┘            └─────────┘
# ```

# %% [markdown] lang="zh" of="d120c28b"
# ## 4. 完整的一层
#
# 两个子层，每个之后都有一次残差相加和一次 LayerNorm。归一化放在最后，所以这种写法叫**后归一化**（post-LN），
# 也就是论文里的写法（Vaswani 等，2017，第 3.1 节）。
#
# $$s = \operatorname{norm}_1\big(x + \operatorname{attention}(x)\big) \qquad\quad y = \operatorname{norm}_2\big(s + \operatorname{FFN}(s)\big)$$
#
# ```
# x ──┬── self_attn ──(+)── norm1 ──┬── ff ──(+)── norm2 ── y
#     └────────────────┘            └─────────┘
# ```

# %% [markdown] lang="en"
# ### Exercise 2: `TransformerEncoderLayer`
#
# The parts are made for you. Fill the four TODOs of `forward`, one line each: replace the value that stands there, or write below it.
# Each TODO is judged by itself. Padding must stay hidden, so think of who needs the mask.

# %% [markdown] lang="zh" of="25a19f41"
# ### 练习 2：`TransformerEncoderLayer`
#
# 部件已经造好。请填写 `forward` 里的四个 TODO，每个一行：改掉原来的值，或写在它下面。
# 四个 TODO 分别评分，互不影响。填充位置必须一直被遮住，想一想谁需要掩码。

# %% exercise="TransformerEncoderLayer"
from answers import TransformerEncoderLayer

# %% [raw] lang="zh" of="97c1e315"
# Self-attention, then the feed-forward block; a residual sum and a LayerNorm after each (post-LN).
#     先自注意力，后前馈块；两者之后各有一次残差相加和一个 LayerNorm（post-LN，后归一化）。
#
#     x:    (batch, seq, d_model)
#     mask: (batch, seq)，1 = 词元，0 = 填充；None 表示什么也不遮
#     返回 (batch, seq, d_model)。
#     参数相同，且处于评估模式或 dropout 为 0 时，与 torch.nn.TransformerEncoderLayer(norm_first=False) 的结果相等。
#     出处：Vaswani 等，2017，第 3.1 节。
# TODO 1: what self-attention makes of x; think of the mask
#     TODO 1：自注意力对 x 的输出；别忘了掩码
# TODO 2: first residual sum, then norm1
#     TODO 2：第一次残差相加，再过 norm1
# TODO 3: what the feed-forward block makes of the state
#     TODO 3：前馈块对 state 的输出
# TODO 4: second residual sum, then norm2
#     TODO 4：第二次残差相加，再过 norm2

# %%
check("TransformerEncoderLayer")

# %% [markdown] lang="en"
# **Look.** The same picture as before, for your layer. Now every token reaches every other.
# The diagonal stays the brightest: the residual keeps each token's own vector.
# On the right, positions 4 and 5 are padding. Moving them must change no token: look at the two last columns, above the diagonal.

# %% [markdown] lang="zh" of="4aba735e"
# **看一看。** 还是刚才的图，这次是你写的层。现在每个词元都能影响其他所有词元。
# 对角线仍然最亮：残差保住了每个词元自己的向量。
# 右图中，位置 4 和 5 是填充。改动它们，不应影响任何真实的词元：看最后两列在对角线以上的部分。

# %%
needs("TransformerEncoderLayer")
torch.manual_seed(0)
layer = TransformerEncoderLayer(24, 3, 48, dropout=0.0)
mask = torch.tensor([[1, 1, 1, 1, 0, 0]]).repeat(len(x), 1)
left, right = plots.panels(2, width=10)
plots.heat_map(
    influence(layer, x),
    title="Your layer, no padding\n(random vectors, d_model 24)",
    x_label="input position that is moved",
    y_label="output position",
    value_label="mean change of the output",
    write_values=".2f",
    ax=left,
)
plots.heat_map(
    influence(lambda x: layer(x, mask), x),
    title="Your layer, positions 4 and 5 are padding\n(random vectors, d_model 24)",
    x_label="input position that is moved",
    y_label="output position",
    value_label="mean change of the output",
    write_values=".2f",
    ax=right,
)
plt.show()

# %% [markdown] lang="en"
# ### Where the paper drops out
#
# Your layer has dropout inside the feed-forward block only. The paper (section 5.4) drops out each sub-layer's *output*, before it is added:
# $\operatorname{norm}(x + \operatorname{dropout}(f(x)))$. Torch does that too, and drops out attention weights besides. In eval mode all agree.
# In train mode your layer differs from torch's, though both are right. The cell puts the paper's dropout around your two sub-layers.
#
# **With numbers:** dropout 0.5, $f(x) = (2, 4)$. Each number becomes 0 or twice itself: $(4, 0)$, say. The mean stays $(2, 4)$,
# and $x$ itself always comes through.

# %% [markdown] lang="zh" of="e895a93b"
# ### 论文在哪里做 dropout
#
# 你的层只在前馈块内部做 dropout。论文（第 5.4 节）则对每个子层的**输出**做，然后再相加：
# $\operatorname{norm}(x + \operatorname{dropout}(f(x)))$。torch 也这样做，另外还对注意力权重做。在评估模式下三者相同。
# 在训练模式下，你的层与 torch 的不同，但两者都对。下面给你的两个子层套上论文的 dropout。
#
# **代入数字：** 丢弃率 0.5，$f(x) = (2, 4)$。每个数要么变成 0，要么变成两倍，例如 $(4, 0)$。平均仍是 $(2, 4)$，
# 而 $x$ 本身总能通过。


# %%
class Dropped(nn.Module):
    """A sub-layer whose output passes through dropout, as in the paper."""

    def __init__(self, sub_layer, rate):
        super().__init__()
        self.sub_layer, self.dropout = sub_layer, nn.Dropout(rate)

    def forward(self, x, *rest):
        return self.dropout(self.sub_layer(x, *rest))


# %% [raw] lang="zh" of="814b978b"
# A sub-layer whose output passes through dropout, as in the paper.
#     一种子层：它的输出经过 dropout，与论文一样。

# %%
needs("TransformerEncoderLayer")
torch.manual_seed(0)
papers = TransformerEncoderLayer(24, 3, 48, dropout=0.1)
papers.eval()
without = papers(x)
papers.self_attn, papers.ff = Dropped(papers.self_attn, 0.1), Dropped(papers.ff, 0.1)
for mode in (False, True):
    papers.train(mode)
    change = (papers(x) - without).abs().mean()
    print(f"{'train' if mode else 'eval'} mode: mean change of the output by dropout {change:.3f}")

# %% [raw] lang="zh" of="8c42f882"
# {'train' if mode else 'eval'} mode: mean change of the output by dropout {change:.3f}
#     {'train' if mode else 'eval'} 模式：dropout 使输出平均改变 {change:.3f}

# %% [markdown] lang="en"
# ## 5. Experiment: what holds a deep stack together?
#
# We stack your layer 6, 12 and 24 times, in four forms: with or without residual, with or without LayerNorm. No rewriting is needed:
#
# - **no LayerNorm:** put `nn.Identity()` in its place;
# - **no residual:** let a sub-layer give $f(x) - x$. Your layer adds $x$ to it, and $f(x)$ is left.
#
# Then one batch of random vectors goes forward, a loss comes back, and we take the gradient norm of each layer's weights.

# %% [markdown] lang="zh" of="78426e02"
# ## 5. 实验：层数很多时，靠什么撑住？
#
# 把你的层叠 6 次、12 次、24 次，各试四种形式：有无残差，有无 LayerNorm。不必重写代码：
#
# - **去掉 LayerNorm：** 用 `nn.Identity()` 顶替；
# - **去掉残差：** 让子层给出 $f(x) - x$。你的层会再加上 $x$，剩下的就是 $f(x)$。
#
# 然后让一批随机向量做一次前向传播（forward pass），再把损失反向传播（backpropagation）回来，记录每一层权重的梯度范数（gradient norm）。


# %%
class WithoutResidual(nn.Module):
    """A sub-layer whose output cancels the residual that is added to it."""

    def __init__(self, sub_layer):
        super().__init__()
        self.sub_layer = sub_layer

    def forward(self, x, *rest):
        return self.sub_layer(x, *rest) - x


def stack(depth, residual=True, norm=True, d_model=32):
    """A list of your layers, without residual or LayerNorm where so wished."""
    layers = nn.ModuleList(TransformerEncoderLayer(d_model, 4, 2 * d_model, dropout=0.0) for _ in range(depth))
    for layer in layers:
        if not residual:
            layer.self_attn, layer.ff = WithoutResidual(layer.self_attn), WithoutResidual(layer.ff)
        if not norm:
            layer.norm1, layer.norm2 = nn.Identity(), nn.Identity()
    return layers


# %% [raw] lang="zh" of="acae86d4"
# A sub-layer whose output cancels the residual that is added to it.
#     一种子层：它的输出恰好抵消加给它的残差。
# A list of your layers, without residual or LayerNorm where so wished.
#     由你写的层组成的列表，可按需要去掉残差或 LayerNorm。

# %%
torch.set_num_threads(1)  # tensors as small as these are faster on one core
FORMS = {
    "residual and LayerNorm": (True, True),
    "residual only": (True, False),
    "LayerNorm only": (False, True),
    "neither": (False, False),
}

# %% [raw] lang="zh" of="881a877f"
# tensors as small as these are faster on one core
#     张量这么小，单核反而更快


# %%
def gradient_norms(layers, seed):
    """The norm of the gradient of each layer's weights, for one batch of random vectors and random labels."""
    torch.manual_seed(seed)
    state, labels, head = torch.randn(8, 10, 32), torch.randint(4, (8,)), nn.Linear(32, 4)
    for layer in layers:
        state = layer(state)
    F.cross_entropy(head(state.mean(dim=1)), labels).backward()
    squares = [sum(p.grad.square().sum().item() for p in layer.parameters() if p.grad is not None) for layer in layers]
    return [max(math.sqrt(square), 1e-16) for square in squares]  # a logarithmic axis has no place for 0


# %% [raw] lang="zh" of="68c83d48"
# The norm of the gradient of each layer's weights, for one batch of random vectors and random labels.
#     用一批随机向量和随机标签，求每一层权重的梯度范数。
# a logarithmic axis has no place for 0
#     对数轴上没有 0 的位置

# %%
needs("TransformerEncoderLayer")
axes = plots.panels(3, width=12, share_y=True)
for ax, depth in zip(axes, (6, 12, 24), strict=True):
    lines = {}
    for name, (residual, norm) in FORMS.items():
        torch.manual_seed(0)
        lines[name] = gradient_norms(stack(depth, residual, norm), seed=1)
    plots.curves(
        range(1, depth + 1),
        lines,
        title=f"{depth} layers",
        x_label="layer (1 = nearest to the input)",
        y_label="gradient norm of its weights",
        y_log=True,
        ax=ax,
    )
for ax in axes[1:]:
    ax.get_legend().remove()
axes[0].figure.suptitle(
    "With neither residual nor LayerNorm, the first layers get no gradient (random vectors, d_model 32, before training)"
)
plt.show()

# %% [markdown] lang="en"
# With neither, the gradient dies on its way to the first layers. (Values below $10^{-16}$ are drawn at $10^{-16}$.)
# The other three look alive. Are they all well?
# A gradient norm does not tell everything. So let us look at what goes *forward* through the 24 layers: how long the token vectors are,
# and how alike the tokens of a sentence become (mean cosine of pairs; 1 = all the same).

# %% [markdown] lang="zh" of="70b22824"
# 两样都没有时，梯度还没传到前几层就消失了。（小于 $10^{-16}$ 的值都画在 $10^{-16}$ 处。）
# 另外三种看上去都还好，真的都好吗？
# 光看梯度范数还不够。再看看**前向**传播时 24 层里的向量变成了什么样：各词元的向量有多长，
# 以及同一句里的词元变得有多相似（两两余弦的平均；1 表示完全相同）。


# %%
def likeness(state):
    """Mean cosine between two different tokens of a sentence: (batch, seq, d_model) -> number."""
    unit = F.normalize(state, dim=-1)
    seq = state.shape[1]
    cosines = unit @ unit.transpose(1, 2)  # (batch, seq, seq)
    return ((cosines.sum(dim=(1, 2)) - seq) / (seq * (seq - 1))).mean().item()


# %% [raw] lang="zh" of="3e740216"
# Mean cosine between two different tokens of a sentence: (batch, seq, d_model) -> number.
#     同一句中两个不同词元之间的平均余弦：(batch, seq, d_model) -> 一个数。

# %%
needs("TransformerEncoderLayer")
lengths, alike = {}, {}
for name, (residual, norm) in FORMS.items():
    torch.manual_seed(0)
    layers, state = stack(24, residual, norm), torch.randn(8, 10, 32)
    lengths[name], alike[name] = [state.norm(dim=-1).mean().item()], [likeness(state)]
    with torch.no_grad():
        for layer in layers:
            state = layer(state)
            lengths[name].append(state.norm(dim=-1).mean().item())
            alike[name].append(likeness(state))

# %% role="picture"
needs("TransformerEncoderLayer")
left, right = plots.panels(2, width=11)
plots.curves(
    range(25),
    lengths,
    title="Without LayerNorm the length of the vectors drifts\n(random vectors, d_model 32)",
    x_label="after layer",
    y_label="mean length of a token's vector",
    y_log=True,
    ax=left,
)
left.legend(loc="center right", bbox_to_anchor=(1.0, 0.4))
plots.curves(
    range(25),
    alike,
    title="Without residual all tokens become the same\n(random vectors, d_model 32)",
    x_label="after layer",
    y_label="mean cosine of two tokens",
    ax=right,
)
plt.show()

# %% [markdown] lang="en"
# So each of the two has work of its own. LayerNorm keeps the length of the vectors steady (both forms that have it lie on one flat line).
# The residual keeps tokens apart: attention mixes them, and with nothing going round it, they are equal after two layers.
# With residuals they grow alike too, but slowly.
# "LayerNorm only" had lively gradients, but there was little left to learn from: its tokens can no longer be told apart.

# %% [markdown] lang="zh" of="ed123331"
# 可见两者各有各的任务。LayerNorm 让向量的长度保持稳定（带 LayerNorm 的两种形式重合成一条水平线）。
# 残差让词元与词元保持区别：注意力总在混合各个词元，如果没有绕行的通路，只过两层，一句话里的词元就变得一模一样。
# 有残差时它们也会变得相似，但慢得多。
# “LayerNorm only”（只有 LayerNorm）那条线梯度虽然活跃，却没什么可学的了：各个词元已经分辨不出来。

# %% [markdown] lang="en" question="q4_residual_norm"
# ## Thinking question 4
#
# Why does an encoder layer put a residual connection *and* a LayerNorm after *both* sub-layers?
#
# Write six to ten sentences of your own. Say what each of the two is for, and what is lost when only one sub-layer has them.
# Name at least one thing that you saw in the three figures above.

# %% [markdown] lang="zh" question="q4_residual_norm" of="506739d1"
# ## 思考题 4
#
# 编码器层为什么在**两个**子层之后，残差连接和层归一化**都**要有？
#
# 请用自己的话写六到十句。说清两者各管什么，如果只有一个子层带着它们，会失去什么。
# 至少引用上面三张图里的一个现象。

# %% [markdown] lang="en"
# ## 6. A small task to train on
#
# From here on we train. The task takes seconds, but it needs the whole layer:
#
# - a sentence is a row of numbers from 0 to 4, and one of them is **marked**;
# - every position has to answer: (my own number + the marked number) mod 5.
#
# Example: numbers 3, 1, **4**, 0 with 4 marked. The answers are 2, 0, 3, 4.
# To answer, a position must find the marked one (attention), remember itself (residual) and compute (feed-forward).
# Sentences have different lengths. Their padding is filled with leftovers, marks among them, so a lost mask hurts.

# %% [markdown] lang="zh" of="dad68c53"
# ## 6. 一个用来训练的小任务
#
# 接下来开始训练。任务很小，几秒就能跑完，但层里每个部件都要用上：
#
# - 一个句子是一串 0 到 4 的数，其中一个带有**标记**；
# - 每个位置都要回答：（自己的数 + 带标记的数）除以 5 的余数。
#
# 例如：3、1、**4**、0，其中 4 带标记，答案依次是 2、0、3、4。
# 要答对，每个位置必须找到带标记的数（注意力）、记住自己（残差）、再算出结果（前馈）。
# 句子长短不一，填充处塞满了残留的数，其中也有标记，所以丢了掩码就会吃亏。


# %%
def marked_sums(batch, generator, seq=11):
    """Token ids (batch, seq), 5 to 9 being the marked 0 to 4; the mask (batch, seq); the answers (batch, seq)."""
    numbers = torch.randint(5, (batch, seq), generator=generator)
    lengths = torch.randint(3, seq + 1, (batch,), generator=generator)
    marked = (torch.rand(batch, generator=generator) * lengths).long()
    rows = torch.arange(batch)
    answers = (numbers + numbers[rows, marked][:, None]) % 5
    numbers[rows, marked] += 5
    mask = (torch.arange(seq) < lengths[:, None]).long()
    leftovers = torch.randint(10, (batch, seq), generator=generator)
    return torch.where(mask == 1, numbers, leftovers), mask, answers


ids, mask, answers = marked_sums(2, torch.Generator().manual_seed(0), seq=7)
for name, values in {"ids": ids, "mask": mask, "answers": answers}.items():
    print(f"{name:8}", values.tolist())

# %% [raw] lang="zh" of="95f0e846"
# Token ids (batch, seq), 5 to 9 being the marked 0 to 4; the mask (batch, seq); the answers (batch, seq).
#     返回词元编号 (batch, seq)，其中 5 到 9 是带标记的 0 到 4；掩码 (batch, seq)；答案 (batch, seq)。


# %%
def train(layers, steps=150, rate=3e-3, warm_up=1, seed=0):
    """Train embedding, layers and an output map on the small task. Returns the loss of each step and the final accuracy."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    embedding, norm, head = nn.Embedding(10, 24), nn.LayerNorm(24), nn.Linear(24, 5)
    model = nn.ModuleList([embedding, *layers, norm, head])
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=rate), []
    for step in range(steps + 10):  # the last ten batches only measure
        ids, mask, answers = marked_sums(48, generator)
        state = embedding(ids)
        for layer in layers:
            state = layer(state, mask)
        logits = head(norm(state))[mask == 1]  # (tokens, 5)
        loss = F.cross_entropy(logits, answers[mask == 1])
        losses.append(loss.item())
        if step < steps:
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / warm_up)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            losses[-1] = (logits.argmax(dim=-1) == answers[mask == 1]).float().mean().item()
    return losses[:steps], sum(losses[steps:]) / 10


# %% [raw] lang="zh" of="a02f0df6"
# Train embedding, layers and an output map on the small task. Returns the loss of each step and the final accuracy.
#     在这个小任务上训练词嵌入、各层和输出层。返回每一步的损失和最后的准确率。
# the last ten batches only measure
#     最后十个批次只用来测量

# %% [markdown] lang="en"
# ## 7. Experiment: post-LN and pre-LN side by side
#
# Many newer models put the norm *before* each sub-layer: $x + f(\operatorname{norm}(x))$. This is **pre-LN**.
# The way round the sub-layers is then free of norms from top to bottom. Torch's own layer knows both forms,
# so we take it for both, and only `norm_first` differs. Twelve layers, a high learning rate.
#
# The second run has a **warm-up**: the learning rate starts near 0 and rises over the first 60 steps.

# %% [markdown] lang="zh" of="604492b1"
# ## 7. 实验：post-LN 与 pre-LN 并排比较
#
# 许多较新的模型把归一化放在子层**之前**：$x + f(\operatorname{norm}(x))$，这叫**前归一化**（pre-LN）。
# 这样一来，绕过子层的通路从上到下都不再经过归一化。torch 自带的层两种形式都有，
# 所以两边都用它，只有 `norm_first` 不同。一共十二层，学习率（learning rate）偏高。
#
# 第二次运行带**预热**（warm-up）：学习率从接近 0 开始，在前 60 步里逐渐升高。


# %%
class TorchLayer(nn.TransformerEncoderLayer):
    """Torch's own encoder layer with this course's mask."""

    def forward(self, x, mask=None):
        return super().forward(x, src_key_padding_mask=None if mask is None else mask == 0)


def smooth(values, width=5):
    """The mean of each value and those just before it."""
    return [sum(values[max(0, i - width + 1) : i + 1]) / min(width, i + 1) for i in range(len(values))]


# %% [raw] lang="zh" of="f0cedf01"
# Torch's own encoder layer with this course's mask.
#     PyTorch 自带的编码器层，配上本课程的掩码。
# The mean of each value and those just before it.
#     每个值与它前面几个值的平均。

# %%
axes = plots.panels(2, width=12.5, share_y=True)
for ax, warm_up in zip(axes, (1, 60), strict=True):
    lines = {}
    for name, norm_first in {"post-LN": False, "pre-LN": True}.items():
        torch.manual_seed(1)
        layers = [TorchLayer(24, 3, 48, dropout=0.0, batch_first=True, norm_first=norm_first) for _ in range(12)]
        lines[name] = smooth(train(layers, steps=80, rate=1e-2, warm_up=warm_up, seed=1)[0])
    title = "Without warm-up post-LN learns nothing" if warm_up == 1 else "With 60 steps of warm-up both learn"
    plots.curves(
        range(1, 81),
        lines,
        title=f"{title}\n(marked sums, 12 layers, d_model 24, rate 0.01, one seed)",
        x_label="training step",
        y_label="loss (nats)",
        ax=ax,
    )
plt.show()

# %% [markdown] lang="en"
# Without warm-up post-LN stays at $\ln 5 \approx 1.61$, the loss of guessing; with it, it learns, though it stumbles again
# when the full rate is reached. Pre-LN learns in both runs.
# Xiong et al. 2020 explain it: before training, post-LN has large gradients near its output, so its first steps must be small.
# This is one seed of a toy task: change `seed=1` and run again before you believe it. Unit 8 comes back to warm-up.

# %% [markdown] lang="zh" of="e9a9690b"
# 没有预热时，post-LN 一直停在 $\ln 5 \approx 1.61$，也就是瞎猜的损失；有了预热，它就学会了，
# 只是升到最高学习率时又晃了一下。pre-LN 两次都能学会。
# Xiong 等（2020）解释了原因：训练之前，post-LN 在靠近输出的地方梯度很大，所以最初几步必须迈得小。
# 这只是一个小任务上的一个随机种子：先改改 `seed=1` 再跑几次，别急着相信。第 8 单元还会讲到预热。

# %% [markdown] lang="en"
# ## 8. A broken layer
#
# The next layer runs, its shapes are right, and nothing crashes. Yet it trains badly: **four bugs** are planted in its `forward`,
# one at each of the four steps. Such bugs are the worst kind, because no error message finds them. Read it, but do not trust your eyes alone.

# %% [markdown] lang="zh" of="f8dfb5d1"
# ## 8. 一个坏掉的层
#
# 下面这个层能运行，形状也对，不会报错，可就是训练不好：它的 `forward` 里藏着**四个错误**，四个步骤各一个。
# 这种错误最难缠，因为没有任何报错信息会指出它们。读一读代码，但不要只相信眼睛。


# %% role="setup" given="BrokenEncoderLayer"
from answers import BrokenEncoderLayer

# %% [raw] lang="zh" of="6015b662"
# An encoder layer with four planted bugs. It runs, its shapes are right, and it trains badly.
#     一个植入了四个错误的编码器层：能运行，形状都对，但训练不好。
#
#     x: (batch, seq, d_model)，mask: (batch, seq)，1 = 词元。返回 (batch, seq, d_model)。

# %% [markdown] lang="en"
# A doctor measures before looking for a cause. Four questions about a layer, each with a number or a name as its answer:
#
# 1. Change the padding only. How much do the real tokens change? (It should be 0.)
# 2. Stack six layers. How alike are the tokens of a sentence? (They should stay well below 1.)
# 3. Change position 0 only. How much does the feed-forward block's answer at the *other* positions change? (It should be above 0.)
# 4. Run backward. Which parts get no gradient at all? (There should be none.)

# %% [markdown] lang="zh" of="07e83128"
# 医生先做检查，再找病因。对一个层可以问四个问题，每个问题的答案都是一个数或一个名字：
#
# 1. 只改动填充位置，真实的词元变了多少？（应当是 0。）
# 2. 叠六层，一句话里的词元有多相似？（应当明显小于 1。）
# 3. 只改动位置 0，前馈块在**其他**位置的输出变了多少？（应当大于 0。）
# 4. 反向传播一次，哪些部件完全没有梯度？（应当一个也没有。）


# %%
def symptoms(layer_class):
    """Answers to the four questions, for layers with fresh weights and random vectors."""
    torch.manual_seed(0)
    layers = [layer_class(24, 3, 48, 0.0) for _ in range(6)]
    x, mask, layer, seen = torch.randn(4, 7, 24), torch.ones(4, 7), layers[0], []
    mask[:, 5:] = 0
    other_padding, other_start, state = x.clone(), x.clone(), x
    other_padding[:, 5:], other_start[:, 0] = torch.randn(4, 2, 24), torch.randn(4, 24)
    for each in layers:
        state = each(state)
    watch = layer.ff.register_forward_hook(lambda module, args, output: seen.append(output.detach()))
    layer(x), layer(other_start)
    watch.remove()
    (layer(x, mask) * torch.randn(4, 7, 24)).sum().backward()
    trained = {name.split(".")[0] for name, p in layer.named_parameters() if p.grad is not None and p.grad.any()}
    return {
        "1. change of the tokens by padding": round(
            (layer(x, mask) - layer(other_padding, mask))[:, :5].abs().max().item(), 3
        ),
        "2. likeness of tokens after six layers": round(likeness(state), 3),
        "3. change of ff at other positions": round((seen[0] - seen[1])[:, 1:].abs().max().item(), 3),
        "4. parts without a gradient": sorted({"self_attn", "norm1", "ff", "norm2"} - trained),
    }


# %% [raw] lang="zh" of="cb925ba7"
# Answers to the four questions, for layers with fresh weights and random vectors.
#     用刚初始化的层和随机向量，回答上面四个问题。
# 1. change of the tokens by padding
#     1. 填充引起的词元变化
# 2. likeness of tokens after six layers
#     2. 六层之后词元相似度
# 3. change of ff at other positions
#     3. 其他各位置 ff 的变化
# 4. parts without a gradient
#     4. 完全没有梯度的部件

# %%
needs("TransformerEncoderLayer")
sound, broken = symptoms(TransformerEncoderLayer), symptoms(BrokenEncoderLayer)
print(f"{'':40}{'your layer':>12}   broken layer")
for symptom in sound:
    print(f"{symptom:40}{sound[symptom]!s:>12}   {broken[symptom]}")

# %% [raw] lang="zh" of="1e77f473"
# {'':40}{'your layer':>12}   broken layer
#     {'':49}{'你的层':>9}   坏掉的层

# %% [markdown] lang="en"
# ### Exercise 3: `RepairedEncoderLayer`
#
# All four answers of the broken layer are bad. Each points to one line.
#
# **Worked example** with another bug. Suppose question 4 named `ff`, while the layer's output looked right. A part that has a say in
# the output but gets no gradient was cut off: somewhere its output passes through `.detach()` or `.data`. So look for the line that reads `ff`.
#
# Now copy the body of `BrokenEncoderLayer` into the gap and mend it. Each bug mended has its own point.

# %% [markdown] lang="zh" of="934f38fa"
# ### 练习 3：`RepairedEncoderLayer`
#
# 坏层的四个答案都不对，每一个都指向一行代码。
#
# **例题**（换一个错误）：假设第 4 问的答案是 `ff`，而这一层的输出看上去是对的。一个部件影响了输出却得不到梯度，说明它被切断了：
# 它的输出在某处经过了 `.detach()` 或 `.data`。于是去找用到 `ff` 的那一行。
#
# 现在把 `BrokenEncoderLayer` 的内容复制到空缺处，再把它修好。每修好一个错误，就拿到那一项的分数。

# %% exercise="RepairedEncoderLayer"
from answers import RepairedEncoderLayer

# %% [raw] lang="zh" of="5073e97d"
# BrokenEncoderLayer with its four bugs mended: same names, same interface, trains well.
#     修好四个错误的 BrokenEncoderLayer：名字和接口都不变，训练正常。
#
#     x: (batch, seq, d_model)，mask: (batch, seq)，1 = 词元。返回 (batch, seq, d_model)。
# Copy the body of BrokenEncoderLayer to here, then mend it.
#     把 BrokenEncoderLayer 的内容复制到这里，再把它修好。

# %%
check("RepairedEncoderLayer")

# %% [markdown] lang="en"
# **Look.** The four questions again, now for your mended layer.

# %% [markdown] lang="zh" of="bab0e36e"
# **看一看。** 再问一遍那四个问题，这次问你修好的层。

# %%
needs("TransformerEncoderLayer", "RepairedEncoderLayer")
mended = symptoms(RepairedEncoderLayer)
print(f"{'':40}{'mended layer':>12}   broken layer")
for symptom in mended:
    print(f"{symptom:40}{mended[symptom]!s:>12}   {broken[symptom]}")

# %% [raw] lang="zh" of="df49503d"
# {'':40}{'mended layer':>12}   broken layer
#     {'':49}{'修好的层':>8}   坏掉的层

# %% [markdown] lang="en"
# ## 9. Experiment: does training show each bug?
#
# We plant one bug at a time into four of your own layers (from the outside, with hooks), and train on the marked sums.
# Before you run it, write down your guess: which bug costs most, and is there one that costs nothing?

# %% [markdown] lang="zh" of="45da0d57"
# ## 9. 实验：每个错误都能从训练中看出来吗？
#
# 每次只在你写的四个层里植入一个错误（借助钩子（hook），从外部植入），再用“带标记的和”来训练。
# 运行之前先写下你的猜测：哪个错误代价最大？有没有哪个错误毫无代价？


# %%
needs("TransformerEncoderLayer")


def plant(layer, bug):
    """Your layer with one bug of the broken layer in it."""
    if bug == "mask":
        layer.register_forward_pre_hook(lambda module, args: args[:1])
    elif bug == "residual":
        layer.self_attn = WithoutResidual(layer.self_attn)
    elif bug == "feed-forward":
        inputs = []
        layer.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
        layer.ff.register_forward_pre_hook(lambda module, args: (inputs.pop(),))
    elif bug == "norm":
        layer.norm2 = layer.norm1
    return layer


runs, accuracy = {}, {}
for bug in ("none", "mask", "residual", "feed-forward", "norm", "all four"):
    torch.manual_seed(0)
    kind = BrokenEncoderLayer if bug == "all four" else TransformerEncoderLayer
    layers = [plant(kind(24, 3, 48, dropout=0.0), bug) for _ in range(4)]
    losses, accuracy[bug] = train(layers)
    runs[bug] = smooth(losses, width=10)

# %% [raw] lang="zh" of="86c636b4"
# Your layer with one bug of the broken layer in it.
#     你写的层，加进坏掉的层的其中一个错误。

# %% role="picture"
needs("TransformerEncoderLayer")
left, right = plots.panels(2, width=12)
plots.curves(
    range(1, 151),
    runs,
    title="Two bugs spoil the training, two hide\n(marked sums, 4 layers, d_model 24, one seed)",
    x_label="training step",
    y_label="loss (nats)",
    overlap=True,
    ax=left,
)
left.legend(title="bug", loc="upper left", bbox_to_anchor=(1.0, 1.0))
plots.bars(
    {bug.replace("-", "-\n"): value for bug, value in accuracy.items()},
    title="Accuracy after 150 steps (guessing gives 0.2)\n(marked sums, 4 layers, d_model 24, one seed)",
    x_label="bug",
    y_label="share of right answers",
    ax=right,
)
plt.show()

# %% [markdown] lang="en"
# A lost mask and a lost residual cost a lot. The other two lie on the line of "none" and hardly show. It seems that the next layer's attention
# makes up for a feed-forward block that reads the wrong thing, and that nobody misses one of two norms in so small a task.
# On a harder task they may cost something, and the loss would not tell you why.
#
# So a loss that falls is no proof that the code is right. Compare with something independent, ask for gradients, change what must not matter.
# This is what `check` does too.

# %% [markdown] lang="zh" of="9e8e505d"
# 丢了掩码、丢了残差，代价都很大。另外两个错误几乎看不出来，曲线与“none”（没有错误）重合。看来前馈块读错了输入，下一层的注意力会替它补上；
# 两个归一化层少用了一个，在这么小的任务里也没有影响。
# 换成更难的任务，它们也许就会拖累结果，而光看损失是看不出原因的。
#
# 所以，损失在下降并不能证明代码是对的。要和独立的实现对照，要查看梯度，还要改动那些本不该影响结果的输入，看结果变不变。
# `check` 也正是这样做的。

# %% [markdown] lang="en"
# ## What you can do now
#
# - write an encoder layer from memory, and say what each of its four steps is for
# - explain with a figure why deep stacks need residuals and LayerNorm
# - tell post-LN from pre-LN, and say why warm-up matters
# - find bugs that no error message names
#
# In the next unit you stack your layers into a classifier and train it on film reviews.

# %% [markdown] lang="zh" of="70967eb3"
# ## 这一单元的收获
#
# - 不看资料写出一个编码器层，并说清四个步骤各管什么
# - 用图说明深层网络为什么离不开残差和 LayerNorm
# - 分清 post-LN 与 pre-LN，说明预热为什么重要
# - 找出没有任何报错信息的错误
#
# 下一单元，你将把这些层叠成一个分类器，用影评来训练它。
