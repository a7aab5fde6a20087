# %% [markdown] lang="en"
# # Unit 2: Attention
#
# A word alone says little. *Bank* means one thing beside *river* and another beside *money*.
# Attention lets every word look at all others and take from each as much as it needs.
#
# **You will build** four things: the attention itself (`scaled_dot_product_attention`), two functions that deal its
# columns out to several heads and collect them again (`split_heads`, `merge_heads`),
# and the layer that does it all (`MultiHeadSelfAttention`), equal to PyTorch's own.
#
# **Time:** about 90 minutes of your own; all cells together run in about a minute on two cores.
#
# **You need before:** matrix products, softmax, `nn.Linear`; tensors with several axes. Unit 1 is not needed.

# %% [markdown] lang="zh" of="58503085"
# # 第 2 单元：注意力
#
# 单看一个词，往往说明不了什么。“打”字在“打球”“打电话”“打酱油”里，意思各不相同，要看旁边是什么词。
# 注意力（attention）让每个词都去看看其他所有的词，需要多少就取多少。
#
# **你要亲手写出**四样东西：缩放点积注意力（scaled dot-product attention，`scaled_dot_product_attention`），
# 把各列分给多个头、再收回来的两个函数（`split_heads`、`merge_heads`），
# 以及把它们组装起来的多头自注意力层（multi-head self-attention，`MultiHeadSelfAttention`），结果与 PyTorch 自带的完全一致。
# 查询、键、值都来自同一个句子，所以叫**自注意力**（self-attention）。
#
# **时间：** 自己动手约 90 分钟；全部单元格在双核电脑上一分钟左右跑完。
#
# **预备知识：** 矩阵乘法、softmax、`nn.Linear`，以及多个轴的张量。不需要先做第 1 单元。

# %% role="setup"
import math

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

from course_utils import plots
from course_utils.selfcheck import check, hint, needs, question, solution, status

# %% [markdown] lang="en"
# ## 1. Asking and answering
#
# Attention is a soft look-up. Each token sends out a **query**: what am I looking for?
# Each token also shows a **key**: what do I have? And it holds a **value**: what do I hand over?
#
# Query and key are vectors of the same length $d_k$. The more they point the same way, the larger their dot product,
# and the larger the share of the value that is taken. Three steps:
#
# $$\text{scores} = \frac{Q K^\top}{\sqrt{d_k}}, \qquad \text{weights} = \operatorname{softmax}(\text{scores}), \qquad \text{context} = \text{weights} \cdot V$$
#
# **Worked example.** One query $(1, 1)$, three keys $(1, 0), (2, 1), (0, -1)$, values 10, 20, 30.
# The dot products are $1, 3, -1$. With $d_k = 2$ they are divided by $1.414$: scores $0.71, 2.12, -0.71$.
# The cell below goes on from here, with plain numbers.

# %% [markdown] lang="zh" of="763485da"
# ## 1. 提问与回答
#
# 注意力是一种“软”的查找。每个词元发出一个**查询**（query）：我要找什么？
# 每个词元也亮出一个**键**（key）：我有什么？手里还拿着一个**值**（value）：我能给出什么？
#
# 查询和键是长度同为 $d_k$ 的向量。两者方向越一致，点积越大，从这个值里取走的份额也越大。一共三步：
#
# $$\text{scores} = \frac{Q K^\top}{\sqrt{d_k}}, \qquad \text{weights} = \operatorname{softmax}(\text{scores}), \qquad \text{context} = \text{weights} \cdot V$$
#
# **例题：** 一个查询 $(1, 1)$，三个键 $(1, 0)$、$(2, 1)$、$(0, -1)$，值为 10、20、30。
# 点积为 $1, 3, -1$。因为 $d_k = 2$，都除以 $1.414$，得到分数 $0.71, 2.12, -0.71$。
# 接下来的计算见下面的单元格，用的都是普通的数。

# %%
scores_by_hand = [1 / math.sqrt(2), 3 / math.sqrt(2), -1 / math.sqrt(2)]
values_by_hand = [10, 20, 30]

powers = [math.exp(score) for score in scores_by_hand]
shares = [power / sum(powers) for power in powers]
print("key  score   exp(score)   weight   value")
for j in range(3):
    print(f"{j:<4} {scores_by_hand[j]:>5.2f}   {powers[j]:>10.2f}   {shares[j]:>6.3f}   {values_by_hand[j]:>5}")
print("weights sum to", round(sum(shares), 6))
print("context:", round(sum(share * value for share, value in zip(shares, values_by_hand, strict=True)), 2))

# %% [raw] lang="zh" of="8915f716"
# key  score   exp(score)   weight   value
#     键    分数    exp(分数)     权重      值
# weights sum to
#     权重之和：
# context:
#     上下文向量：

