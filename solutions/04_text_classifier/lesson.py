# %% [markdown] lang="en"
# # Unit 4: A classifier of your own
#
# Positions, attention and encoder layer are written. Now they become a model that reads film reviews and says: good or bad.
# You write the training loop too, and you find out what a measured accuracy is worth.
#
# **You will build** the pooling (`masked_mean`), the whole model (`TransformerEncoderClassifier`), one round of training
# (`train_epoch`) and its judge (`evaluate`).
#
# **Time:** about 90 minutes of your own; all cells together run in under five minutes on two cores.
#
# **You need before:** units 1 to 3. What you solved there is used here; where something is missing, a stand-in takes its place.

# %% [markdown] lang="zh" of="74d2f325"
# # 第 4 单元：你自己的分类器
#
# 位置编码、注意力和编码器层都写好了。现在把它们拼成一个模型，让它读影评，判断是好评还是差评。
# 训练循环也由你来写，而且你会弄清楚：测出来的准确率到底有多可信。
#
# **你要写出**池化（`masked_mean`）、整个模型（`TransformerEncoderClassifier`）、一轮训练（`train_epoch`）和它的裁判（`evaluate`）。
#
# **时间：** 自己动手约 90 分钟；全部单元格在双核电脑上不到五分钟跑完。
#
# **预备知识：** 第 1 到第 3 单元。你在那里写好的部件会用在这里；还缺的部分由替身顶上。

# %% role="setup"
from collections.abc import Iterable

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn

from course_utils import plots, portfolio
from course_utils.selfcheck import check, hint, needs, question, solution, status

PositionalEncoding = portfolio.solved("PositionalEncoding")
TransformerEncoderLayer = portfolio.solved("TransformerEncoderLayer")

# %% [markdown] lang="en"
# The lines above say whose parts your classifier will be made of: your own, or stand-ins made of torch's blocks.
# Stand-ins learn their positions instead of computing sines, but they are used in the same way.
#
# ## 1. From text to batches
#
# A model reads numbers. A **tokenizer** gives each word of its vocabulary an id; every other word becomes `[UNK]`.
# It also puts `[CLS]` in front of a text and `[SEP]` behind it. These two are not words; the model learns what to do with them.
# Texts of one batch get **padding** (id 0) up to the longest of them, and a mask says which positions are tokens.
#
# **Worked example**, with the vocabulary `{[PAD]: 0, [UNK]: 1, [CLS]: 2, [SEP]: 3, a: 4, dull: 5, film: 6}`.
# "a dull film" is `2 4 5 6 3`; "a film" is `2 4 6 3`, padded to `2 4 6 3 0` with the mask `1 1 1 1 0`.

# %% [markdown] lang="zh" of="cb5d6810"
# 上面几行说明了你的分类器用的是谁的部件：你自己写的，或者由 torch 现成模块搭的替身。
# 替身的位置是学出来的，不是用正弦算出来的，但用法相同。
#
# ## 1. 从文本到批次
#
# 模型只认数字。**分词器**（tokenizer）给词表里的每个词一个编号，其他的词一律记作 `[UNK]`。
# 它还在每条文本前面加上 `[CLS]`，后面加上 `[SEP]`。这两个不是词，但同样算**词元**（token）；它们派什么用场，由模型自己去学。
# 同一批（batch）文本用**填充**（padding，编号 0）补到其中最长的那条，再用掩码（mask）说明哪些位置是词元。
#
# **例题：** 词表为 `{[PAD]: 0, [UNK]: 1, [CLS]: 2, [SEP]: 3, a: 4, dull: 5, film: 6}`。
# “a dull film”是 `2 4 5 6 3`；“a film”是 `2 4 6 3`，补成 `2 4 6 3 0`，掩码为 `1 1 1 1 0`。

# %% [markdown] lang="en"
# The reviews below come from a grammar written for this course, not from people, so that all of this runs in minutes and
# without a network. Set `PLACE = "auto"` to take real reviews (IMDB) where you have them; then everything takes much longer.

# %% [markdown] lang="zh" of="359b50d8"
# 下面的影评由本课程自编的一套文法（句式规则）自动生成，不是人写的；这样不用联网，几分钟就能全部跑完。
# 如果你手边有真实的影评（IMDB），可以把 `PLACE` 改成 `"auto"`，不过那样会慢得多。

# %%
from course_utils.batches import Batches
from course_utils.corpora import load_reviews
from course_utils.studies import Study, ablation, baseline, film_reviews, reviews, run

PLACE = "embedded"  # "auto" takes IMDB where it is at hand
corpus = load_reviews(PLACE)
for label, text in list(zip(corpus.train.labels, corpus.train.texts, strict=True))[:6]:
    print(f"{corpus.classes[label]:9}", text[:110])

# %% [raw] lang="zh" of="31ec8705"
# "auto" takes IMDB where it is at hand
#     "auto"：手边有 IMDB 就用 IMDB

# %% [markdown] lang="en"
# We keep a tenth of the training reviews aside (**held out**): whatever has to be *chosen*, we choose on those.
# The test set is for one look at the end.
#
# Batches hold texts of about one length, so that little is padded. The figure shows what this saves.

# %% [markdown] lang="zh" of="25eba850"
# 我们从训练影评里留出十分之一作**验证集**（validation set，即 held-out 的部分）：凡是要**挑选**的东西，都在它上面挑。
# 测试集（test set）只在最后看一眼。
#
# 长度相近的文本放进同一批，这样填充就少。下面的图显示省下了多少。

# %%
ready = reviews.prepare(corpus, reviews.QUICK)
mixed = Batches(ready.train.tokens, ready.rest.labels, 32, shuffle=True, group_by_length=False)


