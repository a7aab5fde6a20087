# %% [markdown] lang="en"
# # Unit 1: Positional encoding
#
# A Transformer reads all words of a sentence at once. By itself it cannot tell which word came first.
# In this unit you give it a sense of order: a vector for each position, which is added to each word.
#
# **You will build** four things: the frequencies (`div_term`), the table of position vectors (`sinusoidal_encoding`),
# the layer that adds it (`PositionalEncoding`), and a matrix that moves every position by the same distance (`shift_matrix`).
#
# **Time:** about 60 minutes of your own; all cells together run in under a minute on two cores.
#
# **You need before:** sine and cosine, matrix products, the basics of PyTorch tensors (shapes, slices, broadcasting).

# %% [markdown] lang="zh" of="f8084888"
# # 第 1 单元：位置编码
#
# Transformer 一次读入整个句子，它自己并不知道哪个词在前、哪个词在后。
# 这一单元就来补上“顺序”：给每个位置准备一个向量，加到该位置的词元向量上，这就是位置编码（positional encoding）。
# （**词元**（token）是模型读到的最小单位。在前几个单元里，一个词就是一个词元；第 5 单元起，一个词可能被切成几个词元。）
#
# **你要亲手写出**四样东西：频率（`div_term`）、位置向量表（`sinusoidal_encoding`）、
# 把表加到输入上的层（`PositionalEncoding`），以及能让所有位置一起移动相同距离的矩阵（`shift_matrix`）。
#
# **时间：** 自己动手约 60 分钟；全部单元格在双核电脑上一分钟之内跑完。
#
# **预备知识：** 正弦与余弦、矩阵乘法，以及 PyTorch 张量的基本用法（形状、切片、广播）。

# %% role="setup"
import math

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

from course_utils import plots
from course_utils.selfcheck import check, hint, needs, question, solution, status

# %% [markdown] lang="en"
# ## How to work with this notebook
#
# Each exercise is one cell with a gap, marked `# TODO`. Fill the gap, run the cell, then run the `check(...)` below it.
# It looks at one rule per line and says what is right. You may run it as often as you like; it costs nothing.
#
# If you are stuck, run `hint("div_term")` (or the name of another exercise) in a cell of your own.
# Run the same again and it helps a little more; the last step is a worked example with other numbers.
#
# If a check does not come to an end, press Stop once. It says in which line your code stood.
#
# Cells without a gap are looks and experiments. Run them, look at the result, and change their numbers if you like.

# %% [markdown] lang="zh" of="9e72904a"
# ## 怎样使用这个 notebook
#
# 每道练习是一个留有空缺的单元格，空缺处标着 `# TODO`。填好后运行它，再运行下面的 `check(...)`。
# 自测会逐条列出规则，告诉你哪些对了、哪些还不对。想测几次都可以，不影响成绩。
#
# 卡住了，就新建一个单元格运行 `hint("div_term")`（换成相应练习的名字）。
# 同一行再运行一次，提示就更进一步；第 3 步是换了数字的完整例题。想直接看某一步，运行 `hint("div_term", 3)`。
#
# 如果自测一直不结束，按一次停止按钮，它会告诉你代码停在哪一行。
#
# 没有空缺的单元格用来观察和做实验：运行它，看看结果，也可以改动里面的数字再试。

# %% [markdown] lang="en"
# ## Why a Transformer needs positions
#
# Take two film reviews: *not good just long* and *not long just good*. The same four words, but the meaning is different.
#
# Attention compares each word with each other word. Nothing in it says where a word stands.
# So let us swap *good* and *long*, give both sentences to PyTorch's own attention layer, and compare the vectors that come out.

# %% [markdown] lang="zh" of="e2bfbc36"
# ## Transformer 为什么需要位置
#
# 看两条影评：*not good just long*（不好，只是长）和 *not long just good*（不长，就是好）。四个词完全相同，意思却不一样。
#
# 注意力（attention）只是把词与词两两比较，词站在哪里，它一概不问。
# 我们把 *good* 和 *long* 对调，把两个句子分别送进 PyTorch 自带的注意力层，比较得到的向量。

# %%
torch.manual_seed(0)
words = ["not", "good", "just", "long"]
swap = [0, 3, 2, 1]  # the other review: not long just good
d_model = 18
x = torch.randn(1, len(words), d_model)  # a random vector for each word