# %% [markdown] lang="en"
# Key 1 fits best and gets three quarters of the attention, so the context is near its value 20, pulled a little to both sides.
#
# ## 2. Hiding keys
#
# Sentences of a batch have different lengths. The short ones are filled up with *padding*, and nobody should listen to padding.
# A **mask** says which keys may be seen: 1 = token, 0 = hidden.
#
# Is a score of 0 enough to hide a key? Let us hide key 2 of the example and compare a few numbers in place of its score.

# %% [markdown] lang="zh" of="7c15a941"
# 键 1 最合适，得到了四分之三的注意力，所以上下文向量（context）接近它的值 20，只是被另外两个值稍稍拉偏。
#
# ## 2. 遮住一些键
#
# 同一批里的句子长短不一，短的要用**填充**（padding）补齐；这些填充位置，任何词元都不该去注意。
# **掩码**（mask）说明哪些键可以看见：1 表示词元，0 表示遮住。
#
# 把分数改成 0，是不是就遮住了？我们来遮住例题中的键 2，在它的分数处换上几个不同的数，比较一下。

# %%
print("score of key 2    weights of keys 0, 1, 2")
for instead in (-0.71, 0.0, -10.0, -1e9):
    powers = [math.exp(score) for score in (*scores_by_hand[:2], instead)]
    print(f"{instead:>14g}    " + "   ".join(f"{power / sum(powers):.7f}" for power in powers))

# %% [raw] lang="zh" of="c75dc38b"
# score of key 2    weights of keys 0, 1, 2
#     键 2 的分数       键 0、1、2 的权重

# %% [markdown] lang="en"
# A score of 0 makes it *worse*: $e^0 = 1$ is more than key 2 had before. Only a hugely negative score gives $e^{\dots} = 0$.
# The other two keys then share its part, in the same proportion as before.
#
# Two things to think of before you write your own:
# - The number has to be lower than any real score could be, and scores may be large.
# - A row may see no key at all. If all its scores are $-\infty$, softmax computes $0 / 0$, which is NaN, and one NaN
#   spreads through the whole model. Such a row means nothing, but it must stay finite, and its gradient too.
#
# Masks come as int, bool or float. Comparing with 0 works for all three.

# %% [markdown] lang="zh" of="28dd2501"
# 改成 0 反而**更糟**：$e^0 = 1$，比键 2 原来的还大。只有绝对值极大的负数，才能让 $e^{\dots}$ 变成 0。
# 这时另外两个键按原来的比例分掉它的那一份。
#
# 动手之前，还有两点要想到：
# - 这个数必须比任何真实的分数都小，而分数有可能很大。
# - 有的行可能一个键也看不到。如果整行都是 $-\infty$，softmax 就成了 $0 / 0$，得到 NaN；
#   一个 NaN 会传遍整个模型。这样的行没有意义，但它的值和梯度都必须是有限的数。
#
# 掩码可能是整数、布尔或浮点类型，与 0 作比较对三种都适用。

# %% [markdown] lang="en"
# ### Your turn: attention
#
# Inputs may have any number of axes in front: none, a batch, a batch and heads. Name axes from the end (`-1`, `-2`), and all of these work.
# The three TODOs are checked one by one, so you may fill in one and run the check.

# %% [markdown] lang="zh" of="a9984254"
# ### 轮到你了：注意力
#
# 前面的轴可以有任意多个：一个也没有、只有批次轴、批次轴加头轴。从后往前数轴（`-1`、`-2`），几种情况就都能用。
# 三个 TODO 是分开检查的，可以填一个、测一个。

# %% exercise="scaled_dot_product_attention"
from answers import scaled_dot_product_attention

# %% [raw] lang="zh" of="ce82a010"
# Weighted sums of the values, and the weights of each query over all keys.
#     各个值的加权和，以及每个查询在所有键上的权重。
#
#     attn = softmax(Q K^T / sqrt(d_k))，每行之和为 1；context = attn V
#
#     q:    (..., seq_q, d_k)，每行一个查询
#     k:    (..., seq_k, d_k)，每行一个键
#     v:    (..., seq_k, d_v)，每个键对应一个值
#     mask: 可广播到 (..., seq_q, seq_k)，0 表示对该查询遮住这个键；None 表示一个也不遮。
#           一个键也看不到的查询，得到的权重仍是有限的数，不会是 NaN。
#     返回 context (..., seq_q, d_v) 和 attn (..., seq_q, seq_k)。
#     出处：Vaswani 等，2017，第 3.2.1 节，公式 1。
# TODO 1: put the scaled dot products in place of these zeros
#     TODO 1：把这些零换成缩放后的点积
# TODO 2: weights in place of scores; where there is a mask, first see to the hidden keys
#     TODO 2：把分数换成权重；如果有掩码，先处理被遮住的键
# TODO 3: for each query the sum of the values, each times its weight
#     TODO 3：对每个查询，把各个值乘以权重再相加