def share_of_padding(batches):
    """The share of padding of each batch."""
    return [1 - batch["attention_mask"].float().mean().item() for batch in batches]


print(f"{len(ready.rest)} reviews to learn from, {len(ready.held)} held out, {len(corpus.test)} to test on")
plots.points_by_group(
    {"any lengths": share_of_padding(mixed), "grouped by length": share_of_padding(ready.train)},
    title=f"Texts of one length waste less on padding\n({corpus.name}, batches of 32)",
    x_label="texts of a batch",
    y_label="share of padding",
    point_label="one batch",
)
plt.show()

# %% [raw] lang="zh" of="a7366600"
# The share of padding of each batch.
#     每个批次里填充所占的比例。
# {len(ready.rest)} reviews to learn from, {len(ready.held)} held out, {len(corpus.test)} to test on
#     {len(ready.rest)} 条影评用来学习，{len(ready.held)} 条留作验证，{len(corpus.test)} 条用来测试

# %% [markdown] lang="en"
# ## 2. Pooling: one vector for a text
#
# The encoder gives a vector for each token, but there is one label for the text. To make one vector of many is called **pooling**.
# We take the mean of the tokens' vectors, and only of the tokens:
#
# $$\operatorname{mean}(b) = \frac{\sum_t m_{bt}\, h_{bt}}{\sum_t m_{bt}}$$
#
# where $h_{bt}$ is the vector of position $t$ in text $b$, and $m_{bt}$ is 1 at a token and 0 at padding.
#
# **Worked example.** Vectors $(2, 0), (4, 6), (9, 9)$ and mask $1, 1, 0$. The sum of the tokens is $(6, 6)$, there are $2$ of them,
# the mean is $(3, 3)$. A mean over all three would be $(5, 5)$: padding would have had its say.

# %% [markdown] lang="zh" of="f14355d6"
# ## 2. 池化：一段文本一个向量
#
# 编码器给每个词元一个向量，而一段文本只有一个标签。把许多向量并成一个，叫做**池化**（pooling，也译汇聚）。
# 我们取各词元向量的平均，而且只算词元，不算填充：
#
# $$\operatorname{mean}(b) = \frac{\sum_t m_{bt}\, h_{bt}}{\sum_t m_{bt}}$$
#
# 其中 $h_{bt}$ 是第 $b$ 段文本在位置 $t$ 的向量，$m_{bt}$ 在词元处为 1，在填充处为 0。
#
# **例题：** 向量为 $(2, 0)$、$(4, 6)$、$(9, 9)$，掩码为 $1, 1, 0$。词元向量之和是 $(6, 6)$，共 $2$ 个词元，平均为 $(3, 3)$。
# 如果三个都算进去，就成了 $(5, 5)$：连填充也算进去了。

# %%
vectors, kept = torch.tensor([[2.0, 0.0], [4.0, 6.0], [9.0, 9.0]]), torch.tensor([1, 1, 0])
print("over the tokens:", vectors[kept == 1].mean(dim=0).tolist(), "   over all:", vectors.mean(dim=0).tolist())

# %% [raw] lang="zh" of="56670662"
# over the tokens:
#     只对词元平均：
# over all:
#     对全部平均：

# %% [markdown] lang="en"
# ### Exercise 1: `masked_mean`
#
# Write it for a whole batch. Masks come as int, bool or float. A row without any token gives zeros:
# think of what you divide by there.

# %% [markdown] lang="zh" of="fae79b0e"
# ### 练习 1：`masked_mean`
#
# 为整个批次写出它。掩码可能是 int、bool 或 float。一行里一个词元也没有时，结果应是零向量：想一想，那时你除以了几？

# %% exercise="masked_mean"
from answers import masked_mean

# %% [raw] lang="zh" of="a0716d54"
# The mean vector of each sentence's tokens.
#     每个句子各词元向量的平均。
#
#     mean[b] = 句子 b 中所有词元 t 的 hidden[b, t] 之和，除以它的词元个数
#
#     hidden: (batch, seq, d_model)，每个位置一个向量
#     mask:   (batch, seq)，1 = 词元，0 = 填充；类型为 int、bool 或 float
#     返回 (batch, d_model)；一行里一个词元也没有时，返回零向量。
# TODO 1: sum the tokens' vectors, count the tokens, divide; think of a row without tokens
#     TODO 1：词元向量求和，数词元，相除；想一想没有词元的一行

# %%
check("masked_mean")

# %% [markdown] lang="en"
# **Look.** One sentence of five tokens, with more and more padding behind it. The masked mean stays where it is.
# The plain mean is drawn towards the padding.

# %% [markdown] lang="zh" of="a9278a86"
# **看一看。** 一个句子有五个词元，后面的填充越来越多。带掩码的平均纹丝不动，普通的平均则一步步被填充拉走。

# %%
needs("masked_mean")
torch.manual_seed(0)
sentence, padding = torch.randn(1, 5, 18), 1.0 + torch.randn(1, 40, 18)
home = sentence.mean(dim=1)
paddings, with_mask, without_mask = range(0, 41, 4), [], []
for count in paddings:
    hidden = torch.cat([sentence, padding[:, :count]], dim=1)
    mask = (torch.arange(5 + count) < 5).long()[None]
    with_mask.append((masked_mean(hidden, mask) - home).norm().item())
    without_mask.append((hidden.mean(dim=1) - home).norm().item())
plots.curves(
    paddings,
    {"masked mean": with_mask, "plain mean": without_mask},
    title="Only the masked mean keeps off the padding\n(random vectors, d_model 18)",
    x_label="positions of padding behind five tokens",
    y_label="distance from the mean of the tokens",
    marker="o",
)
plt.show()