attention = nn.MultiheadAttention(d_model, num_heads=3, batch_first=True).eval()
with torch.no_grad():
    first, _ = attention(x, x, x)
    second, _ = attention(x[:, swap], x[:, swap], x[:, swap])

moved = (second - first).norm(dim=-1).squeeze()
back = (second - first[:, swap]).norm(dim=-1).squeeze()
print("place   first  second   distance place by place   distance word by word")
for place, word in enumerate(words):
    print(f"{place:<7} {word:<6} {words[swap[place]]:<8} {moved[place]:<25.6f} {back[place]:.6f}")
print("distance of the two sentence means:", f"{(first.mean(1) - second.mean(1)).norm():.6f}")

# %% [raw] lang="zh" of="512fe824"
# the other review: not long just good
#     另一条影评：“not long just good”
# a random vector for each word
#     每个词一个随机向量
# place   first  second   distance place by place   distance word by word
#     位置    第一条 第二条   同一位置的距离            同一个词的距离
# distance of the two sentence means:
#     两个句子平均向量的距离：

# %% [markdown] lang="en"
# The last column is 0, up to rounding: each word gets the *same* vector in both reviews. The swapped words took their vectors along.
#
# That is a rule: **without positions, a permuted sentence gives a permuted answer.** If we then average over the words,
# even that difference is gone. Such a model cannot tell the two reviews apart, however long it is trained.
#
# The way out: before the attention, add to each word a vector that belongs to its place.

# %% [markdown] lang="zh" of="cb84ef21"
# 最后一列除舍入误差外全是 0：每个词在两条影评里得到的向量**完全一样**，对调的两个词只是把各自的向量带走了。
#
# 这是一条规律：**没有位置信息时，句子怎样重排，输出就跟着怎样重排**（术语叫置换等变，permutation equivariance）。
# 如果接着对所有词取平均，连这点差别也没有了。无论训练多久，这样的模型都分不清这两条影评。
#
# 办法是：在进入注意力之前，给每个词加上一个属于它所在位置的向量。

# %% [markdown] lang="en"
# ## 1. Frequencies
#
# Think of a clock. The second hand turns fast, the hour hand turns slowly, and together they name every moment of the day.
# A position is told in the same way, with many hands. Pair number $i$ of the columns turns with its own frequency:
#
# $$\text{frequency}_i = \frac{1}{10000^{\,2i/d_{\text{model}}}}, \qquad i = 0, 1, 2, \dots$$
#
# **Worked example, $d_{\text{model}} = 6$.** There are three pairs, with $2i = 0, 2, 4$:
# $1/10000^{0/6} = 1$, then $1/10000^{2/6} = 1/21.54 = 0.0464$, then $1/10000^{4/6} = 1/464.2 = 0.00215$.
#
# If the width is odd, say 5, the last column has no partner but still needs a frequency: $2i = 0, 2, 4$ again, three of them.

# %% [markdown] lang="zh" of="79221ab5"
# ## 1. 频率
#
# 想想时钟：秒针转得快，时针转得慢，几根针合起来就能说出一天中的任何时刻。
# 位置也这样表示，只是“针”更多。表的列两两配对，第 $i$ 对按自己的频率（frequency）转动：
#
# $$\text{frequency}_i = \frac{1}{10000^{\,2i/d_{\text{model}}}}, \qquad i = 0, 1, 2, \dots$$
#
# **例题，$d_{\text{model}} = 6$。** 共有三对，$2i = 0, 2, 4$：
# $1/10000^{0/6} = 1$，$1/10000^{2/6} = 1/21.54 = 0.0464$，$1/10000^{4/6} = 1/464.2 = 0.00215$。
#
# 宽度为奇数时，例如 5，最后一列没有搭档，但仍要有一个频率：$2i$ 同样取 $0, 2, 4$，共三个。

# %% [markdown] lang="en"
# The original code computes this with an exponential. A power of any base can be written with $e$:
#
# $$a^{-x} = e^{-x \ln a}$$
#
# With numbers: $10000^{-2/6}$ has $x = 0.3333$ and $\ln 10000 = 9.2103$. So it is $e^{-3.0701} = 0.0464$, the second frequency above.
#
# **TODO 1:** compute all frequencies at once with `torch.exp`. Watch which part the logarithm belongs to.