# %%
check("scaled_dot_product_attention")

# %% [markdown] lang="en"
# ### A look: who looks at whom
#
# Two short sentences of random vectors. Vectors of the same word are the same, so *very* should find the other *very*.
# The second sentence is padded. Grey columns are hidden keys (one that still got weight would keep its colour);
# grey rows are queries of padding, which nobody will read.

# %% [markdown] lang="zh" of="d0fa6d86"
# ### 看一看：谁在看谁
#
# 两个短句，词向量是随机的。同一个词用同一个向量，所以两个 *very* 应当能互相找到。
# 第二句后面有填充。灰色的列是被遮住的键（如果它仍然分到权重，就会露出颜色）；
# 灰色的行是填充位置的查询，它们的结果不会被用到。

# %%
needs("scaled_dot_product_attention")
torch.manual_seed(0)
sentences = [["very", "slow", "and", "very", "sad"], ["a", "joy", "[PAD]", "[PAD]", "[PAD]"]]
vocabulary = sorted({word for sentence in sentences for word in sentence})
vectors = torch.randn(len(vocabulary), 6)  # d_k 6
x = torch.stack([vectors[[vocabulary.index(word) for word in sentence]] for sentence in sentences])
mask = torch.tensor([[word != "[PAD]" for word in sentence] for sentence in sentences]).int()  # (batch, seq)

context, attn = scaled_dot_product_attention(x, x, x, mask[:, None, :])  # (batch, 1, seq_k)
_, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for number, panel in enumerate(panels):
    plots.attention_map(
        attn[number],
        names=sentences[number],
        mask=mask[number],
        title=f"Sentence {number}: each row sums to 1",
        ax=panel,
    )
plt.gcf().suptitle("Equal words find each other, padding is never looked at (random vectors, d_k 6)")
plt.show()

# %% [markdown] lang="en"
# ## 3. Why divide by $\sqrt{d_k}$?
#
# A dot product is a sum of $d_k$ products. The longer the vectors, the more terms, and the further the sum may stray from 0.
#
# **Worked example.** Let every part be $+1$ or $-1$ by the toss of a coin. With $d_k = 4$, the sum of four such terms has
# standard deviation 2. With $d_k = 256$ it has 16. And softmax feels differences: two scores 1 apart share 73 to 27,
# two scores 16 apart share 99.99999 to 0.00001.
#
# **Experiment.** For random queries and keys of four lengths, with and without scaling, we measure three things:
# the spread of the scores; the entropy of the weights, $-\sum p \ln p$ (0 when one key takes all, $\ln 32 = 3.47$ when 32 keys share evenly);
# and the size of the gradient that comes back to the scores of a middling query (the median).

# %% [markdown] lang="zh" of="7d2558b6"
# ## 3. 为什么要除以 $\sqrt{d_k}$？
#
# 点积是 $d_k$ 个乘积之和。向量越长，项数越多，和就可能离 0 越远。
#
# **例题：** 设每个分量由抛硬币决定，取 $+1$ 或 $-1$。$d_k = 4$ 时，四个这样的项之和的标准差是 2；$d_k = 256$ 时是 16。
# 而 softmax 对差距很敏感：两个分数相差 1，份额是 73 比 27；相差 16，就成了 99.99999 比 0.00001。
#
# **实验：** 取四种长度的随机查询和键，分别在缩放和不缩放时测量三个量：
# 分数的波动（标准差）；权重的熵（entropy）$-\sum p \ln p$（一个键独占时为 0，32 个键平分时为 $\ln 32 = 3.47$）；
# 以及传回到分数上的梯度的大小（取各查询的中位数）。


# %%
def measure(d_k: int, scaled: bool, keys: int = 32, queries: int = 500) -> tuple[float, float, float]:
    """Spread of the scores, mean entropy of the weights in nats, gradient norm at the scores of the median query."""
    torch.manual_seed(d_k)
    q, k, v = torch.randn(queries, 1, d_k), torch.randn(queries, keys, d_k), torch.randn(queries, keys, 1)
    scores = (q * k).sum(-1)  # (queries, keys)
    if scaled:
        scores = scores / d_k**0.5
    scores.requires_grad_()
    weights = scores.softmax(-1)
    (weights * v[..., 0]).sum().backward()  # any use of the weights would do
    entropy = torch.special.entr(weights).sum(-1).mean()
    return scores.std().item(), entropy.item(), scores.grad.norm(dim=-1).median().item()


