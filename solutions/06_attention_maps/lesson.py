# %% [markdown] lang="en"
# # Unit 6: Attention maps
#
# Attention is one of the few parts of a large model that one can look at. What do the heads of a trained BERT attend to?
# And is what one sees there the *reason* for what the model says?
#
# **You will build** `attention_entropy`, which tells how far a head spreads its attention, and `attention_rollout`, which
# follows the tokens through all layers. Then you hide words from a model and see whether attention explains its prediction.
#
# **Time:** about 60 minutes of your own; all cells together run in about three minutes on two cores.
#
# **You need before:** unit 2 (attention and its mask). Your own encoder of unit 4 is looked at too; if it is not there yet,
# another one stands in. Without a network the BERT is the small one that was installed with the course.

# %% [markdown] lang="zh" of="dff547e9"
# # 第 6 单元：注意力图
#
# 大模型里能直接拿出来看的部分不多，注意力是其中之一。训练好的 BERT，各个头（head）在注意什么？
# 我们看到的这些，是不是模型得出结论的**原因**？
#
# **你要写出** `attention_entropy`，衡量一个头把注意力分散到多大范围；以及 `attention_rollout`，追踪各个词元（token）穿过所有层之后去了哪里。
# 然后你会把一些词遮住，看看注意力能不能解释模型的预测。
#
# **时间：** 自己动手约 60 分钟；全部单元格在双核电脑上约三分钟跑完。
#
# **预备知识：** 第 2 单元（注意力及其掩码）。这里也会看你在第 4 单元写的编码器，如果还没写好，会有一个替身。
# 没有网络时，使用随课程一起装好的小 BERT。

# %% role="setup"
import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from course_utils import models, plots, portfolio
from course_utils.plots import coloured_text
from course_utils.selfcheck import check, hint, needs, question, solution, status

# %% [markdown] lang="en"
# ## 1. All heads of all layers
#
# A BERT with 6 layers of 12 heads has 72 attention maps for every sentence. We ask for them with `weights=True`: by default
# the library computes attention in a fused way that never holds the weights.
#
# Two sentences go through together, so the shorter one is padded. Each panel is one head of the shorter sentence: a row for the
# token that looks, a column for the token that is looked at. Grey is padding; `[CLS]` and `[SEP]` are written in another colour.
# Before anything is drawn, the plot makes sure that every row sums to 1.
#
# Which patterns do you see more than once? Which column is bright in nearly all panels?

# %% [markdown] lang="zh" of="ebf6bd72"
# ## 1. 所有层的所有头
#
# 一个有 6 层、每层 12 个头的 BERT，对每个句子都有 72 张注意力图。我们用 `weights=True` 要求它给出来：
# 默认情况下，这个库用融合的方式计算注意力，从头到尾都不保存权重。
#
# 两个句子一起通过模型，短的那个带有填充。每张小图画的是短句在一个头里的注意力：行是去看的词元，列是被看的词元。
# 灰色是填充（padding）；`[CLS]` 和 `[SEP]` 用另一种颜色写出。画图之前，程序会确认每一行的和为 1。
#
# 哪些图案出现了不止一次？几乎每张小图里都很亮的是哪一列？

# %%
bert = models.load_encoder(weights=True)
texts = ["The river was not cold.", "After the long storm nobody found it cold."]
batch = bert.tokenizer(texts, padding=True, return_tensors="pt")
mask = batch["attention_mask"]
with torch.no_grad():
    output = bert.model(**batch, output_attentions=True)
attentions = output.attentions  # one (batch, heads, seq, seq) for each layer
names = [bert.tokenizer.convert_ids_to_tokens(ids) for ids in batch["input_ids"].tolist()]
print(len(attentions), "layers, each", tuple(attentions[0].shape))
plots.attention_grid(
    torch.stack([layer[0] for layer in attentions]),
    names=names[0],
    mask=mask[0],
    title=f'What each head looks at (encoder {bert.name}, "{texts[0]}")',
    panel=1.1,
)
plt.show()

# %% [raw] lang="zh" of="ee9e2c09"
# one (batch, heads, seq, seq) for each layer
#     每层一个 (batch, heads, seq, seq)
# layers, each
#     层，每层

