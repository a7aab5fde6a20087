# %% [markdown] lang="en"
# # Unit 9: Pretraining
#
# Your classifier of unit 4 began with random numbers, and had to learn what words mean from labels alone. BERT comes to you
# knowing words already. Nobody told it any label: it learnt by filling in gaps. In this unit your own encoder does the same.
#
# **You will build** the gaps (`mask_tokens`), the model that fills them in (`MaskedLanguageModel`), and its judge (`masked_lm_loss`).
# Then you measure what that buys, with few labels and with many.
#
# **Time:** about 80 minutes of your own; all cells together run in about six minutes on two cores.
#
# **You need before:** units 1 to 4. What you solved there is used here; where something is missing, a stand-in takes its place.

# %% [markdown] lang="zh" of=""
# # 第 9 单元：预训练
#
# 第 4 单元的分类器从随机数开始，词是什么意思，全靠标签去学。而 BERT 来到你手里时已经认得词了。
# 没有人给过它标签：它是靠填空学会的。这一单元，让你自己的编码器也这样学一次。
#
# **你要写出**挖空（`mask_tokens`）、填空的模型（`MaskedLanguageModel`）和它的裁判（`masked_lm_loss`）。
# 然后量一量：标签少的时候，这样做换来了什么？标签多的时候呢？
#
# **时间：** 自己动手约 80 分钟；全部单元格在双核电脑上约六分钟跑完。
#
# **预备知识：** 第 1 到第 4 单元。你在那里写好的部件会用在这里；还缺的部分由替身顶上。

# %% role="setup"
import copy

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_utils import plots, portfolio
from course_utils.selfcheck import check, hint, question, solution, status

PositionalEncoding = portfolio.solved("PositionalEncoding")
TransformerEncoderLayer = portfolio.solved("TransformerEncoderLayer")
masked_mean = portfolio.solved("masked_mean")

# %% [markdown] lang="en"
# ## 1. A gap in a sentence
#
# *The acting is [MASK].* You can guess the word: *good*, *dull*, *wooden*; hardly *umbrella*. To guess well one has to know which words
# belong together, and which role each plays. And no one has to label anything: the text itself knows the answer. So a model can learn
# from as much text as there is. Learning this first, and the task with its labels afterwards, is **pretraining** and **fine-tuning**.
#
# BERT (Devlin et al. 2019, section 3.1) chooses 15% of the tokens of a text. It is asked for these only. Of the chosen tokens
#
# - 80% are replaced by the mask, `[MASK]`;
# - 10% are replaced by a random word;
# - 10% stay as they are.
#
# The last two look odd. But in the task that comes afterwards there is no `[MASK]`. A model that works at masks alone would not
# care for the other places. Because any word might be a wrong one, it has to make up its mind about each.
#
# **Worked example.** Ids `2 17 4 9 30 3` (`2` is `[CLS]`, `3` is `[SEP]`), mask id 50. Say places 1, 3 and 4 are chosen; 1 and 4 are masked,
# and 3 becomes the random word 22:
#
# | | | | | | | |
# | --- | --- | --- | --- | --- | --- | --- |
# | input_ids | 2 | 17 | 4 | 9 | 30 | 3 |
# | masked_ids | 2 | **50** | 4 | **22** | **50** | 3 |
# | labels | −100 | 17 | −100 | 9 | 30 | −100 |
#
# −100 says "no question here". It is the number that `cross_entropy` leaves out.