lengths = [4, 16, 64, 256]
measured = {
    name: [measure(d_k, scaled) for d_k in lengths] for name, scaled in {"q·k": False, "q·k / √d_k": True}.items()
}
print("d_k    scores         spread   entropy (nats)   gradient norm")
for number, d_k in enumerate(lengths):
    for name, rows in measured.items():
        spread, entropy, gradient = rows[number]
        print(f"{d_k:<6} {name:<12} {spread:>8.2f} {entropy:>16.3f} {gradient:>15.4f}")

# %% [raw] lang="zh" of="d2ce795b"
# Spread of the scores, mean entropy of the weights in nats, gradient norm at the scores of the median query.
#     返回分数的标准差、权重的平均熵（以奈特计）、分数处的梯度范数（取各查询的中位数）。
# any use of the weights would do
#     权重随便怎样用都行
# d_k    scores         spread   entropy (nats)   gradient norm
#     d_k    分数           标准差         熵 (nat)        梯度范数

# %% role="picture"
_, panels = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
titles = ["Unscaled scores spread like √d_k", "Unscaled weights become one-hot", "Unscaled: the gradient dies away"]
labels = ["standard deviation of the scores", "entropy of the weights (nats)", "gradient norm at the scores (median)"]
for column, panel in enumerate(panels):
    lines = {name: [row[column] for row in rows] for name, rows in measured.items()}
    plots.curves(
        lengths,
        lines,
        title=titles[column],
        x_label="d_k (length of a key)",
        y_label=labels[column],
        x_log=True,
        y_log=column == 0,
        marker="o",
        ax=panel,
    )
    panel.set_xticks(lengths, [str(d_k) for d_k in lengths])
    panel.minorticks_off()
    if column == 0:
        panel.set_yticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    else:
        panel.set_ylim(bottom=0)
plt.gcf().suptitle("With scaling, nothing depends on d_k (random normal vectors, 32 keys for each of 500 queries)")
plt.show()

# %% [markdown] lang="en" question="q3_scaling"
# ### Thinking question 3
#
# Why are the dot products divided by $\sqrt{d_k}$? Say what would happen without it, step by step, from the spread of the scores
# to the learning of queries and keys; and why it is the root and not $d_k$ itself. Use numbers from your experiment.
#
# (Question 2 follows below, where the heads are.)

# %% [markdown] lang="zh" question="q3_scaling" of="af258bcb"
# ### 思考题 3
#
# 为什么点积要除以 $\sqrt{d_k}$？请一步一步说明不除会怎样：从分数的波动，一直说到查询和键的学习；
# 再说明为什么除以的是平方根，而不是 $d_k$ 本身。请引用你在实验中得到的数。
#
# （思考题 2 在后面讲多头的地方。）

# %% [markdown] lang="en"
# ## 4. Several heads: dealing out the columns
#
# One attention gives each query *one* row of weights. But a word often needs several things at once: its subject, its negation, its neighbour.
# So we run several attentions side by side. Each is called a **head** and gets its own block of columns.
#
# **Worked example**, one sentence of two tokens, $d_{\text{model}} = 6$, three heads of two columns:
#
# | token | columns | head 0 | head 1 | head 2 |
# | --- | --- | --- | --- | --- |
# | 0 | 0 1 2 3 4 5 | **0 1** | 2 3 | 4 5 |
# | 1 | 6 7 8 9 10 11 | **6 7** | 8 9 | 10 11 |
#
# Head 0 is a small sentence of its own: rows (0, 1) and (6, 7). The shape goes from `(1, 2, 6)` to `(1, 3, 2, 2)`, that is `(batch, num_heads, seq, d_head)`.
#
# Beware of a reshape straight to that shape: it gives the right shape, but head 0 would get 0 1 and 2 3, two pieces of the *same* token.

# %% [markdown] lang="zh" of="247972a9"
# ## 4. 多个头：把列分下去
#
# 一次注意力只给每个查询**一行**权重。可是一个词常常同时需要好几样东西：它的主语、它的否定词、它旁边的词。
# 所以我们让几个注意力并排进行，每一个叫做一个**头**（head），分到连续的几列。
#
# **例题：** 一个句子两个词元，$d_{\text{model}} = 6$，三个头，每头两列：
#
# | 词元 | 各列 | 0 号头 | 1 号头 | 2 号头 |
# | --- | --- | --- | --- | --- |
# | 0 | 0 1 2 3 4 5 | **0 1** | 2 3 | 4 5 |
# | 1 | 6 7 8 9 10 11 | **6 7** | 8 9 | 10 11 |
#
# 0 号头自成一个小句子：两行分别是 (0, 1) 和 (6, 7)。形状从 `(1, 2, 6)` 变成 `(1, 3, 2, 2)`，即 `(batch, num_heads, seq, d_head)`。
#
# 当心：直接 reshape 成这个形状，形状虽对，0 号头拿到的却是 0 1 和 2 3，也就是**同一个**词元的两段。