# %% [markdown] lang="en"
# ### What do the heads specialise in?
#
# Some heads look at the token before, some at the token after. Many look at a special token, which says nothing: a place to rest when
# a head finds nothing to do. In bert-base it is mostly `[SEP]` (Clark et al. 2019). Which one is it in your encoder?
#
# The cell counts: the share of its attention that each head gives to each of these places, mean over all tokens of the longer sentence.

# %% [markdown] lang="zh" of="1fd5ff76"
# ### 各个头擅长什么？
#
# 有的头看前一个词元，有的看后一个。还有许多看某个特殊词元，它本身没有内容：一个头无事可做时，就在那里歇脚。
# 在 bert-base 里多半是 `[SEP]`（Clark 等，2019）。在你的编码器里是哪一个？
#
# 下面来数一数：每个头的注意力有多大份额分给了这几处，在较长那句的所有词元上取平均。

# %%
weights = torch.stack([layer[1] for layer in attentions])  # (layers, heads, seq, seq) of the longer sentence
shares = {
    "the token before": weights.diagonal(-1, dim1=-2, dim2=-1).mean(-1),
    "the token after": weights.diagonal(1, dim1=-2, dim2=-1).mean(-1),
    "[CLS]": weights[..., 0].mean(-1),
    "[SEP]": weights[..., -1].mean(-1),
}
plots.check_rows(weights)
_, panels = plt.subplots(1, 4, figsize=(17, 3.4), layout="constrained")
for (place, share), panel in zip(shares.items(), panels, strict=True):
    plots.heat_map(
        share,
        title=f"Attention to {place}",
        x_label="head",
        y_label="layer",
        value_label="mean share",
        y_names=[str(number + 1) for number in range(len(share))],
        limits=(0.0, 1.0),
        ax=panel,
    )
plt.gcf().suptitle(f'A few heads do one thing only (encoder {bert.name}, "{texts[1]}")')
plt.show()

# %% [raw] lang="zh" of="5fabfcb6"
# (layers, heads, seq, seq) of the longer sentence
#     较长那句的 (layers, heads, seq, seq)

# %% [markdown] lang="en"
# ## 2. Entropy: how far does a head spread its attention?
#
# A row of weights is a distribution over the keys. Its **entropy** is one number for how spread out it is:
#
# $$H = -\sum_{k} p_k \ln p_k$$
#
# in **nats**, as the logarithm is natural. A key with $p = 0$ adds 0, which is also the limit of $p \ln p$.
#
# **Worked example.** (1, 0, 0, 0) has $H = 0$: one key gets all. (0.5, 0.5, 0, 0) has $H = \ln 2 = 0.693$.
# (0.25, 0.25, 0.25, 0.25) has $H = \ln 4 = 1.386$, the largest that four keys allow.
#
# A head's entropy is the mean over its queries. Queries that are padding have weights too, but no part in the mean.
# If the first two of the three rows above are tokens and the third is padding, the head has (0 + 0.693) / 2 = 0.347.

# %% [markdown] lang="zh" of="ee74f28a"
# ## 2. 熵：一个头把注意力分散到多大范围？
#
# 一行权重就是各个键（key）上的一个分布。它的**熵**（entropy）用一个数表示它有多分散：
#
# $$H = -\sum_{k} p_k \ln p_k$$
#
# 因为用的是自然对数，单位是**奈特**（nat）。$p = 0$ 的键贡献 0，这也正是 $p \ln p$ 的极限。
#
# **例题：** (1, 0, 0, 0) 的 $H = 0$：全给了一个键。(0.5, 0.5, 0, 0) 的 $H = \ln 2 = 0.693$。
# (0.25, 0.25, 0.25, 0.25) 的 $H = \ln 4 = 1.386$，这是四个键所能达到的最大值。
#
# 一个头的熵是它各个查询（query）的熵的平均。填充位置的查询也有权重，但不计入平均。
# 如果上面三行中前两行是词元，第三行是填充，那么这个头的熵是 (0 + 0.693) / 2 = 0.347。

# %% exercise="attention_entropy"
from answers import attention_entropy