# %% [markdown] lang="zh" of="a037de10"
# 论文作者的代码用指数函数来算。任何底数的幂都能改写成 $e$ 的幂：
#
# $$a^{-x} = e^{-x \ln a}$$
#
# 代入数字：$10000^{-2/6}$ 中 $x = 0.3333$，$\ln 10000 = 9.2103$，所以它等于 $e^{-3.0701} = 0.0464$，正是上面的第二个频率。
#
# **TODO 1：** 用 `torch.exp` 一次算出全部频率。留意对数究竟作用在哪一部分上。

# %% exercise="div_term"
from answers import div_term

# %% [raw] lang="zh" of="fffa2ca7"
# Frequency of each pair of columns, in radians per position.
#     每一对列的频率，单位是弧度每位置。
#
#     frequency[i] = 1 / 10000^(2i / d_model)，i = 0, 1, 2, ...
#
#     d_model: 表的宽度，至少为 1
#     返回 (ceil(d_model / 2),)。
#     出处：Vaswani 等，2017，第 3.5 节。
# TODO 1: the formula above as an exponential, with torch.exp
#     TODO 1：把上面的公式写成指数形式，用 torch.exp

# %%
check("div_term")

# %% [markdown] lang="en"
# **Look.** A hand with frequency $f$ needs $2\pi / f$ positions for one full turn. This is its *wavelength*.
# On a logarithmic scale the wavelengths lie on a straight line, from 6.28 positions up towards $2\pi \cdot 10000$.
# So the fast pairs tell neighbours apart, and the slow pairs tell the beginning of a long text from its end.

# %% [markdown] lang="zh" of="28b84449"
# **看一看。** 频率为 $f$ 的“针”转一整圈要走 $2\pi / f$ 个位置，这个数叫波长（wavelength）。
# 在对数坐标上，各对的波长排成一条直线，从 6.28 个位置一直伸向 $2\pi \cdot 10000$。
# 转得快的列对负责分辨相邻的位置，转得慢的列对负责分辨长文的开头与结尾。

# %%
needs("div_term")
d_model = 128
wavelengths = 2 * math.pi / div_term(d_model)
ax = plots.curves(
    range(len(wavelengths)),
    {"wavelength": wavelengths},
    title=f"Each pair of columns turns more slowly than the one before (d_model {d_model})",
    x_label="pair of columns i",
    y_label="positions for one full turn",
    y_log=True,
    marker="o",
)

# %% [markdown] lang="en"
# ### A mistake that does not crash
#
# In a real laboratory report the logarithm was taken of $10000 / d_{\text{model}}$ instead of $10000$ alone. One parenthesis stood in
# the wrong place. Nothing crashed, the shapes were right, and the model even reached a fair accuracy. But with that slip
#
# $$\text{frequency}_i = \Big(\frac{d_{\text{model}}}{10000}\Big)^{2i}$$
#
# **With numbers, $d_{\text{model}} = 6$:** $0.0006^0 = 1$, then $0.0006^2 = 0.00000036$, then $0.0006^4 = 0.00000000000013$.
# The first hand turns, all others stand still. Compare it with your own frequencies.

# %% [markdown] lang="zh" of="f99b9d64"
# ### 一个不报错的错误
#
# 在一份真实的实验报告里，取对数的不是 $10000$，而是 $10000 / d_{\text{model}}$：一个括号放错了地方。
# 程序没有报错，形状也都对，模型的准确率（accuracy）看上去还过得去。但这样一来，
#
# $$\text{frequency}_i = \Big(\frac{d_{\text{model}}}{10000}\Big)^{2i}$$
#
# **代入 $d_{\text{model}} = 6$：** $0.0006^0 = 1$，$0.0006^2 = 0.00000036$，$0.0006^4 = 0.00000000000013$。
# 只有第一根“针”在转，其余的几乎不动。把它和你算出的频率放在一起比一比。

# %% role="picture"
needs("div_term")
yours = div_term(d_model).double()
misplaced = (d_model / 10000) ** torch.arange(0, d_model, 2, dtype=torch.float64)
both = {"yours": yours, "misplaced parenthesis": misplaced}
left, right = plots.panels(2, width=11)
plots.curves(
    range(6),
    {name: frequencies[:6] for name, frequencies in both.items()},
    title=f"Misplaced: from pair 1 on nearly 0 (d_model {d_model})",
    x_label="pair of columns i",
    y_label="frequency (radians per position)",
    y_log=True,
    marker="o",
    ax=left,
)
position = torch.arange(60, dtype=torch.float64)
ax = plots.curves(
    position,
    {name: torch.sin(position * frequencies[8]) for name, frequencies in both.items()},
    title=f"Pair 8 turns, misplaced it stands still (d_model {d_model})",
    x_label="position",
    y_label="sine of the angle of pair 8",
    ax=right,
)
ax.set_ylim(-1.1, 1.7)  # room for the legend
plt.show()

