# %% [markdown] lang="en"
# # Unit 8: The learning rate
#
# *"Once the learning rate is too high, BERT cannot learn anything at all; whatever other hyperparameters are changed, and however
# many more epochs are trained, it never learns properly."* So ends the laboratory report that this course grew from.
# In this unit you find out whether that is so, from which rate on, why, and what helps.
#
# **You will build** `warmup_linear_decay`, the schedule with which BERT itself was trained (Devlin et al. 2019, appendix A.2).
#
# **Time:** about 40 minutes of your own; all cells together run in about seven minutes on two cores, nearly all of it training.
#
# **You need before:** a training loop (unit 4) and a classifier on a pretrained encoder (unit 5). Without a network the encoder is
# the small BERT that was installed with the course.

# %% [markdown] lang="zh" of="115c1fbe"
# # 第 8 单元：学习率
#
# “一旦学习率过高，BERT 就无法学习到任何东西，无论怎样修改其他超参数，或者训练更多轮次都无法让它正常学习。”
# 这门课所源自的那份实验报告，就以这句话结尾。这一单元里，你会弄清楚：真是这样吗？从多大的学习率开始？为什么？什么能帮上忙？
#
# **你要写出** `warmup_linear_decay`，也就是训练 BERT 时用的学习率调度（schedule；Devlin 等，2019，附录 A.2）：线性预热，再线性衰减。
#
# **时间：** 自己动手约 40 分钟；全部单元格在双核电脑上约七分钟跑完，几乎都花在训练上。
#
# **预备知识：** 训练循环（第 4 单元），以及在预训练编码器上搭分类器（第 5 单元）。没有网络时，
# 编码器就是随课程一起装好的小 BERT。

# %% role="setup"
import math

import matplotlib.pyplot as plt
import torch

from course_utils import plots
from course_utils.selfcheck import check, hint, needs, question, solution, status

# %% [markdown] lang="en"
# ## 1. A step too far
#
# Gradient descent moves each weight against its slope, by the **learning rate** $\eta$ times the slope. Take the simplest loss there
# is, $L(w) = \tfrac{1}{2} a w^2$, whose slope is $a w$:
#
# $$w \leftarrow w - \eta\, a\, w = (1 - \eta a)\, w$$
#
# **Worked example**, $a = 10$, start at $w = 1$:
#
# | $\eta$ | factor $1 - 10 \eta$ | what happens |
# | --- | --- | --- |
# | 0.01 | 0.9 | slow and sure |
# | 0.1 | 0 | one step lands in the minimum |
# | 0.19 | −0.9 | jumps to and fro, and still comes closer |
# | 0.21 | −1.1 | every step ends farther away than it began |
#
# The border $\eta = 2 / a$ is sharp. A network has millions of directions, each with its own $a$, and the largest $a$ decides.

# %% [markdown] lang="zh" of="2b22c32e"
# ## 1. 迈得太大的一步
#
# 梯度下降让每个权重逆着斜率移动，移动的量是**学习率**（learning rate）$\eta$ 乘以斜率。取最简单的损失
# $L(w) = \tfrac{1}{2} a w^2$，斜率是 $a w$：
#
# $$w \leftarrow w - \eta\, a\, w = (1 - \eta a)\, w$$
#
# **例题：** $a = 10$，从 $w = 1$ 出发。
#
# | $\eta$ | 倍数 $1 - 10 \eta$ | 会怎样 |
# | --- | --- | --- |
# | 0.01 | 0.9 | 慢而稳 |
# | 0.1 | 0 | 一步就到最小值 |
# | 0.19 | −0.9 | 来回跳，但越来越近 |
# | 0.21 | −1.1 | 每一步都比之前更远 |
#
# 界限 $\eta = 2 / a$ 十分分明。网络有上百万个方向，各有各的 $a$，由最大的那个说了算。

# %%
steps = range(16)
lines = {f"rate {rate}": [(1 - rate * 10) ** step for step in steps] for rate in (0.01, 0.1, 0.19, 0.21)}
plots.curves(
    steps,
    lines,
    title="Below 2 / a it arrives, above it flies off (loss a w² / 2 with a = 10, no data)",
    x_label="step",
    y_label="w (the minimum is at 0)",
    marker="o",
)
plt.show()