# %% [markdown] lang="en" question="q5_pooling"
# ## Thinking question 5
#
# Why is mean pooling usual in such a classifier, and why must padding be left out of the mean? Two other poolings are **max**,
# the largest value of each column, and **CLS**, the vector at `[CLS]` alone: what speaks for and against each?
#
# Write six to ten sentences of your own. Come back to this question after the ablation table in section 8: name a number from it,
# and say whether its interval allows a conclusion.

# %% [markdown] lang="zh" question="q5_pooling" of="a35ef024"
# ## 思考题 5
#
# 这样的分类器为什么常用平均池化？求平均时为什么必须去掉填充？另外两种池化是**最大池化**（max，取每一列的最大值）
# 和 **CLS 池化**（只取 `[CLS]` 处的向量），它们各有什么优点和缺点？
#
# 请用自己的话写六到十句。看过第 8 节的消融表之后再回来补充：引用表中的一个数，并说明它的区间能不能支持一个结论。

# %% [markdown] lang="en"
# ## 3. The whole model
#
# ```
# input_ids ── embedding ── positions ── layer ── layer ── … ── masked mean ── linear ── logits
#                                          ↑ mask                   ↑ mask
# ```
#
# The outputs are **logits**, one number for each class; the largest wins. They are not probabilities yet. The loss,
# `nn.CrossEntropyLoss`, does the softmax by itself, so there is none in the model.
#
# **Worked example of shapes:** 2 texts of 5 tokens, `d_model` 18, 3 classes. Ids `(2, 5)`, embedded `(2, 5, 18)`,
# after every layer `(2, 5, 18)`, pooled `(2, 18)`, logits `(2, 3)`.

# %% [markdown] lang="zh" of="3ce78e27"
# ## 3. 整个模型
#
# ```
# input_ids ── embedding ── positions ── layer ── layer ── … ── masked mean ── linear ── logits
#                                          ↑ mask                   ↑ mask
# ```
#
# 输出是 **logits**（未归一化的分数），每个类别一个数，最大的胜出。它们还不是概率：损失函数 `nn.CrossEntropyLoss` 自己会做 softmax，
# 所以模型里不做。
#
# **形状的例题：** 2 段文本，各 5 个词元，`d_model` 为 18，3 个类别。编号 `(2, 5)`，嵌入后 `(2, 5, 18)`，
# 每一层之后仍是 `(2, 5, 18)`，池化后 `(2, 18)`，logits `(2, 3)`。

# %% [markdown] lang="en"
# Layers go into an `nn.ModuleList`. Torch does not look into a plain list: its weights would never be trained.
# The cell shows it with two linear maps of $18 \cdot 18 + 18 = 342$ numbers each.

# %% [markdown] lang="zh" of="0fb9af14"
# 各层要放进 `nn.ModuleList`。PyTorch 不会到普通的 Python 列表里找参数，里面的权重永远得不到训练。
# 下面用两个线性层演示，每个有 $18 \cdot 18 + 18 = 342$ 个参数。


# %%
class InAList(nn.Module):
    """Two linear maps in a plain list, or in a list that torch knows."""

    def __init__(self, known):
        super().__init__()
        maps = [nn.Linear(18, 18) for _ in range(2)]
        self.maps = nn.ModuleList(maps) if known else maps


for known in (False, True):
    count = sum(weight.numel() for weight in InAList(known).parameters())
    print(f"{'nn.ModuleList' if known else 'plain list':14} {count} numbers to train")

# %% [raw] lang="zh" of="8f5c587c"
# Two linear maps in a plain list, or in a list that torch knows.
#     两个线性层，放在普通的列表里，或放在 PyTorch 认得的列表里。
# {'nn.ModuleList' if known else 'plain list':14} {count} numbers to train
#     {'nn.ModuleList' if known else '普通的列表':14} {count} 个要训练的参数

# %% [markdown] lang="en"
# ### Exercise 2: `TransformerEncoderClassifier`
#
# Inner names are yours to choose. What counts is what the model does:
#
# - padding, and the other texts of a batch, change nothing (the mask is needed at two places);
# - `attention_mask=None` means that every position is a token;
# - the order of words counts, every layer has weights of its own, and all arguments are used;
# - dropout acts in train mode only.

# %% [markdown] lang="zh" of="74deeb50"
# ### 练习 2：`TransformerEncoderClassifier`
#
# 内部的名字由你定，要紧的是模型做到什么：
#
# - 填充和同批的其他文本不影响结果（有两处需要掩码）；
# - `attention_mask=None` 表示每个位置都是词元；
# - 词的顺序会影响结果，每一层有自己的权重，`__init__` 的所有参数都用上；
# - dropout 只在训练模式下起作用。

# %% exercise="TransformerEncoderClassifier"
from answers import TransformerEncoderClassifier

# %% [raw] lang="zh" of="b3e2b343"
# Token ids in, one logit per class out.
#     输入词元编号，输出每个类别一个 logit。
#
#     词嵌入、位置编码、num_layers 个编码器层、对词元做带掩码的平均、一个线性层
#
#     input_ids:      (batch, seq)，小于 vocab_size 的整数，seq 最大为 max_len
#     attention_mask: (batch, seq)，1 = 词元，0 = 填充；None 表示每个位置都是词元
#     返回 logits (batch, num_classes)，不做 softmax。
#     出处：Vaswani 等，2017，第 3.1 节的编码器；池化见 Reimers 和 Gurevych，2019，第 4 节。
# TODO 2: make the parts; several layers belong in an nn.ModuleList, so that their weights are found.
#     TODO 2：创建各个部件；多个层要放进 nn.ModuleList，它们的权重才找得到
# TODO 3: embed, add positions, go through the layers, pool, classify
#     TODO 3：词嵌入，加位置，依次通过各层，池化，分类