# %% [raw] lang="zh" of="445847e9"
# room for the legend
#     给图例留出位置

# %% [markdown] lang="en"
# ## 2. The table
#
# Each pair of columns is one hand of the clock. Its angle at position $pos$ is $pos \cdot \text{frequency}_i$.
# We write down the sine of that angle in the even column and its cosine in the odd column:
#
# $$PE_{pos,\,2i} = \sin(pos \cdot \text{frequency}_i), \qquad PE_{pos,\,2i+1} = \cos(pos \cdot \text{frequency}_i)$$
#
# **Worked example, $d_{\text{model}} = 4$**, frequencies 1 and 0.01:
#
# | position | column 0: $\sin(pos)$ | column 1: $\cos(pos)$ | column 2: $\sin(0.01\,pos)$ | column 3: $\cos(0.01\,pos)$ |
# | --- | --- | --- | --- | --- |
# | 0 | 0 | 1 | 0 | 1 |
# | 1 | 0.8415 | 0.5403 | 0.0100 | 1.0000 |
# | 2 | 0.9093 | −0.4161 | 0.0200 | 0.9998 |

# %% [markdown] lang="zh" of="e0c30e00"
# ## 2. 位置向量表
#
# 每一对列相当于一根“针”，在位置 $pos$ 处它的角度是 $pos \cdot \text{frequency}_i$。
# 偶数列记这个角的正弦，奇数列记同一个角的余弦：
#
# $$PE_{pos,\,2i} = \sin(pos \cdot \text{frequency}_i), \qquad PE_{pos,\,2i+1} = \cos(pos \cdot \text{frequency}_i)$$
#
# **例题，$d_{\text{model}} = 4$**，频率为 1 和 0.01：
#
# | 位置 | 第 0 列：$\sin(pos)$ | 第 1 列：$\cos(pos)$ | 第 2 列：$\sin(0.01\,pos)$ | 第 3 列：$\cos(0.01\,pos)$ |
# | --- | --- | --- | --- | --- |
# | 0 | 0 | 1 | 0 | 1 |
# | 1 | 0.8415 | 0.5403 | 0.0100 | 1.0000 |
# | 2 | 0.9093 | −0.4161 | 0.0200 | 0.9998 |

# %% [markdown] lang="en"
# In PyTorch, `pe[:, 0::2]` means every row, and columns 0, 2, 4, ... In the same way `pe[:, 1::2]` means columns 1, 3, 5, ...
#
# `position` has shape `(max_len, 1)` and the frequencies have shape `(ceil(d_model / 2),)`.
# Broadcasting makes their product `(max_len, ceil(d_model / 2))`: all angles at once.
#
# With an odd width, say 5, there are three even columns (0, 2, 4) but only two odd ones (1, 3).
#
# **TODO 2:** the even columns. **TODO 3:** the odd columns. Each has its own check, so you can do one at a time.

# %% [markdown] lang="zh" of="e868d23d"
# 在 PyTorch 里，`pe[:, 0::2]` 表示所有行的第 0、2、4、……列，`pe[:, 1::2]` 表示所有行的第 1、3、5、……列。
#
# `position` 的形状是 `(max_len, 1)`，频率的形状是 `(ceil(d_model / 2),)`。
# 两者相乘，广播（broadcasting）后得到 `(max_len, ceil(d_model / 2))`，所有角度一次算完。
#
# 宽度为奇数时，例如 5，偶数列有三列（0、2、4），奇数列只有两列（1、3）。
#
# **TODO 2：** 填偶数列。**TODO 3：** 填奇数列。两者分开评分，可以一个一个来。

# %% exercise="sinusoidal_encoding"
from answers import sinusoidal_encoding