# %% [raw] lang="zh" of="37b9abf0"
# How far each head spreads its attention: the mean entropy of its queries, in nats.
#     每个头把注意力分散到多大范围：它的各个查询的平均熵，以奈特（nat）计。
#
#     H(query) = -sum p ln p，对所有键求和，p = 0 时该项为 0。介于 0（一个键独占）与 ln(键的个数) 之间。
#
#     attn: (batch, heads, seq, seq)，查询在各个键上的权重，每行之和为 1
#     mask: (batch, seq)，1 = 词元，0 = 填充；类型为 int、bool 或 float；每个句子至少一个词元。
#           填充的键权重本来就是 0；填充的查询有权重，但不计入平均。
#     返回 (batch, heads)。
# TODO 1: the entropy of each query, (batch, heads, seq); mind weights of exactly 0
#     TODO 1：每个查询的熵，(batch, heads, seq)；注意恰好为 0 的权重
# TODO 2: its mean over the queries that are tokens, (batch, heads)
#     TODO 2：只对词元的查询求平均，(batch, heads)

# %%
check("attention_entropy")

# %% [markdown] lang="en"
# ### A look: entropy by layer
#
# A point is a head. The dashed line is the entropy of equal weights. Look for two kinds of heads in the lowest layer: those that look
# at nearly everything, and one that looks at a single place. Then take the lowest points further up and find them in the figure
# of shares above: do they rest on a special token?

# %% [markdown] lang="zh" of="d0043f8f"
# ### 看一看：各层的熵
#
# 一个点是一个头。虚线是权重全相等时的熵。在最低的一层里找出两种头：几乎什么都看的，和只看一个地方的。
# 再看靠后各层（第 2 层起）里位置最低的那些点，到前面那张份额图里找到它们：它们是不是歇在某个特殊词元上？


# %%
needs("attention_entropy")


def entropies(attentions: Sequence[Tensor], mask: Tensor) -> dict[str, Tensor]:
    """For each layer the entropy of its heads, mean over the sentences."""
    return {str(i + 1): attention_entropy(layer, mask).mean(dim=0) for i, layer in enumerate(attentions)}


longest = int(mask.sum(dim=1).max())
plots.points_by_group(
    entropies(attentions, mask),
    title=f"Some heads look everywhere, some at one place (encoder {bert.name}, two sentences)",
    x_label="layer",
    y_label="entropy (nats)",
    point_label="one head",
    lines={f"equal weights on {longest} tokens": math.log(longest)},
)
plt.show()

# %% [raw] lang="zh" of="404d00d3"
# For each layer the entropy of its heads, mean over the sentences.
#     每一层各个头的熵，对句子取平均。

# %% [markdown] lang="en"
# ## 3. Your own encoder
#
# Now the encoder that you wrote in units 1 to 4, trained for a short while on the course's own film reviews, in which the order
# of the words decides. Its attention layers keep their weights in `attn_weights`, as you built them in unit 2.

# %% [markdown] lang="zh" of="facab7e6"
# ## 3. 你自己的编码器
#
# 现在轮到你在第 1 到第 4 单元写的编码器。先在本课程自编的影评上训练一小会儿，这些影评里起决定作用的是词的顺序。
# 它的注意力层把权重保存在 `attn_weights` 里，正如你在第 2 单元所写的那样。

# %%
from course_utils.corpora import load_reviews
from course_utils.studies.reviews import QUICK, prepare
from course_utils.tokens import learn_tokenizer
from course_utils.training import train

plan = QUICK  # what the studies of unit 4 use on two cores
reviews = prepare(load_reviews("embedded"), plan)
torch.manual_seed(0)
Classifier = portfolio.solved("TransformerEncoderClassifier")
sizes = dict(d_model=64, num_heads=4, d_ff=128, num_layers=1, max_len=plan.max_length)  # as in unit 4
own = Classifier(vocab_size=reviews.vocab_size, num_classes=2, **sizes)
history = train(own, reviews.train, plan.recipe, validation=reviews.validation)
history.frame()[["epoch", "loss", "validation_accuracy"]].round(3)

# %% [raw] lang="zh" of="7ceab441"
# what the studies of unit 4 use on two cores
#     与第 4 单元的实验在双核上用的相同
# as in unit 4
#     与第 4 单元相同

# %%
words = learn_tokenizer(reviews.rest.texts, plan.vocab_size)
sentence = "The acting is dull, but the story is tender."
encoded = words.encode(sentence)
own.eval()
with torch.no_grad():
    logits = own(torch.tensor([encoded.ids]), torch.ones(1, len(encoded.ids)))
kept = [part.attn_weights for part in own.modules() if getattr(part, "attn_weights", None) is not None]
print("probability of praise:", round(logits.softmax(-1)[0, 1].item(), 3))
plots.attention_grid(
    torch.cat(kept),  # (layers, heads, seq, seq): a batch of one sentence
    names=encoded.tokens,
    title=f'Your own encoder, trained on {reviews.corpus.name} ("{sentence}")',
    panel=2.0,
)
plt.show()

