"""Sentences about outcomes that belong to no single exercise, once in each language."""

from __future__ import annotations

from typing import Any

Text = dict[str, str]  # language -> sentence

SENTENCES: dict[str, Text] = {
    "raised": {
        "en": "Your code raised {type} in line {line} of this cell.",
        "zh": "你的代码在本单元格第 {line} 行抛出了 {type}。",
    },
    "raised_elsewhere": {
        "en": "Your code raised {type}.",
        "zh": "你的代码抛出了 {type}。",
    },
    # At grading, with a word of that very line.
    "raised_module": {
        "en": "Your code raised {type} in line {line} of this cell: {word} cannot be imported where grading runs, "
        "which has what the course uses.",
        "zh": "你的代码在本单元格第 {line} 行抛出了 {type}：评分环境里无法导入 {word}，那里只装有本课程用到的库。",
    },
    "raised_name": {
        "en": "Your code raised {type} in line {line} of this cell: the name {word} has no value there.",
        "zh": "你的代码在本单元格第 {line} 行抛出了 {type}：名字 {word} 在那里还没有值。",
    },
    "raised_attribute": {
        "en": "Your code raised {type} in line {line} of this cell: what it is asked of has no {word}.",
        "zh": "你的代码在本单元格第 {line} 行抛出了 {type}：那里的对象没有 {word}。",
    },
    "raised_gpu": {
        "en": "Your code asked for a GPU in line {line} of this cell, and grading runs without one; take the device "
        "of the inputs, or ask torch.cuda.is_available().",
        "zh": "你的代码在本单元格第 {line} 行要用 GPU，而评分时没有 GPU；请沿用输入所在的设备，"
        "或先用 torch.cuda.is_available() 判断。",
    },
    "raised_gpu_elsewhere": {
        "en": "Your code asked for a GPU, and grading runs without one; take the device of the inputs, or ask "
        "torch.cuda.is_available().",
        "zh": "你的代码要用 GPU，而评分时没有 GPU；请沿用输入所在的设备，或先用 torch.cuda.is_available() 判断。",
    },
    # Why a name has no value; stands behind the sentence about it.
    "because_raised": {
        "en": "The line of your notebook that should define it raised {type}.",
        "zh": "本该定义它的那一行在运行时抛出了 {type}。",
    },
    "because_module": {
        "en": "The line of your notebook that should define it raised {type}: {word} cannot be imported where grading "
        "runs, which has what the course uses.",
        "zh": "本该定义它的那一行在运行时抛出了 {type}：评分环境里无法导入 {word}，那里只装有本课程用到的库。",
    },
    "because_gpu": {
        "en": "The line of your notebook that should define it asked for a GPU, and grading runs without one.",
        "zh": "本该定义它的那一行要用 GPU，而评分时没有 GPU。",
    },
    "because_slow": {
        "en": "The line of your notebook that should define it takes too long, and was stopped.",
        "zh": "本该定义它的那一行运行太久，已被中止。",
    },
    # Of an exception in the self-check; what was said follows after a colon, and the line itself below.
    "raised_here": {
        "en": "Your code raised {type} in line {line}",
        "zh": "你的代码在第 {line} 行抛出了 {type}",
    },
    "raised_there": {
        "en": "Your code raised {type} in {function}, line {line} of its cell",
        "zh": "你的代码在 {function} 里（该单元格第 {line} 行）抛出了 {type}",
    },
    "raised_nowhere": {
        "en": "Your code raised {type}",
        "zh": "你的代码抛出了 {type}",
    },
    "cell_failed_here": {
        "en": "The cell of {name} stopped before it defined {name}, with {type} in line {line}",
        "zh": "{name} 所在的单元格还没运行到定义 {name} 就停在了第 {line} 行，原因是 {type}",
    },
    "cell_failed_there": {
        "en": "The cell of {name} stopped before it defined {name}, with {type} in {function}, line {line} of its cell",
        "zh": "{name} 所在的单元格还没运行到定义 {name} 就停了：{function} 里（该单元格第 {line} 行）抛出了 {type}",
    },
    "cell_failed_nowhere": {
        "en": "The cell of {name} stopped before it defined {name}, with {type}",
        "zh": "{name} 所在的单元格还没运行到定义 {name} 就停了，原因是 {type}",
    },
    # Of a Stop; the line itself stands below.
    "stopped_here": {
        "en": "Stopped. The check ran your code and was not finished; is there a loop that does not end? "
        "It stood in line {line}.",
        "zh": "已停止。自测正在运行你的代码，还没有测完；有没有停不下来的循环？当时停在第 {line} 行。",
    },
    "stopped_there": {
        "en": "Stopped. The check ran your code and was not finished; is there a loop that does not end? "
        "It stood in {function}, line {line} of its cell.",
        "zh": "已停止。自测正在运行你的代码，还没有测完；有没有停不下来的循环？"
        "当时停在 {function} 里（该单元格第 {line} 行）。",
    },
    "stopped_nowhere": {
        "en": "Stopped. The check was not finished.",
        "zh": "已停止，自测还没有做完。",
    },
    # Of a check that took too long; the line itself stands below.
    "too_long_here": {
        "en": "Your code was still running after {seconds} seconds, and was stopped; is there a loop that does not "
        "end? It stood in line {line}.",
        "zh": "你的代码运行了 {seconds} 秒还没有结束，已被中止；有没有停不下来的循环？当时停在第 {line} 行。",
    },
    "too_long_there": {
        "en": "Your code was still running after {seconds} seconds, and was stopped; is there a loop that does not "
        "end? It stood in {function}, line {line} of its cell.",
        "zh": "你的代码运行了 {seconds} 秒还没有结束，已被中止；有没有停不下来的循环？"
        "当时停在 {function} 里（该单元格第 {line} 行）。",
    },
    "too_long_nowhere": {
        "en": "The check was still running after {seconds} seconds, and was stopped.",
        "zh": "自测运行了 {seconds} 秒还没有结束，已被中止。",
    },
    # Of a call into C, which hears of no interrupt; told while it still runs.
    "stuck_here": {
        "en": "Your code runs for over {seconds} seconds, in line {line}, in a call that cannot be stopped from here. "
        "If it does not end, restart the kernel; what is it given there, and how large is it?",
        "zh": "你的代码已运行超过 {seconds} 秒，停在第 {line} 行的一个调用里，从这里无法中止。"
        "如果一直不结束，请重启内核；那里传入的是什么，有多大？",
    },
    "stuck_there": {
        "en": "Your code runs for over {seconds} seconds, in {function}, line {line} of its cell, in a call that "
        "cannot be stopped from here. If it does not end, restart the kernel; what is it given there, and how large is "
        "it?",
        "zh": "你的代码已运行超过 {seconds} 秒，停在 {function} 里（该单元格第 {line} 行）的一个调用中，"
        "从这里无法中止。"
        "如果一直不结束，请重启内核；那里传入的是什么，有多大？",
    },
    "stuck_nowhere": {
        "en": "The check runs for over {seconds} seconds and cannot be stopped from here. If it does not end, restart "
        "the kernel.",
        "zh": "自测已运行超过 {seconds} 秒，从这里无法中止。如果一直不结束，请重启内核。",
    },
    "undefined": {
        "en": "The cell does not define {name}; keep the name of the function or class as it was given.",
        "zh": "这个单元格没有定义 {name}；请保留原来的函数名或类名。",
    },
    # In a notebook, where a cell may not have run yet.
    "not_run": {
        "en": "{name} is not defined: run the cell above first. If you have run it, keep the name of the function or "
        "class as it was given.",
        "zh": "{name} 还没有定义：请先运行上面的单元格。如果已经运行过，请保留原来的函数名或类名。",
    },
    "no_tensor": {
        "en": "A torch.Tensor is asked for, and {type} came back.",
        "zh": "这里需要一个 torch.Tensor，得到的却是 {type}。",
    },
    # Stands behind it, by the type that came back.
    "instead_None": {
        "en": "Does every way through your code end in a return?",
        "zh": "你的代码无论走哪条路，最后都有 return 吗？",
    },
    "instead_ndarray": {
        "en": "Stay with torch's own functions, so that gradients can flow back; torch.from_numpy(...) makes a tensor "
        "of an array.",
        "zh": "请一直用 torch 自己的函数，梯度才能传回去；torch.from_numpy(...) 可以把数组变成张量。",
    },
    "instead_list": {
        "en": "torch.stack(...) makes one tensor of a list of tensors, torch.tensor(...) of a list of numbers.",
        "zh": "torch.stack(...) 把张量的列表合成一个张量，torch.tensor(...) 把数的列表变成张量。",
    },
    "instead_tuple": {
        "en": "Is there a comma too many behind the return, or does a function such as max give two things, of which "
        "one is meant?",
        "zh": "return 后面是不是多了一个逗号？或者像 max 这样的函数返回了两样东西，而只需要其中一样？",
    },
    "instead_float": {
        "en": "Did .item() or float() take the number out of its tensor, or did a sum or mean go over all axes?",
        "zh": "是不是用 .item() 或 float() 把数从张量里取了出来，或者对所有的轴求了和或平均？",
    },
    # Behind the sentence about a name that is not there.
    "did_you_mean": {
        "en": "Did you mean {name}?",
        "zh": "你想写的是 {name} 吗？",
    },
    "no_exercise": {
        "en": "There is no exercise {name}.",
        "zh": "没有名为 {name} 的练习。",
    },
    "renamed": {
        "en": "{name} is not defined, but {other} is; did you mean that one? Keep the name {name} as it was given.",
        "zh": "{name} 还没有定义，但有一个 {other}；你想写的是它吗？请保留原来的名字 {name}。",
    },
    "no_object": {
        "en": "{name} does not build an object that can be used further.",
        "zh": "{name} 没有构造出可以继续使用的对象。",
    },
    "no_parameter": {
        "en": "The module has no parameter {name} of the right shape; are its layers named as the exercise asks?",
        "zh": "模块里没有形状正确的参数 {name}；各层的名字和题目要求的一样吗？",
    },
    "no_submodule": {
        "en": "The module has no layer called {name}; are its layers named as the exercise asks?",
        "zh": "模块里没有名为 {name} 的层；各层的名字和题目要求的一样吗？",
    },
    "odd_value": {
        "en": "What came back has another form than the docstring promises.",
        "zh": "返回值的形式和文档字符串里说的不一样。",
    },
    "unreadable_value": {
        "en": "What came back is too large or of a kind that cannot be looked at.",
        "zh": "返回值太大，或者是无法检查的类型。",
    },
    "wrong_shape": {
        "en": "The result has another shape than the docstring promises. ({rule})",
        "zh": "结果的形状和文档字符串里说的不一样。（{rule}）",
    },
    "wrong_shape_shown": {
        "en": "The shape should be {expected}, and {got} came back.",
        "zh": "形状应当是 {expected}，得到的却是 {got}。",
    },
    "wrong_value": {
        "en": "Not yet so: {rule}.",
        "zh": "还不满足：{rule}。",
    },
    # In the self-check, of a mistake without a name; the case itself stands below.
    "see_example": {
        "en": "Not yet as it should be, for example here:",
        "zh": "还不对，比如这里：",
    },
    "see_observation": {
        "en": "Looked at: {what}{sizes}.",
        "zh": "检查的是：{what}{sizes}。",
    },
    "no_content": {
        "en": "This part counts once the answer works: so far its results do not follow from its inputs.",
        "zh": "这一项要等答案真正起作用才算数：目前它给出的结果还没有像应有的那样随输入而变。",
    },
    "blank": {
        "en": "This exercise is still as it was given; fill in the part marked YOUR CODE HERE.",
        "zh": "这道练习还是原样；请补全标有 YOUR CODE HERE 的部分。",
    },
    "no_submission": {
        "en": "No notebook was handed in for this unit.",
        "zh": "这个单元没有提交 notebook。",
    },
    "manual": {
        "en": "Your answer waits for a person to read it.",
        "zh": "你的回答正等待老师批阅。",
    },
    "unanswered": {
        "en": "This question has no answer yet.",
        "zh": "这个问题还没有作答。",
    },
    "timeout": {
        "en": "Your code was still running when its time was up; is there a loop that does not end?",
        "zh": "时间用完时你的代码还在运行；有没有停不下来的循环？",
    },
    "memory": {
        "en": "Your code asked for more memory than it may use.",
        "zh": "你的代码申请的内存超过了允许的上限。",
    },
    "crashed": {
        "en": "Python itself stopped while this exercise ran.",
        "zh": "运行这道练习时 Python 进程意外终止了。",
    },
    "too_much_output": {
        "en": "Your code printed more than can be kept, and was stopped.",
        "zh": "你的代码打印的内容太多，已被中止。",
    },
}


def joined(first: Text, second: Text) -> Text:
    """One sentence behind another, in each language."""
    return {language: first[language] + (" " if language == "en" else "") + second[language] for language in first}


def filled(key: str, **about: Any) -> Text:
    """A sentence in each language with its gaps filled. Raises KeyError for an unknown sentence."""
    gaps = {name: value if value is not None else "?" for name, value in about.items()}
    return {language: sentence.format(**gaps) for language, sentence in SENTENCES[key].items()}