# %% [markdown] lang="zh" of=""
# ## 1. 句子里的空
#
# *The acting is [MASK].*（演技很____。）这个词你猜得出来：*good*、*dull*、*wooden*，总不会是 *umbrella*。要猜得好，
# 就得知道哪些词常在一起，每个词起什么作用。而且不用任何人来标注：答案就在文本里。所以有多少文本，就能学多少。
# 先学这个，再用标签去学任务，就叫**预训练**（pretraining）和**微调**（fine-tuning）。
#
# BERT（Devlin 等，2019，第 3.1 节）从一段文本里选出 15% 的词元（token），只问这些。选中的词元里
#
# - 80% 换成遮罩 `[MASK]`；
# - 10% 换成随机的词；
# - 10% 保持不变。
#
# 后两条看上去奇怪。可是后面的任务里没有 `[MASK]`。只在遮罩处动脑筋的模型，不会去管别的位置。
# 正因为任何一个词都可能是错的，它才不得不对每个位置都拿定主意。
#
# **例题。** 编号为 `2 17 4 9 30 3`（`2` 是 `[CLS]`，`3` 是 `[SEP]`），遮罩的编号是 50。假设选中了位置 1、3、4；1 和 4 被遮住，
# 3 换成随机词 22：
#
# | | | | | | | |
# | --- | --- | --- | --- | --- | --- | --- |
# | input_ids | 2 | 17 | 4 | 9 | 30 | 3 |
# | masked_ids | 2 | **50** | 4 | **22** | **50** | 3 |
# | labels | −100 | 17 | −100 | 9 | 30 | −100 |
#
# −100 的意思是“这里不提问”，`cross_entropy` 遇到它就跳过。

# %% [markdown] lang="en"
# ### Exercise 1: `mask_tokens`
#
# `maskable` says where a token may be chosen: not at `[CLS]`, `[SEP]` and padding. Every position decides by itself, with numbers
# of its own. `input_ids` stays as it is. All random functions take the `generator`: with the same state of it, the same result
# comes out, so that a run can be repeated.

# %% [markdown] lang="zh" of=""
# ### 练习 1：`mask_tokens`
#
# `maskable` 说明哪里可以选：`[CLS]`、`[SEP]` 和填充处不行。每个位置用自己的随机数，各自决定。`input_ids` 保持不变。
# 所有随机函数都要用 `generator`：它的状态相同，结果就相同，这样实验才能重复。

# %% exercise="mask_tokens"
from answers import mask_tokens

# %%
check("mask_tokens")

# %% [markdown] lang="en"
# **Look.** Some reviews of this course's grammar, and what your function makes of them. A dot marks a place that was chosen.

# %% [markdown] lang="zh" of=""
# **看一看。** 本课程自编语法生成的几条影评，以及你的函数把它们变成了什么。点号标出选中的位置。

# %%
from course_utils.corpora import load_reviews
from course_utils.studies import reviews
from course_utils.tokens import learn_tokenizer

corpus = load_reviews("embedded")
ready = reviews.prepare(corpus, reviews.QUICK)
tokenizer = learn_tokenizer(ready.rest.texts, reviews.QUICK.vocab_size)
words = {number: word for word, number in tokenizer.get_vocab().items()}
mask_id = len(words)  # one more than the words have
words[mask_id] = "[MASK]"
vocab_size = len(words)