# %% [raw] lang="zh" of="333769ed"
# Table of position vectors: row pos belongs to position pos.
#     位置向量表：第 pos 行属于位置 pos。
#
#     PE[pos, 2i]     = sin(pos * frequency[i])
#     PE[pos, 2i + 1] = cos(pos * frequency[i])
#
#     max_len: 位置的个数，位置为 0 到 max_len - 1
#     d_model: 表的宽度，至少为 1，可奇可偶
#     返回 (max_len, d_model)。
#     出处：Vaswani 等，2017，第 3.5 节。
# TODO 2: fill the even columns 0, 2, 4, ... with sines
#     TODO 2：在偶数列 0, 2, 4, ... 填入正弦
# TODO 3: fill the odd columns 1, 3, 5, ... with cosines; an odd width has one odd column fewer
#     TODO 3：在奇数列 1, 3, 5, ... 填入余弦；宽度为奇数时，奇数列少一列

# %%
check("sinusoidal_encoding")

# %% [markdown] lang="en"
# **Look.** Each row of the picture is one position. Read it from left to right: the first columns change from row to row,
# the last columns hardly change over 100 positions. That is the second hand and the hour hand.

# %% [markdown] lang="zh" of="896d2d72"
# **看一看。** 图中每一行是一个位置。从左往右看：最前面几列逐行变化，
# 最后面几列在 100 个位置之内几乎不变，正像秒针和时针。

# %% role="picture"
needs("sinusoidal_encoding")
table = sinusoidal_encoding(100, 64)
ax = plots.heat_map(
    table,
    title="Fast waves on the left, slow waves on the right (d_model 64)",
    x_label="column of the table",
    y_label="position",
    value_label="value of the table",
    limits=(-1, 1),
    ax=plots.new_axes(width=9, height=5),
)

# %% [markdown] lang="en"
# ### How similar are two positions?
#
# Attention compares vectors by dot products, so let us do the same with two rows of the table. For one pair of columns,
# with the angles $a$ and $b$ of the two positions, the dot product is
#
# $$\sin a \sin b + \cos a \cos b = \cos(a - b)$$
#
# Only the *difference* of the angles is left. **With numbers:** positions 1 and 3 and frequency 1 give
# $0.8415 \cdot 0.1411 + 0.5403 \cdot (-0.9900) = -0.4161 = \cos(2)$. Positions 11 and 13 give the same.
#
# So the three curves below should lie on top of each other: only the distance counts, not where you start.

# %% [markdown] lang="zh" of="144598ec"
# ### 两个位置有多相似？
#
# 注意力用点积来比较向量，我们也拿表的两行做点积。只看一对列，设两个位置的角度为 $a$ 和 $b$，点积是
#
# $$\sin a \sin b + \cos a \cos b = \cos(a - b)$$
#
# 剩下的只有角度之**差**。**代入数字：** 位置 1 和 3，频率为 1，
# $0.8415 \cdot 0.1411 + 0.5403 \cdot (-0.9900) = -0.4161 = \cos(2)$；换成位置 11 和 13，结果相同。
#
# 因此下面三条曲线应当完全重合：起作用的是距离，而不是从哪里出发。

# %%
needs("sinusoidal_encoding")
table = sinusoidal_encoding(200, 64)
distance = torch.arange(-45, 46)
ax = plots.curves(
    distance,
    {f"from position {start}": table[start + distance] @ table[start] / 32 for start in (50, 90, 150)},
    title="Similarity depends on the distance alone (d_model 64)",
    x_label="distance between the two positions",
    y_label="dot product of the rows / 32",
    overlap=True,
)

# %% [markdown] lang="en"
# The similarity is largest at distance 0 and is the same to the left and to the right. It falls quickly at first, then in small waves.
# Neighbours look alike, and distant positions look less alike. Nobody trained this; it follows from the formula.

# %% [markdown] lang="zh" of="5a7b762b"
# 距离为 0 时相似度最大，向左向右完全对称；起初下降很快，随后带着小的起伏缓缓下降。
# 相邻的位置彼此相像，离得远就不那么像。这不是训练出来的，公式本身就带有这个性质。

# %% [markdown] lang="en"
# ## 3. The layer
#
# Now a layer that adds the table to a batch of sentences. Sentences are shorter than the table, so only the first `seq` rows are used.
#
# **Worked example, `seq` 2, $d_{\text{model}} = 4$.** The same word vector $(1, 2, 3, 4)$ stands at both places:
#
# - at position 0 it becomes $(1 + 0,\; 2 + 1,\; 3 + 0,\; 4 + 1) = (1,\; 3,\; 3,\; 5)$
# - at position 1 it becomes $(1 + 0.8415,\; 2 + 0.5403,\; 3 + 0.01,\; 4 + 1) = (1.8415,\; 2.5403,\; 3.01,\; 5)$
#
# The same word now has two different vectors. Every sentence of the batch gets the same rows.

