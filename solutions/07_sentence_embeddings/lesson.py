# %% [markdown] lang="en"
# # Unit 7: Sentences in context
#
# So far one text gave one vector. But a document has many sentences, and often you want a vector for *each* of them:
# to search in it, to find what repeats, to find where the topic changes.
#
# **You will build** `pack_sentences`, which puts sentences into blocks that an encoder can read at once, and
# `sentence_embeddings`, which pools each sentence out of its block. Then you ask whether a sentence gets a better vector if its
# neighbours are read along with it.
#
# **Time:** about 50 minutes of your own; all cells together run in less than three minutes on two cores.
#
# **You need before:** what mean pooling is (unit 4 or 5). Nothing is trained here. Without a network the encoder is
# the small BERT that was installed with the course.

# %% [markdown] lang="zh" of="9a4abe73"
# # 第 7 单元：上下文中的句子
#
# 到目前为止，一段文本得到一个向量。可是一篇文档有许多句子，我们常常想让**每个**句子都有自己的向量：
# 在文档里检索，找出重复的内容，或者找到话题从哪里转换。
#
# **你要写出** `pack_sentences`，把句子装进编码器一次能读下的块；以及 `sentence_embeddings`，从块里为每个句子池化（pooling）出一个向量。
# 然后我们问：连同前后的句子一起读，句子的向量会不会更好？
#
# **时间：** 自己动手约 50 分钟；全部单元格在双核电脑上不到三分钟跑完。
#
# **预备知识：** 什么是平均池化（第 4 或第 5 单元）。这里不训练任何模型。没有网络时，
# 编码器就是随课程一起装好的小 BERT。

# %% role="setup"
import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torch.nn import functional as F

from course_utils import models, plots
from course_utils.corpora import documents
from course_utils.selfcheck import check, hint, needs, question, solution, status

SPECIAL_TOKENS = 2  # [CLS] in front of a block and [SEP] behind it

# %% [raw] lang="zh" of="78405bdd"
# [CLS] in front of a block and [SEP] behind it
#     块前面的 [CLS] 和后面的 [SEP]

# %% [markdown] lang="en"
# ## 1. A document is more than its sentences
#
# Here is a short document, cut into sentences and counted from 0. Read number 6 alone: *It was stuck there for two days, because the
# battery was empty.* What was stuck, and where? Only the neighbours tell.
#
# An encoder reads at most 512 tokens at once. A long document does not fit, and sentences one by one lose their neighbours.
# The middle way: **blocks** of several consecutive sentences.

# %% [markdown] lang="zh" of="15736818"
# ## 1. 文档不只是一堆句子
#
# 下面是一篇短文，已经切成句子，从 0 开始编号。单独读第 6 号：*It was stuck there for two days, because the battery was empty.*
# （它在那里卡了两天，因为电池没电了。）是什么卡住了？卡在哪里？看了前后的句子才知道。
#
# 编码器一次最多读 512 个词元（token）。长文档放不下，而一句一句地读又丢了上下文。
# 折中的办法是：把几个相邻的句子合成一个**块**（block）。

# %%
encoder = models.load_encoder()  # load_encoder("embedded") takes the package's, whatever else is at hand
title = "The robot"
sentences = documents.split_sentences(documents.DOCUMENTS[title])
lengths = [len(tokens) for tokens in documents.token_ids(encoder.tokenizer, sentences)]
for number, (sentence, length) in enumerate(zip(sentences, lengths, strict=True)):
    print(f"{number}  {length:>2} tokens  {sentence}")

# %% [raw] lang="zh" of="85bcd52b"
# load_encoder("embedded") takes the package's, whatever else is at hand
#     load_encoder("embedded") 总是用随课程安装的那个
# {number}  {length:>2} tokens  {sentence}
#     {number}  {length:>2} 个词元  {sentence}

# %% [markdown] lang="en"
# ## 2. Packing
#
# The rule is **greedy**: put the next sentence into the present block as long as it fits, otherwise start a new block.
# Each block also carries `[CLS]` in front and `[SEP]` behind, so of `max_tokens` only `max_tokens - 2` are left.
# A `max_tokens` below 3 leaves room for no token: raise a `ValueError`.
#
# **Worked example.** Sentences of 5, 4, 6, 20 and 3 tokens, `max_tokens` 12, so there is room for 10.
#
# | sentence | tokens | used before | fits? | block |
# | --- | --- | --- | --- | --- |
# | 0 | 5 | 0 | yes | 0 |
# | 1 | 4 | 5 | yes, 9 of 10 | 0 |
# | 2 | 6 | 9 | no | 1 |
# | 3 | 20 | 6 | no, and never will: it stands alone | 2 |
# | 4 | 3 | 20 | no | 3 |
#
# Result: `[[0, 1], [2], [3], [4]]`.