# %% [raw] lang="zh" of="e7cdc09f"
# probability of praise:
#     判为好评的概率：
# (layers, heads, seq, seq): a batch of one sentence
#     (layers, heads, seq, seq)：批次里只有一个句子

# %% [markdown] lang="en"
# Compare with BERT. Do your heads look at the words that decide (*dull*, *but*, *tender*), or at special tokens? In the next figure:
# is a head's entropy nearer to 0 or to the line? Change the sentence so that the blame comes last, and run the cells again.

# %% [markdown] lang="zh" of="f903b6b2"
# 和 BERT 比一比。你的头看的是起决定作用的词（*dull*、*but*、*tender*），还是特殊词元？
# 在下一张图里，各个头的熵更接近 0，还是更接近虚线？把句子改成贬义的词在后面，再运行一遍。

# %%
needs("attention_entropy")
plots.points_by_group(
    entropies(kept, torch.ones(1, len(encoded.ids))),
    title=f"Entropy of your own heads (trained on {reviews.corpus.name}, one sentence)",
    x_label="layer",
    y_label="entropy (nats)",
    point_label="one head",
    lines={f"equal weights on {len(encoded.ids)} tokens": math.log(len(encoded.ids))},
)
plt.show()

# %% [markdown] lang="en"
# ## 4. Rollout: through all layers
#
# A map of layer 5 says which *places* are looked at. But by then each place holds a mix of many tokens. **Rollout** (Abnar and
# Zuidema 2020) follows the mixing from the first layer up:
#
# - one layer: a token's vector goes on by two ways, through the attention and along the residual path around it. So take the mean over
#   the heads, add the identity, and divide each row by its sum;
# - all layers: each works on what the one below has left. So multiply, the last layer leftmost, $A_L \cdots A_2 A_1$.
#
# **Worked example**, two tokens. Layer 1: both tokens look at token 0, rows (1, 0), (1, 0). Plus identity: (2, 0), (1, 1); by their
# sums: (1, 0), (0.5, 0.5). Layer 2: each looks at itself, rows (1, 0), (0, 1); with the identity and divided they stay as they are.
# Product: (1, 0), (0.5, 0.5). Half of what stands at place 1 in the end came from token 0.

# %% [markdown] lang="zh" of="e227e4c2"
# ## 4. 注意力展开：穿过所有层
#
# 第 5 层的图说的是看了哪些**位置**。可是到那时，每个位置里都已经混合了许多词元。
# **注意力展开**（rollout，Abnar 和 Zuidema，2020）从第一层起追踪这种混合：
#
# - 一层：词元的向量走两条路，一条经过注意力，一条是绕过它的残差通路（residual path）。所以对头取平均，加上单位矩阵，再把每一行除以它的和；
# - 所有层：每一层都在下面一层的结果上工作。所以把它们相乘，最后一层在最左边，$A_L \cdots A_2 A_1$。
#
# **例题：** 两个词元。第 1 层：两个词元都看词元 0，各行为 (1, 0)、(1, 0)。加上单位矩阵：(2, 0)、(1, 1)；除以行和：(1, 0)、(0.5, 0.5)。
# 第 2 层：各看自己，各行为 (1, 0)、(0, 1)，加上单位矩阵再除以行和，仍是原样。
# 乘积：(1, 0)、(0.5, 0.5)。最后 1 号位置的内容有一半来自词元 0。

# %% exercise="attention_rollout"
from answers import attention_rollout

# %% [raw] lang="zh" of="cb359bdb"
# How much of each input token has reached each place after the last layer, if attention alone carried it.
#     假如只靠注意力搬运，最后一层之后，每个位置上各有多少内容来自各个输入词元。
#
#     每层 A = 各个头的平均 + 单位矩阵（残差通路），每行除以它的和；然后是 A_L ... A_2 A_1。
#
#     attentions: 每层一个 (batch, heads, seq, seq)，第一层在最前；每行之和为 1
#     返回 (batch, seq, seq)；第 i 行说明位置 i 的内容从哪里来，和为 1。
#     出处：Abnar 和 Zuidema，2020，第 3 节，注意力展开（attention rollout）。
# TODO 3: the mean over the heads plus the identity, in rows that sum to 1
#     TODO 3：各个头的平均加单位矩阵，每行之和为 1
# TODO 4: put this layer on top of those before it; in the end `rollout` is the product of all layers
#     TODO 4：把这一层叠在前面各层之上；到最后，`rollout` 是所有层的乘积