# %% [markdown] lang="en"
# ## 2. Warm up, then let go
#
# The first steps of fine-tuning should be small. The new classifier on top is random, and so are the gradients that it sends down into
# BERT. AdamW, the optimiser of this course, divides each gradient by a running mean of its size, and at first it has seen too few to judge.
# So the rate rises in a line from 0: the **warm-up**. Later, near a minimum, small steps are wanted again, and the rate falls in a line
# back to 0. Both together are one *factor* between 0 and 1, by which the highest rate is multiplied.
#
# **Worked example**, 10 steps of warm-up, 50 in all:
#
# | step | 0 | 5 | 10 | 30 | 49 | 50 | 60 |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | factor | 0 | 5/10 = 0.5 | 1 | 20/40 = 0.5 | 1/40 = 0.025 | 0 | 0 |
#
# Two edges need care: no warm-up at all, and a run that is all warm-up. Each would divide by 0 somewhere.

# %% [markdown] lang="zh" of="76f21375"
# ## 2. 先预热，再放缓
#
# 微调（fine-tuning）的最初几步应当小一些。上面新加的分类器是随机的，它传给 BERT 的梯度也是随机的。
# 本课程用的优化器（optimizer）AdamW 会把每个梯度除以其大小的滑动平均（running mean），而它一开始见过的梯度太少，还估不准。
# 所以学习率从 0 线性上升，这叫**学习率预热**（warm-up）。之后接近最小值时，又需要小步子，学习率再线性降回 0，这叫**线性衰减**（linear decay）。
# 两段合起来是一个 0 到 1 之间的**系数**，乘在最高学习率上。
#
# **例题：** 预热 10 步，共 50 步。
#
# | 步 | 0 | 5 | 10 | 30 | 49 | 50 | 60 |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | 系数 | 0 | 5/10 = 0.5 | 1 | 20/40 = 0.5 | 1/40 = 0.025 | 0 | 0 |
#
# 有两个边界要小心：完全没有预热，以及全程都是预热。它们都会在某处除以 0。

# %% exercise="warmup_linear_decay"
from answers import warmup_linear_decay

# %% [raw] lang="zh" of="b9b3b002"
# The share of the highest learning rate that holds at a step, between 0 and 1.
#     某一步的学习率占最高学习率的比例，在 0 到 1 之间。
#
#     它从第 0 步的 0 线性上升到第 warmup_steps 步的 1，再线性下降到第 total_steps 步的 0，
#     之后一直是 0。
#
#     step:         已完成的步数，大于等于 0；可以超过终点
#     warmup_steps: 从 0（第一步就是最高学习率）到 total_steps（没有哪一步达到最高）
#     total_steps:  整个训练的步数，至少为 1
#     出处：Devlin 等，2019，附录 A.2；transformers.get_linear_schedule_with_warmup。
# TODO 1: three cases: during the warm-up, after it, behind the end. Which divisions may meet a 0?
#     TODO 1：三种情况：预热期间、预热之后、超过终点。哪些除法会遇到 0？

# %%
check("warmup_linear_decay")

# %% [markdown] lang="en"
# ### A look: your schedule in an optimiser
#
# PyTorch's `LambdaLR` asks a function such as yours for the factor of each step. The dots are what the library `transformers` gives
# for the same numbers.

# %% [markdown] lang="zh" of="8ce09df8"
# ### 看一看：把你的调度函数交给优化器
#
# PyTorch 的 `LambdaLR` 会向你这样的函数要每一步的系数。图中的点是 `transformers` 库对同样的数给出的结果。

# %%
needs("warmup_linear_decay")
from transformers import get_linear_schedule_with_warmup