# %% [markdown] lang="zh" of="4d69b6df"
# ## 2. 打包
#
# 规则是**贪心**（greedy）：下一个句子放得下就放进当前块，放不下就另起一块。
# 每块前后还各有一个 `[CLS]` 和 `[SEP]`，所以 `max_tokens` 里真正留给句子的是 `max_tokens - 2`。
# `max_tokens` 小于 3 时，一个词元也放不下，这时要抛出 `ValueError`。
#
# **例题：** 五个句子分别有 5、4、6、20、3 个词元，`max_tokens` 为 12，即有 10 个位置。
#
# | 句子 | 词元数 | 之前已用 | 放得下吗 | 块 |
# | --- | --- | --- | --- | --- |
# | 0 | 5 | 0 | 放得下 | 0 |
# | 1 | 4 | 5 | 放得下，用了 9 个 | 0 |
# | 2 | 6 | 9 | 放不下 | 1 |
# | 3 | 20 | 6 | 放不下，换哪一块都放不下：单独成块 | 2 |
# | 4 | 3 | 20 | 放不下 | 3 |
#
# 结果：`[[0, 1], [2], [3], [4]]`。

# %% exercise="pack_sentences"
from answers import pack_sentences

# %% [raw] lang="zh" of="eabd2af3"
# The sentences' indices in blocks: consecutive sentences together as long as they fit.
#     把句子的下标分进各个块：相邻的句子放在一起，直到放不下为止。
#
#     一个块里，句子的词元最多有 max_tokens - 2 个，给 [CLS] 和 [SEP] 留出位置。句子从不切开：
#     比这还长的句子单独占一块。没有句子时返回 []。
#
#     lengths:    每个句子的词元数，不含特殊词元，至少为 1
#     max_tokens: 编码器一次能读的词元数，含特殊词元
#     返回由下标列表组成的列表：第 0 块里是最前面的句子。
#     max_tokens < 3 时抛出 ValueError，因为一个词元也放不下。
# TODO 1: refuse a max_tokens that leaves no room; then walk over the sentences and fill block after block
#     TODO 1：max_tokens 小得放不下词元就报错；然后逐句往下走，一块接一块地装

# %%
check("pack_sentences")

# %% [markdown] lang="en"
# ### A look: how full are the blocks?
#
# The document of above, packed with three different sizes. Each colour is a sentence, grey is room that stays empty.
# How many sentences have a neighbour on both sides in their block?

# %% [markdown] lang="zh" of="7a34a166"
# ### 看一看：块装得多满？
#
# 把上面的文档按三种大小打包。每种颜色是一个句子，灰色是空着的位置。
# 有多少个句子在自己的块里前后都有别的句子？

# %% role="picture"
needs("pack_sentences")
figure, panels = plt.subplots(1, 3, figsize=(13, 3.4), layout="constrained")
for max_tokens, panel in zip((20, 44, 96), panels, strict=True):
    blocks = pack_sentences(lengths, max_tokens)
    for row, block in enumerate(blocks):
        start = 1
        for number in block:
            colour = plots.OKABE_ITO[number % 6]
            panel.barh(row, lengths[number], left=start, color=colour, edgecolor="white")
            panel.text(start + lengths[number] / 2, row, number, ha="center", va="center", color="white")
            start += lengths[number]
        panel.barh(row, max(0, max_tokens - 1 - start), left=start, color=plots.PADDING_COLOUR)
    panel.axvline(max_tokens - 1, color="black", linestyle=":")
    panel.invert_yaxis()
    panel.set(title=f"max_tokens {max_tokens}: {len(blocks)} blocks", xlabel="tokens", ylabel="block")
    panel.set_yticks(range(len(blocks)))
figure.suptitle(f'Larger blocks hold more neighbours ("{title}" of the {documents.NAME}, tokens of {encoder.name})')
plt.show()

# %% [markdown] lang="en"
# ## 3. Remembering where each sentence stands
#
# The encoder gives one vector for each *place* of the block. To find a sentence again we note its **span**: its first place
# and the place behind its last, as in a slice. `[CLS]` stands at place 0, so the first sentence starts at 1.
#
# **Worked example.** Sentences of 5 and 4 tokens: spans (1, 6) and (6, 10), and `[SEP]` stands at place 10.
#
# `documents.join_sentences` does this. Look at its result for one block.