# %% [markdown] lang="zh" of="347b6e53"
# ## 3. 位置编码层
#
# 现在写一个层，把表加到一批句子上。句子比表短，所以只用表的前 `seq` 行。
#
# **例题，`seq` 为 2，$d_{\text{model}} = 4$。** 同一个词向量 $(1, 2, 3, 4)$ 出现在两个位置上：
#
# - 在位置 0，它变成 $(1 + 0,\; 2 + 1,\; 3 + 0,\; 4 + 1) = (1,\; 3,\; 3,\; 5)$
# - 在位置 1，它变成 $(1 + 0.8415,\; 2 + 0.5403,\; 3 + 0.01,\; 4 + 1) = (1.8415,\; 2.5403,\; 3.01,\; 5)$
#
# 同一个词从此有了两个不同的向量。一批中的每个句子都加上同样的行。

# %% [markdown] lang="en"
# Three details make it a good PyTorch layer:
#
# - **A buffer, not a parameter.** The table is fixed, so no optimiser may change it. But it must move along with `model.to("cuda")`.
#   That is what `self.register_buffer("pe", ...)` is for.
# - **Dropout comes last.** `nn.Dropout` works on the sum of word and position. It acts in train mode only.
# - **A clear error.** If a sentence is longer than the table, raise a `ValueError` that says what is allowed and what came.
#
# **TODO 4:** fill both gaps. Do not change `x` itself: the caller may still need it.

# %% [markdown] lang="zh" of="7a241154"
# 有三个细节，决定它是不是一个合格的 PyTorch 层：
#
# - **是缓冲区（buffer），不是参数（parameter）。** 表是固定的，优化器不该改动它；但调用 `model.to("cuda")` 时，
#   它必须跟着一起搬到 GPU 上。`self.register_buffer("pe", ...)` 正是为此而设。
# - **最后才做 dropout（随机失活，也译暂退法、丢弃法）。** `nn.Dropout` 作用在词元向量与位置向量相加之后的结果上，并且只在训练模式下起作用。
# - **报错要清楚。** 句子比表还长时，抛出 `ValueError`，说明最多允许多长、实际来了多长。
#
# **TODO 4：** 填好两处空缺。不要改动 `x` 本身，调用者也许还要用它。

# %% exercise="PositionalEncoding"
from answers import PositionalEncoding

# %% [raw] lang="zh" of="fe2ed325"
# Adds to each token the vector of its position, then applies dropout.
#     给每个词元加上它所在位置的向量，然后做 dropout。
#
#     d_model: 词元向量和表的宽度
#     dropout: 训练时，和里有多大比例的数被置为 0（丢弃率）
#     max_len: 表里有位置的最长句子
#     出处：Vaswani 等，2017，第 3.5 节和第 5.4 节。
# TODO 4, first half: keep the table of max_len positions as a buffer named pe, and a dropout layer
#     TODO 4，前一半：把 max_len 个位置的表存为名叫 pe 的缓冲区，再准备一个 dropout 层
# Tokens with their positions.
#     加上了位置的词元。
#
#     x: (batch, seq, d_model)
#     返回 (batch, seq, d_model)。
#     seq 大于 max_len 时抛出 ValueError。
# TODO 4, second half: refuse a seq that is too long, add the first seq rows, apply dropout
#     TODO 4，后一半：seq 太长就报错，加上前 seq 行，再做 dropout

# %%
check("PositionalEncoding")

# %% [markdown] lang="en"
# **Look.** Now we repeat the first experiment: the same attention layer, the same words, the same swap.
# The bars show how far the vector of each word in one review lies from its vector in the other.

# %% [markdown] lang="zh" of="4e6030d6"
# **看一看。** 重做开头的实验：同一个注意力层、同样的词、同样的对调。
# 柱子的高度表示：同一个词在两条影评里得到的两个向量相距多远。


# %%
needs("PositionalEncoding")


def distance_between_reviews(encode) -> dict[str, float]:
    """Distance of each word's two output vectors, one from each review."""
    one, other = encode(x), encode(x[:, swap])
    with torch.no_grad():
        one, _ = attention(one, one, one)
        other, _ = attention(other, other, other)
    return dict(zip(words, (one - other[:, swap]).norm(dim=-1).squeeze().tolist(), strict=True))