# %%
check("TransformerEncoderClassifier")

# %% [markdown] lang="en"
# **Look.** Where do the numbers of your model sit? And does a review keep its logits when its batch changes?

# %% [markdown] lang="zh" of="4598fc92"
# **看一看。** 你的模型的参数都分布在哪里？换一个批次，同一条影评的 logits 还一样吗？

# %%
needs("TransformerEncoderClassifier")
sizes = dict(d_model=64, num_heads=4, d_ff=128, num_layers=1, max_len=reviews.QUICK.max_length)
torch.manual_seed(0)
model = TransformerEncoderClassifier(ready.vocab_size, len(corpus.classes), **sizes).eval()
parts = {name: sum(weight.numel() for weight in part.parameters()) for name, part in model.named_children()}
for name, count in parts.items():
    print(f"{name:12} {count:7,} numbers")

batch = next(iter(mixed))
row = int(batch["attention_mask"].sum(dim=1).argmin())  # the shortest text, with the most padding
length = int(batch["attention_mask"][row].sum())
with torch.no_grad():
    together = model(batch["input_ids"], batch["attention_mask"])[row]
    alone = model(batch["input_ids"][row : row + 1, :length])[0]
print("logits in the batch:", together.tolist(), "\nlogits alone:       ", alone.tolist())

# %% [raw] lang="zh" of="de0997a3"
# {name:12} {count:7,} numbers
#     {name:12} {count:7,} 个参数
# the shortest text, with the most padding
#     最短的一条，填充最多
# logits in the batch:
#     批次里的 logits：
# \nlogits alone:
#     \n单独算的 logits：

# %% [markdown] lang="en"
# ## 4. One epoch of training
#
# An **epoch** shows every example once. For each batch: logits, loss, gradient, one step. Two things are easily got wrong.
#
# **Old gradients.** `backward` *adds* to what already stands in `.grad`. Example: $y = 3w$ has the slope 3; after two calls without
# clearing, `.grad` is 6.
#
# **The last batch.** 10 examples in batches of 4, 4 and 2, with mean losses $0.6, 0.5, 0.2$. Per example that is
# $(4 \cdot 0.6 + 4 \cdot 0.5 + 2 \cdot 0.2) / 10 = 0.48$. The mean of the three numbers is $0.433$.

# %% [markdown] lang="zh" of="040f1680"
# ## 4. 训练一轮
#
# 一**轮**（epoch）把每个样本看一遍。每个批次：算 logits、损失、梯度，再更新一步参数。有两个地方容易出错。
#
# **旧的梯度。** `backward` 会把新的梯度**加**到 `.grad` 原有的值上。例如 $y = 3w$ 的斜率是 3；不清零连调两次，`.grad` 就成了 6。
#
# **最后一个批次。** 10 个样本分成 4、4、2 三批，平均损失为 $0.6, 0.5, 0.2$。按样本平均是
# $(4 \cdot 0.6 + 4 \cdot 0.5 + 2 \cdot 0.2) / 10 = 0.48$，而三个数直接平均是 $0.433$。

# %%
w = torch.tensor(1.0, requires_grad=True)
for call in (1, 2):
    (3 * w).backward()
    print(f"after {call} call(s) of backward: w.grad = {w.grad.item()}")
losses, numbers = torch.tensor([0.6, 0.5, 0.2]), torch.tensor([4.0, 4.0, 2.0])
print(f"per example {(losses * numbers).sum() / numbers.sum():.3f}, mean of the batches {losses.mean():.3f}")

# %% [raw] lang="zh" of="fa82702f"
# after {call} call(s) of backward: w.grad = {w.grad.item()}
#     调用 {call} 次 backward 之后：w.grad = {w.grad.item()}
# per example {(losses * numbers).sum() / numbers.sum():.3f}, mean of the batches {losses.mean():.3f}
#     按样本平均 {(losses * numbers).sum() / numbers.sum():.3f}，按批次平均 {losses.mean():.3f}

# %% [markdown] lang="en"
# ### Exercise 3: `train_epoch`
#
# Switch to train mode first. Give the model the ids *and* the mask. `loss_fn(logits, labels)` gives the mean of a batch.
# Return the mean loss per example as a plain number: a tensor would drag its whole graph along.

# %% [markdown] lang="zh" of="14c31af9"
# ### 练习 3：`train_epoch`
#
# 先切换到训练模式。把词元编号和掩码**都**交给模型。`loss_fn(logits, labels)` 给出一个批次的平均。
# 返回所有样本的平均损失，要是一个 Python 数（float）：返回张量会把整张计算图拖在后面。

# %% exercise="train_epoch"
from answers import train_epoch

# %% [raw] lang="zh" of="ea15c384"
# The mean loss per example over one pass through the batches, with one step of the optimizer after each batch.
#     把所有批次过一遍，每个批次之后优化器更新一步，返回所有样本的平均损失。
#
#     model:   以 input_ids 和 attention_mask 调用，给出 logits (batch, num_classes)
#     batches: 由字典组成：input_ids (batch, seq)、attention_mask (batch, seq)、labels (batch,)；最后一个可以小一些
#     loss_fn: (logits, labels) -> 这个批次的平均损失
#     返回一个 float。之前留下的梯度不影响结果。批次保持原样。
# TODO 4: train mode; for each batch: logits, loss, fresh gradients, a step; add up the loss of the examples.
#     TODO 4：训练模式；对每个批次：logits、损失、清零后重算梯度、更新一步；把各样本的损失加起来

# %%
check("train_epoch")

# %% [markdown] lang="en"
# **Look.** A good test of any training loop: can it learn eight texts by heart? Then the loss goes to almost 0.
# If it does not, there is no need to try a corpus.