# %%
check("attention_rollout")

# %% [markdown] lang="en"
# ### A look: one layer against all layers
#
# Left: the last layer alone, mean over its heads. Right: rollout through all layers. Read the row of `[CLS]`: from which tokens
# does its last vector come? Rollout is smoother, since every layer spreads a little. It assumes that attention alone carries
# content; the feed-forward blocks and the sizes of the values are left out.

# %% [markdown] lang="zh" of="6c2fa769"
# ### 看一看：一层与所有层
#
# 左边：只看最后一层，对头取平均。右边：穿过所有层的展开结果。看 `[CLS]` 那一行：它最后的向量来自哪些词元？
# 展开的结果更平滑，因为每一层都会再分散一些。它假定内容只靠注意力来搬运，前馈块和值（value）的大小都没有算进去。

# %%
needs("attention_rollout")
rollout = attention_rollout(attentions)  # (batch, seq, seq)
pictures = {
    f"Layer {len(attentions)} alone, mean of heads": attentions[-1].mean(dim=1)[1],
    f"Rollout through {len(attentions)} layers": rollout[1],
}
_, panels = plt.subplots(1, 2, figsize=(13, 5.4), layout="constrained")
for (name, picture), panel in zip(pictures.items(), panels, strict=True):
    plots.attention_map(plots.check_rows(picture), names=names[1], mask=mask[1], title=name, ax=panel)
    plots.mark_tokens(panel.get_yticklabels(), names[1], mask[1], ("[CLS]", "[SEP]"))
plt.gcf().suptitle(f'Where the content of each place comes from (encoder {bert.name}, "{texts[1]}")')
plt.show()
print("rows of the rollout sum to", rollout.sum(-1).unique().tolist())

# %% [raw] lang="zh" of="fdd1d626"
# rows of the rollout sum to
#     展开结果各行之和：

# %% [markdown] lang="en"
# ## 5. Does attention explain the prediction?
#
# In unit 5 attention pooling gave each token a weight, and the weighted mean became the text's vector. It is tempting to read
# these weights as reasons: *the model said Sports because of this word*. Is that so? It can be tested.
#
# A classifier with attention pooling is trained on the headlines, on top of the frozen BERT. Here is what it weighs in three of
# the test texts. The brighter a word, the larger its share; hold the pointer over a word to read it.

# %% [markdown] lang="zh" of="b259dfe8"
# ## 5. 注意力能解释预测吗？
#
# 在第 5 单元，注意力池化给每个词元一个权重，加权平均就成了整段文本的向量。人们很容易把这些权重当成理由：“模型判为体育（Sports），是因为这个词。”真是这样吗？这可以检验。
#
# 我们在冻结的 BERT 上，用新闻标题训练一个带注意力池化的分类器。下面是它在三段测试文本里给出的权重。
# 词越亮，份额越大；把鼠标移到词上可以看到数值。

# %%
from IPython.display import display

from course_utils.studies import Study, attention_maps

found = attention_maps.run_erasure(Study(seeds=1), classifier=portfolio.solved("BertClassifier"))
classes = found.ready.corpus.classes
where = f"attention pooling on {found.ready.corpus.name}, frozen encoder {found.ready.encoder.name}"
for text in found.texts[0][:3]:
    shown = coloured_text(text.tokens, text.weights, caption=f"{where}; predicted {classes[text.predicted]}")
    display(shown)

# %%
text = found.texts[0][0]
plots.token_bars(
    text.weights,
    names=text.tokens,
    title=f"The first text once more ({where})",
    value_label="pooling weight",
)
plt.show()

# %% [markdown] lang="en"
# ### The erasure test
#
# Hide words from the model (from the encoder and the pooling alike), and see how far the probability of the predicted class falls.
# If weights are reasons, hiding the **most attended** words should hurt much more than hiding as many **random** ones, and hiding the
# **least attended** should hardly hurt.
#
# **Example.** The model says Sports with probability 0.90. With the word of the largest weight hidden it says Sports with 0.60, a fall
# of 0.30. With a random word hidden the fall is 0.05. The figure shows the mean fall over all texts; its bands are 95% intervals
# over the texts. The same study runs in a terminal as `course experiment attention_erasure`.