add_positions = PositionalEncoding(d_model=18, max_len=20).eval()
left, right = plots.panels(2, share_y=True)
for pane, title, encode in [
    (left, "Without positions both reviews look the same", lambda tokens: tokens),
    (right, "With positions every word's vector differs", add_positions),
]:
    plots.bars(
        distance_between_reviews(encode),
        title=title,
        x_label="word (random vectors, d_model 18)",
        y_label="distance of its two output vectors",
        write_values=".2f",
        ax=pane,
    )

# %% [raw] lang="zh" of="6ab284a1"
# Distance of each word's two output vectors, one from each review.
#     每个词在两条影评里各得到一个输出向量，返回两者的距离。

# %% [markdown] lang="en"
# Even *not* and *just*, which stayed in their places, changed: they now see that their neighbours stand elsewhere.

# %% [markdown] lang="zh" of="22111775"
# 连没有挪动的 *not* 和 *just* 也变了：它们现在看得出，身边的词换了位置。

# %% [markdown] lang="en"
# ## 4. Moving by a fixed distance
#
# The authors chose sines and cosines because of one property: a fixed matrix moves *every* position by the same offset.
# Take one pair of columns with frequency $f$, at position $pos$, and move it by $k$. School trigonometry says:
#
# $$\sin(f\,pos + f\,k) = \sin(f\,pos)\cos(f\,k) + \cos(f\,pos)\sin(f\,k)$$
# $$\cos(f\,pos + f\,k) = \cos(f\,pos)\cos(f\,k) - \sin(f\,pos)\sin(f\,k)$$
#
# **With numbers:** $f = 1$, $pos = 1$, $k = 2$. The row is $(0.8415,\; 0.5403)$, and $\sin 2 = 0.9093$, $\cos 2 = -0.4161$.
# New sine: $0.8415 \cdot (-0.4161) + 0.5403 \cdot 0.9093 = 0.1411 = \sin 3$.
# New cosine: $0.5403 \cdot (-0.4161) - 0.8415 \cdot 0.9093 = -0.9900 = \cos 3$.
#
# The factors that depend on $k$ know nothing of $pos$. So they can be written into a matrix once.

# %% [markdown] lang="zh" of="d2675015"
# ## 4. 移动固定的距离
#
# 作者选用正弦和余弦，看中的是一个性质：用同一个矩阵，就能让**每个**位置都移动同样的距离。
# 取频率为 $f$ 的一对列，从位置 $pos$ 出发移动 $k$，由和角公式：
#
# $$\sin(f\,pos + f\,k) = \sin(f\,pos)\cos(f\,k) + \cos(f\,pos)\sin(f\,k)$$
# $$\cos(f\,pos + f\,k) = \cos(f\,pos)\cos(f\,k) - \sin(f\,pos)\sin(f\,k)$$
#
# **代入数字：** $f = 1$，$pos = 1$，$k = 2$。这一行是 $(0.8415,\; 0.5403)$，而 $\sin 2 = 0.9093$，$\cos 2 = -0.4161$。
# 新的正弦：$0.8415 \cdot (-0.4161) + 0.5403 \cdot 0.9093 = 0.1411 = \sin 3$。
# 新的余弦：$0.5403 \cdot (-0.4161) - 0.8415 \cdot 0.9093 = -0.9900 = \cos 3$。
#
# 与 $k$ 有关的那些系数和 $pos$ 毫无关系，所以写进一个矩阵就够了，一劳永逸。

# %% [markdown] lang="en"
# The row stands on the *left* of the matrix: `PE[pos + k] = PE[pos] @ matrix`. So column $j$ of the matrix says how to mix the old row
# into the new entry $j$. Columns of different pairs never mix: the matrix is a chain of 2 x 2 blocks along the diagonal,
# each with its own frequency, and zero elsewhere.
#
# The offset may be negative (move back) or 0 (stay). With an odd width the last sine has no cosine beside it,
# and the formula cannot work: raise a `ValueError` that says so.
#
# **TODO 5:** build the matrix. Find first which of the four factors belongs into which corner of a block.

# %% [markdown] lang="zh" of="727272bf"
# 行向量在矩阵的**左边**：`PE[pos + k] = PE[pos] @ matrix`。所以矩阵的第 $j$ 列说明：怎样由旧的一行混合出新的第 $j$ 个数。
# 不同的列对互不相混，因此矩阵是沿对角线排开的一串 2 × 2 小块，每块用自己的频率，其余地方全是 0。
#
# 偏移量（offset）可以是负数（往回移），也可以是 0（不动）。宽度为奇数时，最后的正弦没有余弦作伴，
# 公式无从用起：这时抛出 `ValueError` 并说明原因。
#
# **TODO 5：** 造出这个矩阵。先想清楚四个系数各在小块的哪个角上。