# %% [markdown] lang="zh" of="79d1a3b6"
# **看一看。** 检验训练循环有个好办法：它能背下八条文本吗？能的话，损失会降到接近 0。
# 如果连这都做不到，就不必去试整个语料了。

# %%
needs("TransformerEncoderClassifier", "train_epoch")
torch.manual_seed(0)
eight = [{name: value[:8] for name, value in batch.items()}]
small = TransformerEncoderClassifier(ready.vocab_size, len(corpus.classes), **sizes)
optimizer = torch.optim.AdamW(small.parameters(), lr=1e-3)
losses = [train_epoch(small, eight, optimizer, nn.CrossEntropyLoss()) for _ in range(25)]
plots.curves(
    range(1, 26),
    {"loss": losses},
    title=f"Eight texts are soon learnt by heart\n({corpus.name}, your encoder, 1 layer, d_model 64)",
    x_label="epoch",
    y_label="loss (nats)",
    marker="o",
)
plt.show()

# %% [markdown] lang="en"
# ## 5. The judge
#
# Accuracy is the share of right predictions. The prediction is the class with the largest logit.
#
# **Worked example:** logits $(0.2, 1.0)$, $(3, -1)$, $(-2, -1)$ and labels $1, 1, 1$. Predicted: $1, 0, 1$. Accuracy $2/3$.
#
# The judge works in **eval mode** (no dropout) and records no gradients. It leaves everything else as it was: the weights,
# and the program's gradient mode. If gradients stayed off after it, the next epoch would learn nothing.

# %% [markdown] lang="zh" of="be74eeb1"
# ## 5. 评估：模型的裁判
#
# 准确率（accuracy）是预测正确的比例。预测就是 logit 最大的那个类别。
#
# **例题：** logits 为 $(0.2, 1.0)$、$(3, -1)$、$(-2, -1)$，标签为 $1, 1, 1$。预测为 $1, 0, 1$，准确率 $2/3$。
#
# 裁判在**评估模式**（eval mode，不做 dropout）下工作，不记录梯度。其他一切都要保持原样：权重不变，整个程序的梯度模式也不变。
# 要是评估之后梯度一直关着，下一轮就什么也学不到了。

# %%
logits, labels = torch.tensor([[0.2, 1.0], [3.0, -1.0], [-2.0, -1.0]]), torch.tensor([1, 1, 1])
winners = logits.max(dim=1).indices
print("predicted", winners.tolist(), "  labels", labels.tolist(), "  right", (winners == labels).tolist())

# %% [raw] lang="zh" of="87cad2bb"
# predicted
#     预测
# labels
#     标签
# right
#     正确

# %% [markdown] lang="en"
# ### Exercise 4: `evaluate`

# %% [markdown] lang="zh" of="959f1874"
# ### 练习 4：`evaluate`

# %% exercise="evaluate"
from answers import evaluate

# %% [raw] lang="zh" of="ea834129"
# The share of examples whose largest logit is that of their label, from 0 to 1.
#     最大的 logit 正好是标签所指类别的样本，占全部样本的比例，在 0 到 1 之间。
#
#     model、batches: 与 train_epoch 相同
#     在评估模式下运行，不算梯度；权重、批次和程序的梯度模式都保持原样。
# TODO 5: eval mode, no gradients; count the right predictions and the examples.
#     TODO 5：评估模式，不算梯度；数出预测正确的个数和样本的个数

# %%
check("evaluate")

# %% [markdown] lang="en"
# **Look.** A model with fresh weights guesses. With two classes of equal size its accuracy should lie near one half.

# %% [markdown] lang="zh" of="b540aee6"
# **看一看。** 权重还没训练的模型只会瞎猜。两个类别一样多时，准确率应在一半左右。

# %%
needs("TransformerEncoderClassifier", "evaluate")
for name, batches in {"held out": ready.validation, "training": ready.train}.items():
    print(f"fresh weights, {name:9} accuracy {evaluate(model, batches):.3f}")

# %% [raw] lang="zh" of="58336b5e"
# fresh weights, {name:9} accuracy {evaluate(model, batches):.3f}
#     刚初始化的权重，{name:9} 准确率 {evaluate(model, batches):.3f}

# %% [markdown] lang="en"
# ## 6. Your own encoder learns
#
# Now all that you wrote since unit 1 works together. First the rival: **TF-IDF** counts words and pairs of words,
# and a logistic regression weighs them. It knows no order beyond a pair. On real reviews it is hard to beat;
# our grammar is made so that order decides.
#
# Before you run it, write down your guess: after how many epochs does your encoder pass it?

# %% [markdown] lang="zh" of="b22ca7ca"
# ## 6. 你的编码器开始学习
#
# 从第 1 单元起你写的一切，现在一起工作。先看对手：**TF-IDF** 统计词和相邻的词对（bigram），再由逻辑回归（logistic regression）给它们加权。
# 除了相邻的两个词，它不知道任何顺序。在真实影评上它很难打败；而我们的文法特意让词序起决定作用。
#
# 运行之前先写下你的猜测：要几轮，你的编码器才能超过它？

# %%
counted = baseline.tfidf_accuracy(ready.rest, corpus.test)
print(f"TF-IDF, {corpus.name}: test accuracy {counted:.3f}")

# %% [raw] lang="zh" of="a42f0084"
# TF-IDF, {corpus.name}: test accuracy {counted:.3f}
#     TF-IDF，{corpus.name}：测试准确率 {counted:.3f}

# %%
needs("TransformerEncoderClassifier", "train_epoch", "evaluate")
torch.manual_seed(0)
model = TransformerEncoderClassifier(ready.vocab_size, len(corpus.classes), **sizes)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
curve = []
for epoch in range(8):
    ready.train.set_epoch(epoch)  # another order each time
    loss = train_epoch(model, ready.train, optimizer, nn.CrossEntropyLoss())
    curve.append((loss, evaluate(model, ready.validation)))
    print(f"epoch {epoch + 1}: loss {loss:.4f}, held-out accuracy {curve[-1][1]:.4f}")