# %% [markdown] lang="zh" of="4ce3afce"
# ## 3. 记住每个句子的位置
#
# 编码器为块里的每个**位置**给出一个向量。为了再找到某个句子，我们记下它的**跨度**（span）：
# 第一个位置，以及最后一个位置的后面一位，和切片一样。`[CLS]` 在第 0 位，所以第一个句子从 1 开始。
#
# **例题：** 两个句子有 5 个和 4 个词元：跨度是 (1, 6) 和 (6, 10)，`[SEP]` 在第 10 位。
#
# `documents.join_sentences` 做的就是这件事。看看它对一个块给出的结果。

# %%
needs("pack_sentences")
blocks = pack_sentences(lengths, 44)
block = documents.join_sentences(encoder.tokenizer, [sentences[number] for number in blocks[0]])
names = encoder.tokenizer.convert_ids_to_tokens(block.input_ids)
print(len(block.input_ids), "places, the first one", names[0], "and the last one", names[-1])
for number, (start, end) in zip(blocks[0], block.spans, strict=True):
    print(f"sentence {number}, span ({start}, {end}):", " ".join(names[start:end]))

# %% [raw] lang="zh" of="13b44791"
# places, the first one
#     个位置，第一个是
# and the last one
#     ，最后一个是
# sentence {number}, span ({start}, {end}):
#     句子 {number}，跨度 ({start}, {end})：

# %% [markdown] lang="en"
# ## 4. A vector for each sentence
#
# Now the pooling. For each span take the rows `hidden[start:end]` and average them. No `[CLS]`, no `[SEP]`, no neighbour.
#
# **Worked example.** Four places, two columns: (1, 1), (2, 0), (4, 2), (9, 9). The span (1, 3) has the rows (2, 0) and (4, 2),
# so its vector is (3, 1). The span (1, 5) would end behind the last place. A slice would not complain, it would quietly
# take fewer rows; here it is a `ValueError`, because it mostly means that a block was cut off somewhere.

# %% [markdown] lang="zh" of="49ce5242"
# ## 4. 每个句子一个向量
#
# 现在做池化。对每个跨度，取出各行 `hidden[start:end]`，再求平均。不含 `[CLS]` 和 `[SEP]`，也不含前后的句子。
#
# **例题：** 四个位置，两列：(1, 1)、(2, 0)、(4, 2)、(9, 9)。跨度 (1, 3) 对应 (2, 0) 和 (4, 2) 两行，
# 所以向量是 (3, 1)。跨度 (1, 5) 的终点超出了最后一个位置。切片不会报错，只会悄悄少取几行；
# 这里要抛出 `ValueError`，因为这多半说明块在什么地方被截断了。

# %% exercise="sentence_embeddings"
from answers import sentence_embeddings

# %% [raw] lang="zh" of="fcfeb9bc"
# A vector for each sentence of a block: the mean over its tokens' vectors.
#     块里每个句子一个向量：它的各词元向量的平均。
#
#     第 i 行是 hidden[start:end] 的平均，其中 spans[i] = (start, end)；梯度能传回 hidden。
#
#     hidden: (seq, hidden_size)，编码器对一个块给出的向量
#     spans:  每个句子从哪里开始、到哪里为止：0 <= start < end <= seq
#     返回 (len(spans), hidden_size)；没有跨度时返回 (0, hidden_size)。
#     跨度为空或越界时抛出 ValueError。
# TODO 2: refuse spans that are empty or out of range; then average each span's rows, and stack the means
#     TODO 2：跨度为空或越界就报错；然后对每个跨度的各行求平均，再叠起来

# %%
check("sentence_embeddings")

# %% [markdown] lang="en"
# ### A look: from text to vectors
#
# All steps together: pack, join, encode each block once, pool each sentence. The vectors come back in the document's order,
# because packing keeps the order. `max_tokens` decides how much of its surroundings a sentence gets to see.

# %% [markdown] lang="zh" of="578cdbf2"
# ### 看一看：从文本到向量
#
# 把所有步骤连起来：打包，拼接，每个块编码一次，再把每个句子池化出来。打包时保持了顺序，
# 所以得到的向量就是文档里的顺序。`max_tokens` 决定一个句子能看到多大范围的上下文。


# %%
needs("pack_sentences", "sentence_embeddings")