def rates_of(make_schedule, total: int = 50) -> list[float]:
    """The learning rate at each step of a run, by a schedule on an optimiser with the highest rate 2e-5."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2e-5)
    schedule = make_schedule(optimizer)
    rates = []
    for _ in range(total + 1):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


mine = rates_of(lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda step: warmup_linear_decay(step, 10, 50)))
theirs = rates_of(lambda o: get_linear_schedule_with_warmup(o, 10, 50))
axes = plots.curves(range(51), {"yours": mine}, title="Warm-up, then decay", x_label="step", y_label="learning rate")
axes.scatter(range(0, 51, 2), theirs[::2], color=plots.OKABE_ITO[1], zorder=3, s=14, label="transformers")
axes.legend()
plt.show()
print("largest difference:", max(abs(a - b) for a, b in zip(mine, theirs, strict=True)))

# %% [raw] lang="zh" of="829c351d"
# The learning rate at each step of a run, by a schedule on an optimiser with the highest rate 2e-5.
#     训练中每一步的学习率：调度函数配上最高学习率为 2e-5 的优化器。
# largest difference:
#     最大差别：

# %% [markdown] lang="en"
# ## 3. The sweep
#
# Now we look for what the report saw. A small set of headlines, the small pretrained encoder, 24 steps. Only the learning rate differs,
# from $10^{-6}$ to $10^{-2}$, with two seeds each, and without warm-up. (Nor with clipping: section 4 explains it.)
#
# Two numbers are measured on test texts. The **loss**: to give four classes the same probability costs $\ln 4 = 1.386$, so a model that
# sits there has learnt nothing. And the **likeness** of the texts' vectors: the mean cosine between the sentence vectors of
# different texts. Where it is 1, all texts look the same to the model.
#
# What do you expect: where is the best rate, and does it get worse slowly or suddenly beyond? Write it down first. (About four minutes.
# In a terminal, and larger if you like: `course experiment learning_rates`.)

# %% [markdown] lang="zh" of="894581fc"
# ## 3. 扫描
#
# 现在来找报告里说的那种现象。一小批新闻标题，一个小的预训练编码器，训练 24 步。不同的只有学习率：从 $10^{-6}$ 到 $10^{-2}$，
# 每个值用两个随机种子（seed），不预热，也不做梯度裁剪（gradient clipping，见第 4 节）。
#
# 在测试文本上测量两个量。一是**损失**：给四个类别同样的概率，代价是 $\ln 4 = 1.386$，停在这里的模型什么也没学到。
# 二是各文本向量的**相似程度**（likeness）：不同文本的句向量之间余弦的平均。等于 1 时，所有文本在模型眼里都一样。
#
# 你预计最好的学习率在哪里？再往上，是慢慢变差，还是突然变差？先写下来。（大约四分钟。
# 也可以在终端运行，还可以做得更大：`course experiment learning_rates`。）

# %%
from course_utils.studies import Study, learning_rates

rates = learning_rates.Rates(Study(seeds=2))
swept = rates.sweep()
learning_rates.table(rates, swept)

# %%
learning_rates.draw_sweep(rates)
plt.show()

# %% [markdown] lang="en"
# ### What happened at the high rates?
#
# Look at the right panel beside the left one. At the high rates where the loss sits at $\ln 4$ or above, is the likeness near 1? Then the
# encoder gives every text the *same* vector. A classifier that always sees the same vector can learn how frequent the classes are, and nothing else.
#
# Why does it stay there? As long as all texts look the same, a small change of a weight does not make two of them differ. So there is
# hardly any gradient to lead back. (Mosbach et al. 2021 found vanishing gradients in failed runs of BERT.)
#
# The lowest rates fail in another way: nothing is spoiled, but 24 steps get nowhere.

# %% [markdown] lang="zh" of="c9243945"
# ### 学习率高的地方发生了什么？
#
# 把右图和左图放在一起看。学习率高、损失停在 $\ln 4$ 或更高的地方，相似程度是不是接近 1？那就说明编码器对每段文本都给出**同一个**向量。
# 分类器总是收到同样的向量，就只能学到各类出现的频率，别的什么也学不到。
#
# 为什么会停在那里？只要所有文本看上去都一样，稍微改动哪个权重，都不会让两段文本有所不同，所以几乎没有梯度能把它带回来。
# （Mosbach 等（2021）在失败的 BERT 训练里确实看到了梯度消失。）
#
# 最低的那几个学习率失败的方式不同：什么也没毁掉，但 24 步走不了多远。

# %% [markdown] lang="en"
# ## 4. What warm-up and clipping rescue
#
# **Warm-up** makes the first quarter of the steps smaller. **Clipping** shortens a gradient that is longer than 1 to length 1.
# **Example:** the gradient $(3, 4)$ has length 5 and becomes $(0.6, 0.8)$; $(0.3, 0.4)$ stays as it is.
#
# Each alone and both together are tried near the border. Think before you run it: AdamW divides each gradient by a running mean
# of its size. If all gradients become ten times shorter, how much shorter does the step become?

# %% [markdown] lang="zh" of="b6879504"
# ## 4. 预热和裁剪能救回什么
#
# **预热**让最初四分之一的步子变小。**梯度裁剪**把长度超过 1 的梯度缩短到 1。
# **例子：** 梯度 $(3, 4)$ 的长度是 5，裁剪成 $(0.6, 0.8)$；$(0.3, 0.4)$ 则保持不变。
#
# 我们在界限附近先把两样分别试一遍，再一起试。运行之前先想一想：AdamW 会把每个梯度除以其大小的滑动平均。
# 如果所有梯度都变成原来的十分之一，步子会短多少？

# %%
rescued = rates.rescue()
learning_rates.table(rates, rescued)

# %%
learning_rates.draw_rescue(rates)
plt.show()

# %% [markdown] lang="en"
# ## 5. Can a spoiled model be brought back?
#
# The report trained for more epochs and changed other settings, in vain. We try the kindest of such changes: train with a rate that is
# too high, then go on for as many steps with a good one. Beside it stands a model that starts from the pretrained weights with the good
# rate at once.

# %% [markdown] lang="zh" of="930717fb"
# ## 5. 毁掉的模型还能救回来吗？
#
# 报告里多训练了几轮，也改过别的设置，都没有用。我们试一种最有利的改法：先用过高的学习率训练，再换成合适的学习率，继续训练同样多步。
# 旁边放一个从预训练权重出发、一开始就用合适学习率的模型作对照。

# %%
recovered = rates.recovery()
learning_rates.draw_recovery(rates)
plt.show()
learning_rates.table(rates, recovered)

# %% [markdown] lang="en"
# ### How to choose a rate next time
#
# - Try rates by factors of ten, then three, on a part of the training data; choose on held-out training texts, never on the test set.
# - Use more than one seed: at the border one run may learn where another does not.
# - Watch the first steps: a loss that sits at $\ln(\text{classes})$ does not call for patience but for a new start.
# - Every model has its own border. For `bert-base-uncased` 2e-5 is a usual choice; at 4e-4 it did not learn IMDb (Sun et al. 2019,
#   section 5.3.3), not far from where the small encoder here still learns well.

# %% [markdown] lang="zh" of="68a0efd6"
# ### 下次怎样选学习率
#
# - 在一部分训练数据上，先按十倍、再按三倍的间隔去试；在留出的训练文本上选择，绝不用测试集来选。
# - 不止用一个随机种子：在界限附近，可能一次能学会，另一次学不会。
# - 看最初几步：损失停在 $\ln(\text{类别数})$ 时，需要的不是耐心，而是从头再来。
# - 每个模型的界限不同。`bert-base-uncased` 常用 2e-5；用 4e-4 时它在 IMDB 上就学不动了（Sun 等，2019，第 5.3.3 节），
#   而这里的小编码器在相近的学习率下还学得很好。

# %% [markdown] lang="en" question="q9_reflection"
# ## Thinking question 9
#
# What happened to BERT at high learning rates, and what did you learn? Say what you saw (with numbers and seeds), why it happens,
# what helped and what did not. How much of the report's last sentence do your runs confirm? Then say what you take along: from this unit
# for choosing a learning rate, or from the whole course.

# %% [markdown] lang="zh" question="q9_reflection" of="d21c92ef"
# ## 思考题 9
#
# 学习率过高时 BERT 发生了什么？你有什么收获？请说明你看到了什么（用数据，注明随机种子）、为什么会这样、什么有用、什么没用。
# 报告的最后那句话，你的实验证实了多少？再谈谈你的收获：可以是这一单元关于选择学习率的，也可以是整门课的。