accuracy = evaluate(model, ready.test)
print(f"test accuracy, looked at once: {accuracy:.4f}")

# %% [raw] lang="zh" of="f8b9fbbc"
# another order each time
#     每次换一个顺序
# epoch {epoch + 1}: loss {loss:.4f}, held-out accuracy {curve[-1][1]:.4f}
#     第 {epoch + 1} 轮：损失 {loss:.4f}，验证准确率 {curve[-1][1]:.4f}
# test accuracy, looked at once: {accuracy:.4f}
#     测试准确率（只看这一次）：{accuracy:.4f}

# %% role="picture"
needs("TransformerEncoderClassifier", "train_epoch", "evaluate")
from course_utils.statistics import accuracy_interval

interval = accuracy_interval(round(accuracy * len(corpus.test)), len(corpus.test))
plots.histories(
    {"your encoder (held out)": [held for _, held in curve]},
    title=f"Your encoder and the word counter\n({corpus.name}, 1 layer, d_model 64, random weights at the start)",
    y_label="accuracy",
    levels={"TF-IDF, logistic regression (test)": counted},
    final=("your encoder (test)", accuracy, interval),
)
plt.show()

# %% [markdown] lang="en"
# The whisker is a 95% interval (Wilson's): with so many test texts, an accuracy is known no better than this.
# Did your encoder pass TF-IDF, and after how many epochs? Compare with your guess.
#
# ## 7. The report's curve, and a trap
#
# The report that this course grew from trained such an encoder on IMDB for five epochs, and looked at the *test* set after each:
# loss 0.5853, 0.3723, 0.3083, 0.2682, 0.2421; test accuracy 0.8268, 0.8255, 0.8488, 0.8478, 0.8432.
#
# It is another corpus, so do not compare the heights. Compare the shapes. In the report the training loss falls to the end,
# while the accuracy stops rising after the third epoch: what is still learnt there no longer helps with new texts.
# This is how **overfitting** begins.

# %% [markdown] lang="zh" of="bef89555"
# 竖线是 95% 置信区间（confidence interval，这里用威尔逊（Wilson）区间）：测试文本只有这么多，准确率也就只能估计到这个精度。
# 你的编码器超过 TF-IDF 了吗？用了几轮？和你的猜测比一比。
#
# ## 7. 报告的曲线，以及一个陷阱
#
# 本课程源自一份实验报告。它在 IMDB 上把这样的编码器训练了五轮，每一轮之后都看了**测试集**：
# 损失 0.5853、0.3723、0.3083、0.2682、0.2421；测试准确率 0.8268、0.8255、0.8488、0.8478、0.8432。
#
# 语料不同，所以不要比高低，要比形状。报告的训练损失一直降到最后，准确率却在第三轮之后不再上升：
# 这时学到的东西，对没见过的文本已经没有帮助。**过拟合**（overfitting）就是这样开始的。

# %% role="picture"
needs("TransformerEncoderClassifier", "train_epoch", "evaluate")
left, right = plots.panels(2, width=11)
for ax, mine, theirs, what in (
    (left, [loss for loss, _ in curve], film_reviews.REPORT_LOSS, "training loss (nats)"),
    (right, [held for _, held in curve], film_reviews.REPORT_ACCURACY, "accuracy"),
):
    plots.histories(
        {f"you ({corpus.name})": mine, "the report (IMDB)": theirs},
        title="Loss falls on ..." if ax is left else "... while accuracy stands still",
        y_label=what,
        ax=ax,
    )
plt.show()

# %% [markdown] lang="en"
# Whoever names the best of five test accuracies (0.8488) as the result has *chosen on the test set*. Each test is partly luck,
# and the best of five is a lucky one.
#
# **Worked example:** five models that are all equally good, 0.845, each tested on $n = 1000$ texts of its own. A single test is off
# by about $\sqrt{0.845 \cdot 0.155 / 1000} = 0.0114$. The best of five lies on average 1.16 times that *too high*: 1.3 points.
# With $n = 25{,}000$ it is 0.3 points.
#
# The cell draws it. (The epochs of one run share texts and weights. They differ less by luck, so the best of them flatters less.)

# %% [markdown] lang="zh" of="a18dfae2"
# 谁要是把五个测试准确率里最好的一个（0.8488）当作结果，就等于**在测试集上做了挑选**。每次测试都有运气的成分，
# 五个里最好的那个，往往是碰巧走运的。
#
# **例题：** 五个模型其实一样好，都是 0.845，各用自己的 $n = 1000$ 条文本测试。单次测试的误差约为
# $\sqrt{0.845 \cdot 0.155 / 1000} = 0.0114$，五次中的最好值平均**偏高**这个数的 1.16 倍，即 1.3 个百分点。
# $n = 25{,}000$ 时，则是 0.3 个百分点。
#
# 下面把它画出来。（同一次训练的各轮共用文本和权重，各轮的运气差别不大，所以实际的虚高要小一些。）

# %%
torch.manual_seed(0)
gains = {}
for number in (1_000, 25_000):
    right_ones = torch.distributions.Binomial(number, torch.tensor(0.845)).sample((400, 5))
    gains[f"{number:,} test texts"] = 100 * (right_ones.amax(dim=1) / number - 0.845)
plots.points_by_group(
    gains,
    title="The best of five equal models looks better than it is\n(400 draws of five tests each, true accuracy 0.845)",
    x_label="size of the test set",
    y_label="best of five minus truth (points)",
    point_label="one choice",
    lines={"truth": 0.0},
)
plt.show()