# %% [markdown] lang="zh" of="0e7663d1"
# ### 擦除检验
#
# 把一些词遮住（编码器和池化都看不到），看预测类别的概率下降多少。如果权重就是理由，那么遮住权重**最大**的词（图例 most attended），
# 应当比遮住同样多的**随机**词（random）影响大得多；遮住权重**最小**的词（least attended），应当几乎没有影响。
#
# **例子：** 模型判为体育，概率 0.90。遮住权重最大的词之后，概率是 0.60，下降 0.30；遮住随机一个词，下降 0.05。
# 图中画的是在所有文本上的平均下降，色带是对各段文本求得的 95% 区间。同一个实验也可以在终端运行：`course experiment attention_erasure`。

# %%
attention_maps.draw(found)
plt.show()
attention_maps.table(found)

# %% [markdown] lang="en"
# And the words one by one: does the *order* of the weights agree with the order of the effects? A dot is a word; to the right is a
# larger weight, up is a larger effect when this word alone is hidden. **Kendall's rank correlation** is 1 for equal orders, 0 for orders
# that have nothing to do with each other, and $-1$ for opposite ones. **Example:** of the six pairs of four words, five stand in the
# same order by weight and by effect and one does not: $(5 - 1) / 6 = 0.67$.

# %% [markdown] lang="zh" of="92f76eb1"
# 再一个词一个词地看：按权重排的**顺序**，和按作用排的顺序一致吗？一个点是一个词：越往右，权重越大；越往上，
# 单独遮住它造成的影响越大。**肯德尔秩相关系数**（Kendall's rank correlation，Kendall τ）在两种顺序完全相同时为 1，毫无关系时为 0，正好相反时为 $-1$。
# **例子：** 四个词有六对，其中五对按权重和按作用的先后一致，一对不一致：$(5 - 1) / 6 = 0.67$。

# %%
attention_maps.draw_effects(found)
plt.show()
for words_hidden in found.plan.hidden_words:
    middle, low, high = attention_maps.difference(found, words_hidden)
    print(f"{words_hidden} most attended against random: {middle:+.3f} ({low:+.3f} to {high:+.3f})")

# %% [raw] lang="zh" of="83e2c7be"
# {words_hidden} most attended against random: {middle:+.3f} ({low:+.3f} to {high:+.3f})
#     遮住 {words_hidden} 个词，权重最大减随机：{middle:+.3f}（{low:+.3f} 到 {high:+.3f}）

# %% [markdown] lang="en"
# ### What may be said
#
# Say it in two halves:
#
# - Where the interval of the difference lies above 0, hiding the words with the *largest* weights costs more than hiding random ones.
# - Where the interval of the rank correlation holds 0, these texts do not show that the *order* of the weights follows the order of the effects.
#
# A weight also stands on a vector into which the encoder has mixed the whole text (section 4), so a bright word may shine for its
# neighbours. Weights show where a model reads from. Whether that is the reason has to be tested, each time anew
# (Jain and Wallace 2019; Wiegreffe and Pinter 2019).

# %% [markdown] lang="zh" of="c23a3bcd"
# ### 可以怎么说
#
# 要分两点来说：
#
# - 如果差值的区间在 0 以上，说明遮住权重**最大**的词，比遮住随机的词损失更多。
# - 如果秩相关的区间包含 0，说明从这些文本里看不出权重的**顺序**与作用的顺序有关。
#
# 此外，权重所对应的向量里，编码器已经混进了整段文本（第 4 节），一个词很亮，可能是替旁边的词发光。
# 权重显示模型从哪里读取信息；这是不是原因，每一次都要重新检验（Jain 和 Wallace，2019；Wiegreffe 和 Pinter，2019）。

# %% [markdown] lang="en"
# ## What you have now
#
# Two measures that turn a wall of maps into numbers, and a test to run before you believe a picture.
# In unit 7 you use an encoder's token vectors for something else: a vector for each sentence of a document.

# %% [markdown] lang="zh" of="bf0d76b0"
# ## 这一单元的收获
#
# 两个度量，能把满墙的图变成几个数；还有一个检验，相信图之前先做一做。
# 第 7 单元里，你会把编码器的词元向量用在别处：为文档里的每个句子求一个向量。