def gaps(batch: dict[str, Tensor], generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """A batch with gaps, and what stood there; the four special tokens come first in the vocabulary."""
    maskable = (batch["attention_mask"] == 1) & (batch["input_ids"] > 3)
    return mask_tokens(batch["input_ids"], maskable, mask_id, vocab_size, generator=generator)


batch = next(iter(ready.train))
masked, labels = gaps(batch, torch.Generator().manual_seed(0))
for row in range(3):
    marked = [
        words[int(now)] + (f"·{words[int(was)]}·" if was != -100 else "")
        for now, was in zip(masked[row], labels[row], strict=True)
        if int(now) > 0
    ]
    print(" ".join(marked), "\n")

# %% [markdown] lang="en"
# ## 2. From vectors back to words
#
# The encoder gives a vector at each place. To guess a word it is compared with the vector of each word of the vocabulary:
#
# $$\text{logit}_w = \operatorname{LayerNorm}(\operatorname{GELU}(W h + c)) \cdot e_w + b_w$$
#
# Here $e_w$ is the row of word $w$ in the embedding's matrix, the *very same* numbers with which the word is read. They are learnt once and
# used twice, which also saves `vocab_size · d_model` numbers. $b_w$ says how frequent the word is anyway.
#
# GELU (Hendrycks and Gimpel 2016) is a ReLU with a soft corner: $\operatorname{GELU}(x) = x\,\Phi(x)$, with the normal distribution
# $\Phi$. **Worked example:** $\operatorname{GELU}(1) = 1 \cdot 0.841 = 0.841$, $\operatorname{GELU}(-1) = -1 \cdot 0.159 = -0.159$: not 0,
# as ReLU would have it.

# %% [markdown] lang="zh" of=""
# ## 2. 从向量回到词
#
# 编码器在每个位置给出一个向量。要猜词，就把它与词表里每个词的向量比一比：
#
# $$\text{logit}_w = \operatorname{LayerNorm}(\operatorname{GELU}(W h + c)) \cdot e_w + b_w$$
#
# 其中 $e_w$ 是嵌入矩阵里词 $w$ 的那一行，和读这个词时用的是*同一组*数。学一次，用两次，还省下了 `vocab_size · d_model` 个数。
# $b_w$ 表示这个词本来有多常见。
#
# GELU（Hendrycks 和 Gimpel，2016）是拐角圆滑的 ReLU：$\operatorname{GELU}(x) = x\,\Phi(x)$，$\Phi$ 是正态分布函数。
# **例题：** $\operatorname{GELU}(1) = 1 \cdot 0.841 = 0.841$，$\operatorname{GELU}(-1) = -1 \cdot 0.159 = -0.159$，
# 而不像 ReLU 那样是 0。

# %%
at = torch.linspace(-4, 4, 81)
plots.curves(
    at,
    {"GELU": F.gelu(at), "ReLU": F.relu(at)},
    title="GELU is a ReLU with a soft corner (no data)",
    x_label="x",
    y_label="activation",
)
plt.show()

# %% [markdown] lang="en"
# ### Exercise 2: `MaskedLanguageModel`
#
# The model is handed an encoder and the `nn.Embedding` that this encoder reads with. Use `embedding.weight` itself: a copy would
# stay behind when the embedding learns. The encoder gets the ids *and* the mask.

# %% [markdown] lang="zh" of=""
# ### 练习 2：`MaskedLanguageModel`
#
# 模型拿到一个编码器，以及这个编码器读词用的 `nn.Embedding`。要直接用 `embedding.weight`：复制品不会跟着嵌入一起学。
# 编号*和*掩码都要交给编码器。

# %% exercise="MaskedLanguageModel"
from answers import MaskedLanguageModel

# %%
check("MaskedLanguageModel")

# %% [markdown] lang="en"
# ## 3. The judge
#
# The loss is the mean cross-entropy of the guesses. Only chosen places were asked, so only they count.
#
# **Worked example.** Three places, labels 5, −100, 7. The model gives word 5 the probability 1/2 and word 7 the probability 1/8. Loss:
# $(\ln 2 + \ln 8) / 2 = 1.39$ nats. Who knows nothing gives each of 219 words the same: $\ln 219 = 5.39$.
#
# In a small batch it happens that nothing is chosen. A mean over no numbers is `nan`, and one `nan` spoils all weights. Then the
# loss is to be 0, and its gradient too.

# %% [markdown] lang="zh" of=""
# ## 3. 裁判
#
# 损失是各个猜测的交叉熵的平均。只问了选中的位置，所以只算它们。
#
# **例题。** 三个位置，标签 5、−100、7。模型给词 5 的概率是 1/2，给词 7 的概率是 1/8。损失：
# $(\ln 2 + \ln 8) / 2 = 1.39$ 奈特（nats）。什么都不懂的模型给 219 个词同样的概率：$\ln 219 = 5.39$。
#
# 批次很小时，有可能一个位置也没选中。零个数的平均是 `nan`，一个 `nan` 就会毁掉所有权重。这时损失应当是 0，梯度也是 0。

# %% exercise="masked_lm_loss"
from answers import masked_lm_loss

# %%
check("masked_lm_loss")
