import dataclasses
import os
import random
import subprocess
import sys
from importlib import metadata

import numpy
import pytest
import torch

import course_utils
from course_utils import runtime
from course_utils.engine.machine import usable_cores


@pytest.fixture(autouse=True)
def _torch_as_before():
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    if workspace is not None:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace


def draw_from_each_library() -> tuple[float, float, float]:
    return random.random(), float(numpy.random.rand()), torch.rand(()).item()


def test_equal_seeds_give_equal_draws_in_every_library():
    runtime.seed_everything(7)
    first = draw_from_each_library()
    runtime.seed_everything(7)
    assert draw_from_each_library() == first


def test_different_seeds_give_different_draws_in_every_library():
    runtime.seed_everything(7)
    first = draw_from_each_library()
    runtime.seed_everything(8)
    assert all(a != b for a, b in zip(first, draw_from_each_library(), strict=True))


@pytest.mark.parametrize("seed", [0, runtime.MAX_SEED])
def test_the_outermost_seeds_are_taken(seed):
    runtime.seed_everything(seed)
    assert torch.initial_seed() == seed


@pytest.mark.parametrize("seed", [-1, runtime.MAX_SEED + 1, 1.5, "7", True, None])
def test_another_seed_is_refused_with_the_range_and_what_came(seed):
    with pytest.raises(ValueError, match=r"seed must be a whole number from 0 to 4294967295, got "):
        runtime.seed_everything(seed)


def test_deterministic_is_switched_on_and_off_again():
    runtime.seed_everything(0, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    runtime.seed_everything(0)
    assert not torch.are_deterministic_algorithms_enabled()


def test_auto_takes_a_device_that_computes():
    assert torch.ones(3, device=runtime.choose_device()).sum().item() == 3


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "expected"),
    [(True, False, "cuda"), (False, True, "mps"), (True, True, "cuda"), (False, False, "cpu")],
)
def test_auto_prefers_the_fastest_device(monkeypatch, has_cuda, has_mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(has_cuda))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert runtime.choose_device("auto").type == expected


def test_the_cpu_is_always_to_be_had():
    assert runtime.choose_device("cpu") == torch.device("cpu")


def test_a_second_graphics_processor_can_be_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert runtime.choose_device("cuda:1") == torch.device("cuda", 1)


@pytest.mark.parametrize("name", ["gpu", "cuda", "cuda:7", "CPU", ""])
def test_a_device_that_is_not_there_is_named_beside_those_that_are(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=f'one of cpu on this machine, got "{name}". Did you mean "auto"'):
        runtime.choose_device(name)


def test_limit_threads_tells_what_was_before():
    torch.set_num_threads(2)
    assert runtime.limit_threads(1) == 2
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("count", [0, -2, 1.5, True])
def test_a_number_of_threads_below_one_is_refused(count):
    with pytest.raises(ValueError, match="count must be a whole number of threads, at least 1, got "):
        runtime.limit_threads(count)


def test_prepare_puts_the_whole_runtime_into_effect():
    device = runtime.prepare(runtime.Runtime(seed=11, device="cpu", threads=1, deterministic=True))
    assert device == torch.device("cpu")
    assert torch.initial_seed() == 11
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def test_prepare_leaves_the_threads_alone_when_none_are_named():
    torch.set_num_threads(2)
    runtime.prepare()
    assert torch.get_num_threads() == 2


def test_a_runtime_cannot_be_changed_after_it_was_made():
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'seed'"):
        runtime.Runtime().seed = 1


def test_usable_cores_is_what_the_system_grants():
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_the_report_names_python_and_installed_packages():
    versions = runtime.report_versions()
    assert versions["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert versions["torch"] == metadata.version("torch")
    assert versions["course_utils"] == course_utils.__version__


def test_the_report_leaves_out_what_is_not_installed():
    assert "no-such-package" not in runtime.report_versions(["no-such-package"])


def test_the_report_knows_the_course_when_it_is_not_installed(monkeypatch):
    def nothing_is_installed(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(runtime.metadata, "version", nothing_is_installed)
    assert runtime.report_versions()["course_utils"] == course_utils.__version__


def test_the_report_imports_no_package():
    code = "import sys; from course_utils import runtime; runtime.report_versions(); print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_the_machine_is_described_in_plain_values():
    machine = runtime.describe_machine()
    assert machine.system.strip()
    assert machine.cores == usable_cores()
    assert len(machine.accelerators) == torch.cuda.device_count()