def embed(sentences: list[str], max_tokens: int) -> Tensor:
    """A vector for each sentence (sentences, hidden_size), each read together with its block."""
    lengths = [len(tokens) for tokens in documents.token_ids(encoder.tokenizer, sentences)]
    vectors = []
    for numbers in pack_sentences(lengths, max_tokens):
        block = documents.join_sentences(encoder.tokenizer, [sentences[number] for number in numbers])
        with torch.no_grad():
            hidden = encoder.model(input_ids=torch.tensor([block.input_ids])).last_hidden_state[0]
        vectors.append(sentence_embeddings(hidden, block.spans))
    return torch.cat(vectors)


in_context = embed(sentences, max_tokens=256)  # the whole document in one block
in_isolation = embed(sentences, max_tokens=3)  # no sentence fits beside another one
print("in context:", tuple(in_context.shape), " in isolation:", tuple(in_isolation.shape))

# %% [raw] lang="zh" of="c55916a7"
# A vector for each sentence (sentences, hidden_size), each read together with its block.
#     每个句子一个向量 (sentences, hidden_size)，都是连同所在的块一起读的。
# the whole document in one block
#     整篇文档放在一个块里
# no sentence fits beside another one
#     哪两个句子都放不进同一块
# in context:
#     有上下文：
# in isolation:
#     没有上下文：

# %% [markdown] lang="en"
# ## 5. In context and in isolation
#
# The same sentences, the same encoder, the same pooling. Only the neighbours differ. How alike are the sentences now?
# The **cosine similarity** of two vectors is 1 where they point the same way and 0 where they stand at a right angle.
# **Example:** $(3, 4)$ and $(4, 3)$ have the dot product 24 and both the length 5, so the cosine is $24 / 25 = 0.96$.

# %% [markdown] lang="zh" of="872b856b"
# ## 5. 有上下文与没有上下文
#
# 同样的句子，同样的编码器，同样的池化，不同的只是有没有前后的句子。这些句子现在彼此有多像？
# 两个向量的**余弦相似度**（cosine similarity）在方向相同时为 1，互相垂直时为 0。
# **例子：** $(3, 4)$ 与 $(4, 3)$ 的点积是 24，长度都是 5，所以余弦是 $24 / 25 = 0.96$。

# %%
needs("pack_sentences", "sentence_embeddings")
figure, panels = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
for (name, vectors), panel in zip(
    {"In isolation": in_isolation, "In context": in_context}.items(), panels, strict=True
):
    unit = F.normalize(vectors, dim=1)
    likeness = unit @ unit.T
    others = likeness[~torch.eye(len(unit), dtype=torch.bool)]
    plots.heat_map(
        likeness,
        title=f"{name}: mean {others.mean():.2f}",
        x_label="sentence",
        y_label="sentence",
        value_label="cosine similarity",
        limits=(0.0, 1.0),
        write_values=".1f",
        ax=panel,
    )
figure.suptitle(f'Neighbours make sentences alike ("{title}" of the {documents.NAME}, encoder {encoder.name})')
plt.show()

# %% [markdown] lang="en"
# Which sentence is changed most by its neighbours? Compare each sentence's two vectors. Look at the sentences at the top and
# at the bottom of the list: what do those at the top lack when they stand alone?

# %% [markdown] lang="zh" of="f9951864"
# 哪个句子被前后的句子改变得最多？把每个句子的两个向量比一比。看看列表最上面和最下面的句子：
# 最上面的那些，单独放着时缺了什么？

# %%
needs("pack_sentences", "sentence_embeddings")
kept = F.cosine_similarity(in_context, in_isolation, dim=1)
for number in kept.argsort().tolist():
    print(f"{kept[number]:.2f}  {sentences[number]}")

# %% [markdown] lang="en"
# ## 6. Does context help a search?
#
# The proof of a vector is its use. There are six documents of our own with 59 sentences, and 38 questions; each question asks for
# one sentence. The sentence whose vector has the largest cosine with the question's vector comes first. Is it the right one?
#
# Some sentences say by themselves what they are about, others need their neighbours (*It came second among forty teams*).
# A **window** moves over the documents: each sentence is encoded with 0, 1, 2 or 3 neighbours on each side, or with its whole
# document, and only its own tokens are pooled. What do you expect for the two kinds of sentences?
# (In a terminal: `course experiment sentence_context`.)