# %% exercise="split_heads"
from answers import split_heads

# %% [raw] lang="zh" of="472a1854"
# The columns of every token dealt out to the heads.
#     把每个词元的各列分给各个头。
#
#     第 h 个头得到第 h 块，即相邻的 d_model / num_heads 列。
#
#     x: (batch, seq, d_model)，num_heads 能整除 d_model
#     返回 (batch, num_heads, seq, d_model // num_heads)。
#     出处：Vaswani 等，2017，第 3.2.2 节。
# TODO 4: first give the blocks of columns an axis of their own, then move that axis
#     TODO 4：先让一块块的列自成一个轴，再移动这个轴

# %%
check("split_heads")

# %% [markdown] lang="en"
# ### And back again
#
# After the attention each head holds a context for each token. `merge_heads` lays the blocks side by side again:
# token 0 collects 0 1 from head 0, 2 3 from head 1, 4 5 from head 2, and has its row 0 1 2 3 4 5 back.

# %% [markdown] lang="zh" of="96524ef9"
# ### 再收回来
#
# 注意力之后，每个头都为每个词元算出了一个上下文向量。`merge_heads` 把这些块重新并排放好：
# 词元 0 从 0 号头收回 0 1，从 1 号头收回 2 3，从 2 号头收回 4 5，又得到原来的一行 0 1 2 3 4 5。

# %% exercise="merge_heads"
from answers import merge_heads

# %% [raw] lang="zh" of="e8e1fd31"
# The blocks of all heads side by side again: the inverse of split_heads.
#     把各个头的块重新并排放好：split_heads 的逆运算。
#
#     x: (batch, num_heads, seq, d_head)
#     返回 (batch, seq, num_heads * d_head)。
#     出处：Vaswani 等，2017，第 3.2.2 节。
# TODO 5: the steps of split_heads backwards
#     TODO 5：把 split_heads 的步骤倒过来做

# %%
check("merge_heads")

# %% [markdown] lang="en"
# ### A look: where the columns go
#
# Each number of the worked example is drawn with its own colour. Follow the two rows of one head back into the whole.

# %% [markdown] lang="zh" of="4eda2cb0"
# ### 看一看：各列去了哪里
#
# 例题里的每个数各有一种颜色。找一个头，看看它的两行在整体中来自哪里。

# %% role="picture"
needs("split_heads", "merge_heads")
x = torch.arange(12.0).reshape(1, 2, 6)
heads = split_heads(x, 3)  # (1, 3, 2, 2)
print("together again:", merge_heads(heads).tolist())

_, panels = plt.subplots(1, 4, figsize=(12, 2.4), width_ratios=[3, 1, 1, 1], layout="constrained")
pictures = {"x: two tokens, six columns": x[0]} | {f"head {number}": head for number, head in enumerate(heads[0])}
for (name, picture), panel in zip(pictures.items(), panels, strict=True):
    panel.imshow(picture, cmap="viridis", vmin=-3, vmax=11, aspect="auto")
    for row, column in ((i, j) for i in range(picture.size(0)) for j in range(picture.size(1))):
        number = int(picture[row, column])
        panel.text(column, row, number, ha="center", va="center", color="white" if number < 6 else "black")
    panel.set(title=name, xlabel="column", ylabel="token", xticks=range(picture.size(1)), yticks=range(2))
plt.gcf().suptitle("Head h is the h-th block of columns (the numbers 0 to 11)")
plt.show()

# %% [raw] lang="zh" of="573310ea"
# together again:
#     重新合并：

# %% [markdown] lang="en"
# ## 5. What two heads can see
#
# **Worked example.** Three things: a red circle, a red square, a blue circle. Columns 0 and 1 tell the colour, columns 2 and 3 the shape.
# Query, key and value are all the token itself, times 2, so that the weights are clear.
#
# With one head over all four columns, the red circle looks most at itself, and a bit at everything that is half like it.
# With two heads, head 0 sees colours only and head 1 sees shapes only.
# Run the cell and look at the row of the red circle.

# %% [markdown] lang="zh" of="8b881801"
# ## 5. 两个头能看到什么
#
# **例题：** 三样东西：红圆、红方、蓝圆。第 0、1 列表示颜色，第 2、3 列表示形状。
# 查询、键、值都直接用词元向量本身，再乘以 2，好让权重分明一些。
#
# 只用一个头看全部四列时，红圆主要看它自己，也稍微看看与它一半相像的东西。
# 用两个头时，0 号头只看得见颜色，1 号头只看得见形状。运行单元格，看看红圆那一行。

# %%
needs("scaled_dot_product_attention", "split_heads")
things = ["red circle", "red square", "blue circle"]
x = 2 * torch.tensor([[[1.0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]]])  # (1, 3, 4): red, blue, circle, square
_, one = scaled_dot_product_attention(x, x, x)
_, two = scaled_dot_product_attention(*[split_heads(x, 2)] * 3)