# %% exercise="shift_matrix"
from answers import shift_matrix

# %% [raw] lang="zh" of="2464a1c0"
# Matrix that moves every row of the table by offset positions.
#     把表的每一行都移动 offset 个位置的矩阵。
#
#     PE[pos + offset] = PE[pos] @ matrix，所有 pos 共用一个矩阵。
#
#     offset:  位置的个数，也可以是负数或 0
#     d_model: 表的宽度，偶数
#     返回 (d_model, d_model)。
#     d_model 为奇数时抛出 ValueError：最后一个正弦旁边没有余弦。
#     出处：Vaswani 等，2017，第 3.5 节，“for any fixed offset k”。
# TODO 5: refuse an odd width; then one 2 x 2 block for each pair of columns, zeros elsewhere
#     TODO 5：宽度为奇数就报错；然后每一对列一个 2 x 2 的块，其余为零

# %%
check("shift_matrix")

# %% [markdown] lang="en"
# **Look.** On the left is the matrix that moves by 6: small blocks along the diagonal, and the last block hardly moves anything.
# On the right is column 2 of the table, and the same column after every row was multiplied by that one matrix.

# %% [markdown] lang="zh" of="418af171"
# **看一看。** 左图是移动 6 个位置的矩阵：小块沿对角线排开，最后一块几乎什么也不动。
# 右图是表的第 2 列，以及每一行都乘以这同一个矩阵之后的第 2 列。

# %% role="picture"
needs("sinusoidal_encoding", "shift_matrix")
offset = 6
matrix = shift_matrix(offset, 8)
table = sinusoidal_encoding(90, 8)
left, right = plots.panels(2, width=12, height=4.4)
plots.heat_map(
    matrix,
    title=f"One block for each pair of columns (offset {offset}, d_model 8)",
    x_label="new column",
    y_label="old column",
    value_label="entry of the matrix",
    limits=(-1, 1),
    write_values=".2f",
    ax=left,
)
plots.curves(
    range(90),
    {"row": table[:, 2], "row @ matrix": (table @ matrix)[:, 2]},
    title=f"The same wave, {offset} positions ahead (d_model 8)",
    x_label="position of the row",
    y_label="column 2",
    ax=right,
)
plt.show()

# %% [markdown] lang="en"
# So a linear layer *could* learn "look three words back", once for all places of a text. This is why the authors expected that
# a model can easily learn to attend by relative position.

# %% [markdown] lang="zh" of="9288329a"
# 也就是说，一个线性层**有可能**学会“往回看三个词”，而且一旦学会，对文中所有位置都适用。
# 论文作者正是据此猜想，模型容易学会按相对位置分配注意力。

# %% [markdown] lang="en" question="q1_sin_cos"
# ## Thinking question 1
#
# Why does the table use sines in the even columns *and* cosines in the odd columns? What would be lost with sines alone?
#
# Write five to ten sentences of your own. Use what you saw above: the similarity of positions, and the shift matrix. One small
# example with numbers says more than a general sentence.

# %% [markdown] lang="zh" question="q1_sin_cos" of="6afefe40"
# ## 思考题 1
#
# 为什么既要在偶数列用正弦，**又要**在奇数列用余弦？如果只用正弦，会失去什么？
#
# 请用自己的话写五到十句。用上前面看到的东西：位置之间的相似度，以及平移矩阵（shift matrix）。
# 一个带数字的小例子，胜过一句笼统的话。

# %% [markdown] lang="en"
# ## What you can do now
#
# - say why attention without positions cannot see the order of words
# - compute the frequencies and the table, for any width
# - tell a buffer from a parameter
# - explain with one matrix what "relative position" means
#
# In the next unit you build the attention itself.

# %% [markdown] lang="zh" of="9ad2edd3"
# ## 这一单元的收获
#
# - 说清没有位置信息的注意力为什么看不见词序
# - 对任意宽度算出频率和位置向量表
# - 分清缓冲区与参数
# - 用一个矩阵解释什么叫“相对位置”
#
# 下一单元，你将亲手写出注意力本身。