# %% [markdown] lang="en"
# So: choose on held-out texts, look at the test set once, and repeat with other seeds. A **seed** fixes all that is random in a run:
# the first weights, the order of the texts, the dropout.
#
# From here on the course's library does the work. Its encoder is like yours, but made of torch's blocks and with learned positions.
# Its loop is like yours, with more around it: warm-up and clipping (unit 8), bfloat16 where the machine is fast in it, several seeds.

# %% [markdown] lang="zh" of="73884271"
# 所以：在验证集上挑选，测试集只看一次，再换几个**随机种子**（seed）重复。种子决定了一次训练中所有随机的东西：
# 初始权重、文本的顺序、dropout。
#
# 从这里起，训练交给课程的库来做。它的编码器和你的相仿，只是用 torch 的现成模块搭成，位置是学出来的。
# 它的循环也和你的相仿，外面多了几样：预热（warm-up）和梯度裁剪（gradient clipping，都见第 8 单元）、机器算 bfloat16 够快时就用它、跑好几个种子。

# %%
found = run("learning_curves", Study(place=PLACE, seeds=2))
plt.show()
print(f"test accuracy, mean of {len(found.head['test_accuracy'])} seeds: {found.head['mean']:.3f}")

# %% [raw] lang="zh" of="147dcd6e"
# test accuracy, mean of {len(found.head['test_accuracy'])} seeds: {found.head['mean']:.3f}
#     测试准确率，{len(found.head['test_accuracy'])} 个种子的平均：{found.head['mean']:.3f}

# %% [markdown] lang="en"
# ## 8. What is each part worth?
#
# An **ablation** takes one thing away and leaves the rest as it is. Five encoders, two seeds each, and whiskers that are 95% intervals
# over seeds: where may the mean of very many seeds lie?
#
# **Worked example.** Two seeds give 0.93 and 0.95. Their standard deviation is 0.0141, so their mean 0.94 has a standard error of
# $0.0141 / \sqrt 2 = 0.01$. From two runs one knows little about how far runs stray, so Student's factor for 95% is 12.7:
# the interval is $0.94 \pm 0.127$ and reaches above 1. With three runs the factor is 4.3, with five 2.8.
#
# Guess before you run it: which part costs most when it is gone?

# %% [markdown] lang="zh" of="d835f358"
# ## 8. 每个部件值多少？
#
# **消融**（ablation）实验每次只拿掉一样，其余不变。这里有五个编码器，每个跑两个种子。横线是 95% 置信区间，由各个种子的结果算出：假如跑很多很多个种子，平均会落在哪里？
#
# **例题：** 两个种子的准确率是 0.93 和 0.95，标准差 0.0141，平均 0.94 的标准误（standard error）是 $0.0141 / \sqrt 2 = 0.01$。
# 只跑两次，很难知道各次之间会差多少，所以 95% 对应的 t 分布（Student 分布）系数高达 12.7：区间是 $0.94 \pm 0.127$，已经超出了准确率的上限 1。
# 跑三次时系数是 4.3，五次时是 2.8。
#
# 运行之前先猜一猜：少了哪个部件，准确率掉得最多？

# %%
found = ablation.ablation(Study(place=PLACE, seeds=2), ablation.SHORT)
plt.show()
found.table.round(3)

# %% [markdown] lang="en"
# Read the table with its intervals: where two whiskers overlap widely, two seeds do not tell which encoder is better. The column
# `difference` compares each encoder with the whole one seed by seed. For more seeds, `course experiment ablation --seeds 5` in a terminal
# takes all ten encoders (also one head, no LayerNorm, max pooling, two and four layers). It can be stopped and goes on later.
#
# How much positions matter depends on the texts: this grammar was made so that order decides. An ablation speaks of a model *and*
# its corpus.

# %% [markdown] lang="zh" of="5ea003ba"
# 看这张表要连同区间一起看：两条横线重叠很多时，两个种子说明不了哪个编码器更好。`difference` 一列是同一个种子下与完整编码器之差的平均。
# 想多跑几个种子，可以在终端里运行 `course experiment ablation --seeds 5`，它会跑全部十个编码器
# （还有单头、去掉 LayerNorm、最大池化、两层和四层），随时可以停下，以后再接着跑。
#
# 位置有多重要，要看是什么文本：这里的文法特意让词序起决定作用。消融实验的结论，说的是一个模型**连同**它的语料。

# %% [markdown] lang="en"
# ## 9. What does length cost?
#
# Attention compares every position with every other: the table of weights holds $seq^2$ numbers. **Worked example:** 128 tokens
# make $16{,}384$ weights for each head, 1,024 tokens $1{,}048{,}576$: eight times the text, 64 times the table.
#
# The cell measures what 1,000 tokens cost in an LSTM, a CNN and a Transformer, as texts grow longer. A flat line means that a text
# twice as long costs twice as much; a rising line, that it costs more than that. The Transformer is measured twice: once it keeps
# its table of weights, once torch's fused attention works it off in pieces and never holds it.

# %% [markdown] lang="zh" of="90227d76"
# ## 9. 长度的代价
#
# 注意力把每个位置和其他所有位置比较：权重表有 $seq^2$ 个数。**例题：** 128 个词元时每个头有 $16{,}384$ 个权重，
# 1,024 个词元时是 $1{,}048{,}576$ 个：文本长度是原来的 8 倍，表是原来的 64 倍。
#
# 下面测量文本变长时，LSTM、CNN 和 Transformer 处理每 1,000 个词元的代价。水平线表示文本长一倍，代价也大一倍；
# 上升的线表示代价增长得更快。Transformer 测两次：一次把权重表保存下来，一次用 torch 的融合注意力（fused attention），分块计算，从不保存整张表。