maps = {"one head": one[0], "two heads, head 0": two[0, 0], "two heads, head 1": two[0, 1]}
_, panels = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
for (name, weights), panel in zip(maps.items(), panels, strict=True):
    plots.attention_map(weights, names=things, title=name, write_values=".2f", ax=panel)
plt.gcf().suptitle("Head 0 goes by colour, head 1 by shape; one head has to blend (hand-made vectors, d_model 4)")
plt.show()

# %% [raw] lang="zh" of="856ece6c"
# (1, 3, 4): red, blue, circle, square
#     (1, 3, 4)：红、蓝、圆、方

# %% [markdown] lang="en"
# ## 6. The whole layer
#
# In the example we chose the columns by hand. The layer *learns* what each head looks at: a linear layer makes the queries, one the keys,
# one the values, and a last one puts the findings of the heads together. They are called `q_proj`, `k_proj`, `v_proj` and `out_proj`,
# each from `d_model` to `d_model`, with bias. The weights of the latest call are kept in `self.attn_weights`, detached:
#
# $$\text{head}_h = \operatorname{attention}(Q_h, K_h, V_h), \qquad \text{output} = \text{merge}(\text{head}_0, \text{head}_1, \dots)\, W_{\text{out}} + b_{\text{out}}$$
#
# where $Q_h$ is head $h$'s block of columns of `q_proj(x)`, and so on.
#
# **Worked example of the shapes**, batch 2, seq 5, `d_model` 18, 3 heads: `q_proj(x)` is `(2, 5, 18)`, split `(2, 3, 5, 6)`;
# scores `(2, 3, 5, 5)`; context `(2, 3, 5, 6)`; merged `(2, 5, 18)`; output `(2, 5, 18)`.
#
# The mask comes as `(2, 5)`. It speaks of *keys*, and has to fit scores of `(2, 3, 5, 5)`, whose last axis counts the keys. Where do the two missing axes go?
# With 4 heads a head would be 4.5 columns wide: that is a `ValueError`.

# %% [markdown] lang="zh" of="3222f96b"
# ## 6. 完整的一层
#
# 例题里的列是我们亲手安排的。真正的层会自己**学**每个头该看什么：一个线性层产生查询，一个产生键，
# 一个产生值，最后一个把各个头的结果汇总起来。四个层依次命名为 `q_proj`、`k_proj`、`v_proj`、`out_proj`，都是从 `d_model` 到 `d_model`，带偏置（bias）；
# 最近一次的注意力权重要存进 `self.attn_weights`（去掉梯度）：
#
# $$\text{head}_h = \operatorname{attention}(Q_h, K_h, V_h), \qquad \text{output} = \text{merge}(\text{head}_0, \text{head}_1, \dots)\, W_{\text{out}} + b_{\text{out}}$$
#
# 其中 $Q_h$ 是 `q_proj(x)` 里属于第 $h$ 个头的那一块列，其余类推。
#
# **形状的例题：** batch 2、seq 5、`d_model` 18、3 个头。`q_proj(x)` 是 `(2, 5, 18)`，切开后 `(2, 3, 5, 6)`；
# 分数 `(2, 3, 5, 5)`；上下文向量 `(2, 3, 5, 6)`；合并后 `(2, 5, 18)`；输出 `(2, 5, 18)`。
#
# 掩码的形状是 `(2, 5)`，标的是**键**；它要能广播到形状为 `(2, 3, 5, 5)` 的分数上，而分数的最后一个轴对应的正是键。缺的两个轴该补在哪里？
# 如果取 4 个头，每个头就要 4.5 列宽，这时要抛出 `ValueError`。

# %% exercise="MultiHeadSelfAttention"
from answers import MultiHeadSelfAttention

# %% [raw] lang="zh" of="3042688b"
# Several attentions side by side over the same tokens, each with columns of its own.
#     在同样的词元上并排做几次注意力，每次用各自的列。
#
#     attn_weights 保存最近一次调用的权重，(batch, num_heads, seq, seq)，已去掉梯度。
#
#     d_model:   词元向量的宽度
#     num_heads: 头的个数，必须能整除 d_model
#     不能整除时抛出 ValueError。
#     出处：Vaswani 等，2017，第 3.2.2 节。
# TODO 6: refuse a num_heads that does not divide d_model; then the four linear layers, d_model to d_model
#     TODO 6：num_heads 不能整除 d_model 就报错；然后是四个线性层，都从 d_model 到 d_model
#     （带偏置），分别叫 q_proj、k_proj、v_proj 和 out_proj
# Each token as a mix of what its heads found.
#     每个词元的输出，由各个头取来的内容混合而成。
#
#     x:    (batch, seq, d_model)
#     mask: (batch, seq)，1 = 词元，0 = 填充；在每个头里，任何查询都看不到填充
#     返回 (batch, seq, d_model)。
# TODO 7: project, split, attend, keep the weights in self.attn_weights, merge, project
#     TODO 7：投影、分头、做注意力、把权重存进 self.attn_weights、合并、再投影

