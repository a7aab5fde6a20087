"""One training loop: any classifier, any number of devices, and nothing lost when it is stopped.

    Recipe, train, History         how a model is trained, the loop (`loop`), and what happened
    predict, Predictions           what a model says about each example (`prediction`)
    choose_precision               float32 or bfloat16, by what the hardware is fast in (`hardware`)

A run that was stopped goes on from its checkpoint (`checkpoint`), bit for bit; the first interrupt waits for the end of
a step (`interruption`); `display` is what a reader sees meanwhile.
"""

from course_utils.training.checkpoint import CheckpointError
from course_utils.training.hardware import choose_precision
from course_utils.training.loop import History, train
from course_utils.training.prediction import Predictions, predict
from course_utils.training.recipe import Recipe

__all__ = ["CheckpointError", "History", "Predictions", "Recipe", "choose_precision", "predict", "train"]