# %% [markdown] lang="zh" of="3da82355"
# ## 6. 上下文对检索有帮助吗？
#
# 向量好不好，要看用起来怎样。我们自己写了六篇短文，共 59 个句子，还有 38 个问题，每个问题要找的是其中一个句子。
# 与问题的向量余弦最大的句子排在第一。排在第一的是要找的那句吗？
#
# 有些句子单独就能看懂，有些要靠前后的句子（*It came second among forty teams*，它在四十支队伍中得了第二）。
# 让一个**窗口**（window）在文档上移动：每个句子连同前后各 0、1、2、3 个句子，或者连同整篇文档一起编码，
# 但只池化它自己的词元。对这两类句子，你预计会怎样？
# （也可以在终端运行：`course experiment sentence_context`。）

# %%
from course_utils.studies import Study, sentence_context

found = sentence_context.search(Study(), encoder)
sentence_context.draw(found)
plt.show()
sentence_context.table(found)

# %% [markdown] lang="en"
# The intervals are wide: 38 questions are few. So look at the pairs before you believe a difference. McNemar's test (unit 5) looks only
# at the questions that one way answers and the other does not. **Example:** 6 against 0 gives $p = 0.031$: so
# rarely does a coin fall the same way six times. But five ways make ten pairs, and corrected for ten (`p_holm`) it may be as large as 0.31.
#
# Which differences do these data allow you to claim? How many questions would you write to know more?

# %% [markdown] lang="zh" of="d7be325b"
# 区间很宽：38 个问题太少了。所以在相信某个差别之前，先看看成对的比较。McNemar 检验（第 5 单元）只看一种做法答对、
# 另一种答错的问题。**例子：** 6 比 0 给出 $p = 0.031$：抛六次硬币，六次都是同一面，就是这么少见。
# 可是五种做法有十对，为此校正之后（`p_holm`），它最多会变成 0.31。
#
# 这些数据支持你断定哪些差别？想知道得更多，你要再写多少个问题？

# %%
for test in sentence_context.paired_tests(found):
    if test.a == "alone":
        print(f"{test.a} against {test.b}: difference {test.difference:+.2f}, p {test.p:.3f}, p_holm {test.p_holm:.3f}")

# %% [raw] lang="zh" of="c6d9edef"
# {test.a} against {test.b}: difference {test.difference:+.2f}, p {test.p:.3f}, p_holm {test.p_holm:.3f}
#     {test.a} 与 {test.b}：相差 {test.difference:+.2f}，p {test.p:.3f}，p_holm {test.p_holm:.3f}

# %% [markdown] lang="en"
# ### Ask your own question
#
# Write a question about the robot and see which sentences come first, with and without context. Try one with "it" in the
# answer, and one in other words than the document's.

# %% [markdown] lang="zh" of="14e191d3"
# ### 提你自己的问题
#
# 用英文写一个关于机器人的问题（这个编码器只学过英文，汉字大多变成 `[UNK]`），看看有上下文和没有上下文时，分别是哪些句子排在最前。
# 试一个答案里有“it”的问题，再试一个用词和文档不同的问题。

# %%
needs("pack_sentences", "sentence_embeddings")
own_question = "Why did the machine stay in the tree?"
asked = F.normalize(embed([own_question], 64), dim=1)
for name, vectors in {"in isolation": in_isolation, "in context": in_context}.items():
    scores = (F.normalize(vectors, dim=1) @ asked.T).squeeze(1)
    print(name)
    for number in scores.argsort(descending=True)[:3].tolist():
        print(f"   {scores[number]:.2f}  {sentences[number]}")

# %% [markdown] lang="en" question="q8_document"
# ## Thinking question 8
#
# A document has many sentences, and you want an embedding of each of them from BERT. How do you go about it? Name each step
# from the text to the vectors and what has to be kept in mind at it. Say what context changes, with a number that you saw in
# this unit, and name one limit and a way out of it.

# %% [markdown] lang="zh" question="q8_document" of="2f9f51e9"
# ## 思考题 8
#
# 一篇文档包括多个句子，你需要用 BERT 得到其中每个句子的嵌入表示（embedding）。应该怎么做？请说出从文本到向量的每一步，
# 以及每一步要注意什么；说明上下文会改变什么，并引用你在本单元看到的一个数；再指出一个局限和一种对策。

# %% [markdown] lang="en"
# ## What you have now
#
# A way from a document of any length to a vector for each of its sentences, and a feeling for what neighbours do to it.
# In unit 8 you train an encoder once more, and find out how a single number can spoil everything.

# %% [markdown] lang="zh" of="29c03258"
# ## 这一单元的收获
#
# 无论文档多长，你都能为其中每个句子得到一个向量，也体会到了前后的句子对它的影响。
# 第 8 单元里你会再训练一次编码器，看看一个数怎样就能毁掉一切。