# %%
check("MultiHeadSelfAttention")

# %% [markdown] lang="en"
# ### A look: the same as PyTorch's
#
# `nn.MultiheadAttention` stacks its three input projections in one matrix. We copy your weights into it and compare.

# %% [markdown] lang="zh" of="a1a91425"
# ### 看一看：与 PyTorch 的一模一样
#
# `nn.MultiheadAttention` 把三个输入投影叠放在一个矩阵里。我们把你的参数复制进去，比较两者的输出。

# %%
needs("MultiHeadSelfAttention")
torch.manual_seed(0)
mine, theirs = MultiHeadSelfAttention(18, 3), nn.MultiheadAttention(18, 3, batch_first=True)
inputs = (mine.q_proj, mine.k_proj, mine.v_proj)
with torch.no_grad():
    theirs.in_proj_weight.copy_(torch.cat([layer.weight for layer in inputs]))
    theirs.in_proj_bias.copy_(torch.cat([layer.bias for layer in inputs]))
    theirs.out_proj.load_state_dict(mine.out_proj.state_dict())
    x = torch.randn(2, 5, 18)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    expected, _ = theirs(x, x, x, key_padding_mask=mask == 0)  # PyTorch's mask is True where a key is hidden
    print("largest difference:", f"{(mine(x, mask) - expected).abs().max():.1e}")
print("kept weights:", tuple(mine.attn_weights.shape), "part of the graph:", mine.attn_weights.requires_grad)

# %% [raw] lang="zh" of="4d3d5030"
# PyTorch's mask is True where a key is hidden
#     PyTorch 的掩码用 True 表示遮住的键
# largest difference:
#     最大差别：
# kept weights:
#     保存的权重：
# part of the graph:
#     仍在计算图中：

# %% [markdown] lang="en"
# ## 7. Experiment: do heads divide the work?
#
# A task that needs two looks at once. Eight tokens of random numbers; each token also carries a one-hot vector of its place.
# At each place the model has to give back the first half of the *previous* token's numbers and the second half of the *first* token's numbers.
#
# We train your layer on it twice: with one head and with two. Both have exactly the same number of weights.
# What do you expect? Write it down before you run the cell.

# %% [markdown] lang="zh" of="2f228801"
# ## 7. 实验：多个头会分工吗？
#
# 这个任务要求同时看两个地方。每句八个词元，每个词元带着一些随机数，还带着表示自己位置的独热向量（one-hot）。
# 在每个位置上，模型要给出**前一个词元**的随机数的前半部分，以及**第一个词元**的随机数的后半部分。
#
# 用你写的层训练两次：一次一个头，一次两个头。两者的参数个数完全相同。
# 你预计结果会怎样？先写下来，再运行。