# %%
found = run("cost_of_length", Study())
plt.show()

# %% [markdown] lang="en"
# ## 10. A far-away word decides
#
# What do we get for it? In these made-up texts two words decide together, and everything between them is filler.
# Each of the two alone says nothing. How long is the way from one to the other? In attention it is one step, at any distance.
# In an LSTM it is one step *per word*. This CNN has two layers with windows of 5 words, which together span a distance of 8 words;
# beyond that there is no way at all. (Each model is trained with one seed only, so take the figure as a hint.)

# %% [markdown] lang="zh" of="78bb5e22"
# ## 10. 远处的一个词决定一切
#
# 付出这样的代价，换来了什么？在下面的人造文本里，两个词合起来才决定类别，中间全是填充词，单看其中一个毫无用处。
# 从一个词到另一个词，路有多长？注意力不论多远都只要一步。LSTM **每个词**要走一步。这里的 CNN 有两层，窗口各宽 5 个词，
# 合起来能跨过 8 个词的距离，再远就完全没有路。（每个模型只用一个种子训练，所以这张图只能当作线索。）

# %%
found = run("far_word", Study(seeds=1))
plt.show()

# %% [markdown] lang="en" question="q6_versus_rnn_cnn"
# ## Thinking question 6
#
# Where does a Transformer beat RNN and CNN, and why is it said to suit long texts? What does it pay for that, and what can be done
# about it, or where are RNN and CNN still ahead?
#
# Write six to ten sentences of your own, and name one thing from each of the two figures above.

# %% [markdown] lang="zh" question="q6_versus_rnn_cnn" of="dadf1065"
# ## 思考题 6
#
# Transformer 在哪些方面胜过 RNN 和 CNN？为什么说它适合长文本？它为此付出了什么代价？
# 对此有什么办法，或者 RNN 和 CNN 在哪里仍占上风？
#
# 请用自己的话写六到十句，并从上面两张图中各引用一个现象。

# %% [markdown] lang="en"
# ## 11. What we got on real reviews
#
# All figures above (except the report's line) are of texts that nobody wrote. On IMDB we ran the study of section 7 with three seeds and
# another recipe, which was chosen on held-out training reviews. If the course's folder is at hand, the cell shows our numbers.
# Before you look: who wins on real reviews, the encoder or TF-IDF?
#
# To repeat it with your own copy of IMDB: `course experiment imdb_from_scratch --seeds 3`. All results, and how long they took, are in `docs/results.md`.

# %% [markdown] lang="zh" of="c811ba21"
# ## 11. 我们在真实影评上的结果
#
# 上面所有的图（报告的那条线除外）用的都不是人写的文本。我们在 IMDB 上用三个种子跑了第 7 节的实验，训练设置另选了一套，而且只根据从训练集中留出的影评来选。如果课程的文件夹在手边，下面会显示我们得到的数。
# 先猜一猜：在真实影评上，胜出的是编码器还是 TF-IDF？
#
# 想用自己的 IMDB 重复一遍：`course experiment imdb_from_scratch --seeds 3`。全部结果和所用时间见 `docs/results.md`。

# %%
from course_utils.studies import our_result

ours = our_result("imdb_from_scratch")
if ours is None:
    print("results/imdb_from_scratch.json is not near; it stands in the course's repository")
else:
    low, high = ours["interval"]
    print(f"{ours['corpus']}: {ours['train_size']:,} reviews to learn from, {ours['test_size']:,} to test on")
    print(f"encoder from random weights: {ours['mean']:.4f} (95% interval {low:.4f} to {high:.4f})")
    for name, value in ours["baseline"].items():
        print(f"{name}: {value:.4f}")

# %% [raw] lang="zh" of="c194f088"
# results/imdb_from_scratch.json is not near; it stands in the course's repository
#     附近没有 results/imdb_from_scratch.json；它在课程的仓库里
# {ours['corpus']}: {ours['train_size']:,} reviews to learn from, {ours['test_size']:,} to test on
#     {ours['corpus']}：{ours['train_size']:,} 条影评用来学习，{ours['test_size']:,} 条用来测试
# encoder from random weights: {ours['mean']:.4f} (95% interval {low:.4f} to {high:.4f})
#     从随机权重训练的编码器：{ours['mean']:.4f}（95% 区间 {low:.4f} 到 {high:.4f}）

# %% [markdown] lang="en"
# On real reviews the linear model of words and pairs of words stays ahead of our small encoder: there, which words stand in a review
# says nearly all. That is why this unit has texts of its own, in which order decides.

# %% [markdown] lang="zh" of="4e14a9b1"
# 在真实影评上，统计词和词对的线性模型仍领先于我们的小编码器：在那里，光看用了哪些词，几乎就能判断褒贬。
# 所以这一单元才自备了由词序起决定作用的文本。

# %% [markdown] lang="en"
# ## What you can do now
#
# - pool token vectors so that padding has no say
# - put positions, layers and a head together into a classifier, and test what must not matter
# - write a training loop and a judge, and name the mistakes that raise no error
# - say what an accuracy is worth: an interval, several seeds, nothing chosen on the test set
#
# In the next unit you do not start from random weights any more: you take a BERT that has read a great deal.

# %% [markdown] lang="zh" of="6903c0e3"
# ## 这一单元的收获
#
# - 把词元向量池化成一个向量，不让填充掺进来
# - 把位置、编码器层和分类头拼成分类器，并检验那些不该有影响的东西
# - 写出训练循环和裁判，说得出哪些错误不会报错
# - 说清一个准确率有多可信：有区间、多个种子、不在测试集上挑选
#
# 下一单元不再从随机权重开始：你将使用一个已经读过大量文字的 BERT。