# %%
def look_twice(batch: int, seq: int = 8, numbers: int = 8) -> tuple[Tensor, Tensor]:
    """Tokens (batch, seq, numbers + seq) and what is asked for (batch, seq, numbers)."""
    content = torch.randn(batch, seq, numbers)
    places = torch.eye(seq).expand(batch, seq, seq)
    previous = content.roll(1, dims=1)  # the place before the first is the last one
    first = content[:, :1].expand_as(content)
    asked = torch.cat([previous[..., : numbers // 2], first[..., numbers // 2 :]], dim=-1)
    return torch.cat([content, places], dim=-1), asked


# %% [raw] lang="zh" of="f60a8641"
# Tokens (batch, seq, numbers + seq) and what is asked for (batch, seq, numbers).
#     返回词元 (batch, seq, numbers + seq) 和要求的输出 (batch, seq, numbers)。
# the place before the first is the last one
#     第一个位置的前一个是最后一个

# %%
needs("MultiHeadSelfAttention")


def train_heads(num_heads: int, steps: int = 300) -> tuple[MultiHeadSelfAttention, list[float]]:
    """A layer trained on the task, and its error at each step."""
    torch.manual_seed(1)
    layer = MultiHeadSelfAttention(16, num_heads)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.02)
    errors = []
    for _ in range(steps):
        tokens, asked = look_twice(32)
        error = nn.functional.mse_loss(layer(tokens)[..., : asked.size(-1)], asked)
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    return layer, errors


torch.set_num_threads(1)  # tensors as small as these are faster on one core
trained = {num_heads: train_heads(num_heads) for num_heads in (1, 2)}
for num_heads, (_, errors) in trained.items():
    print(f"{num_heads} head(s): mean squared error of the last 50 steps {sum(errors[-50:]) / 50:.4f}")

# %% [raw] lang="zh" of="0d00a4b9"
# A layer trained on the task, and its error at each step.
#     返回在这个任务上训练好的层，以及每一步的误差。
# tensors as small as these are faster on one core
#     张量这么小，单核反而更快
# {num_heads} head(s): mean squared error of the last 50 steps {sum(errors[-50:]) / 50:.4f}
#     {num_heads} 个头：最后 50 步的均方误差 {sum(errors[-50:]) / 50:.4f}

# %% role="picture"
needs("MultiHeadSelfAttention")
figure, panels = plt.subplots(1, 4, figsize=(15, 3.9), width_ratios=[1.3, 1, 1, 1], layout="constrained")
plots.curves(
    range(300),
    {f"{n} head{'s' * (n > 1)}": errors for n, (_, errors) in trained.items()},
    title="Two heads learn what one cannot",
    x_label="step",
    y_label="mean squared error",
    y_log=True,
    ax=panels[0],
)
tokens, place = look_twice(1)[0], 1
for num_heads, (layer, _) in trained.items():
    layer(tokens)
    for head in range(num_heads):
        plots.attention_map(
            layer.attn_weights[0, head],
            names=[str(i) for i in range(8)],
            title=f"{num_heads} head{'s' * (num_heads > 1)}: head {head}",
            ax=panels[place],
        )
        place += 1
figure.suptitle(
    "One head has to blend two places; two heads take one each (previous and first token, random numbers, d_model 16)"
)
plt.show()

# %% [markdown] lang="en" question="q2_multiple_heads"
# ### Thinking question 2
#
# Why does multi-head attention use several heads? Say what one head cannot do and why, what changes with several,
# what your experiment showed, and what the heads cost.

# %% [markdown] lang="zh" question="q2_multiple_heads" of="ef428de5"
# ### 思考题 2
#
# 多头注意力（multi-head attention）为什么要用多个头？请说明单个头做不到什么、为什么做不到，有了多个头会怎样，
# 你的实验说明了什么，以及多头的代价是什么。

# %% [markdown] lang="en"
# ## 8. A last look: all heads, with padding
#
# A batch of two sentences goes through a layer of three heads. The layer is fresh, so its maps mean nothing yet;
# in unit 6 you will look at the maps of a trained BERT in just this way. Here check two things:
# no head looks into a grey column, and every row that is not grey shares out exactly 1.

# %% [markdown] lang="zh" of="dec4468f"
# ## 8. 最后再看一眼：所有的头，连同填充
#
# 把两个句子组成一批，送进一个三头的层。这个层刚刚初始化，图还没有什么含义；
# 第 6 单元里你会用同样的方式去看训练好的 BERT。这里只需确认两点：
# 没有哪个头在看灰色的列；每个不是灰色的行，权重加起来正好是 1。

# %%
needs("MultiHeadSelfAttention")
torch.manual_seed(2)
sentences = [["the", "plot", "is", "not", "good"], ["great", "fun", "[PAD]", "[PAD]", "[PAD]"]]
mask = torch.tensor([[word != "[PAD]" for word in sentence] for sentence in sentences]).int()
layer = MultiHeadSelfAttention(18, 3)
layer(3 * torch.randn(2, 5, 18), mask)

_, panels = plt.subplots(2, 3, figsize=(12, 7.6), layout="constrained")
for number, row in enumerate(panels):
    for head, panel in enumerate(row):
        plots.attention_map(
            layer.attn_weights[number, head],
            names=sentences[number],
            mask=mask[number],
            title=f"sentence {number}, head {head}",
            ax=panel,
        )
plt.gcf().suptitle("No head looks at padding (random vectors, untrained layer, d_model 18)")
plt.show()
print("rows of real queries sum to", layer.attn_weights.sum(-1)[mask[:, None].expand(-1, 3, -1) == 1].unique().tolist())

# %% [raw] lang="zh" of="37b5ec68"
# rows of real queries sum to
#     真实查询各行之和：

# %% [markdown] lang="en"
# ## What you have now
#
# A layer in which every token asks, every token answers, and padding stays silent. It is the heart of every Transformer.
# In unit 3 you put it into an encoder layer: a residual path around it, a normalisation after it, a small network for each token.

# %% [markdown] lang="zh" of="a5d0de75"
# ## 这一单元的收获
#
# 你有了这样一层：每个词元都能提问，也都会回答，而填充不参与。这就是所有 Transformer 的核心。
# 第 3 单元里，你会把它装进编码器层（encoder layer）：外面绕一条残差通路（residual path），后面接归一化，再给每个词元配一个小网络。
