"""The tour (`python -m anygrad`), the digits, the README and what importing anygrad imports."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import anygrad as ag
from anygrad import __main__ as tour
from anygrad import _digits

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "digits.py"
SKIPPED = 'The digits need scikit-learn and tqdm: pip install "anygrad[examples]"'


def python(*arguments: str) -> str:
    """What a fresh interpreter prints; it finds the modules that this one finds."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-W", "error", *arguments], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def digits():
    pytest.importorskip("sklearn", reason="the digits are scikit-learn's")
    pytest.importorskip("tqdm", reason="training shows a progress bar")


def filled(value: str) -> str:
    return f"tensor([[{value}, {value}],\n        [{value}, {value}]]"


def test_the_tour_prints_the_machine_the_gradients_and_the_accuracy(digits):
    printed = python("-m", "anygrad")
    assert f"numpy {np.__version__}" in printed
    assert "L.backward(ones) on cpu" in printed
    assert f"x1.grad = {filled('-30.')}" in printed
    assert f"w1.grad = {filled('-12.')}" in printed
    assert f"w2.grad = {filled('-10.')}" in printed
    assert "gives the same gradients" in printed
    assert f"L2.backward(ones): x1.grad = {filled('-26.')}" in printed
    assert "handwritten digits on cpu: loss 0." in printed
    assert ("no CUDA here: " in printed) == all(d.type != "cuda" for d in ag._backends.all_devices())


def test_the_tour_without_scikit_learn_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    tour.main()
    printed = capsys.readouterr().out
    assert "x1.grad = " in printed
    assert SKIPPED in printed


def test_digits_reach_95_percent_and_repeat_by_seed(digits):
    loss, accuracy = _digits.train(epochs=15)
    assert accuracy >= 0.95
    assert loss < 0.1
    assert _digits.train(epochs=2, seed=3) == _digits.train(epochs=2, seed=3) != _digits.train(epochs=2, seed=4)


@pytest.mark.cuda
def test_digits_on_cuda_are_those_of_the_cpu(digits):
    if all(d.type != "cuda" for d in ag._backends.all_devices()):
        pytest.skip("no CUDA device")
    (loss, accuracy), (expected, _) = _digits.train("cuda"), _digits.train("cpu")
    assert accuracy >= 0.95
    assert loss == pytest.approx(expected, rel=0.05)


def test_cross_entropy_stays_finite_for_large_scores():
    scores = ag.tensor([[1000.0, 0.0], [0.0, -1000.0]], requires_grad=True)
    loss = _digits.cross_entropy(scores, ag.tensor([0, 1]))
    loss.backward()
    assert loss.item() == 500.0
    np.testing.assert_allclose(scores.grad.numpy(), [[0, 0], [0.5, -0.5]])


def run_example(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *arguments])
    runpy.run_path(str(EXAMPLE), run_name="__main__")


def test_the_example_script(digits, monkeypatch, capsys):
    run_example(monkeypatch, "--device", "cpu", "--epochs", "2", "--seed", "1")
    loss, accuracy = _digits.train("cpu", 2, 1)
    assert capsys.readouterr().out == f"loss {loss:.3f}, test accuracy {accuracy:.1%}\n"


def test_the_example_script_says_what_is_wrong(monkeypatch):
    with pytest.raises(SystemExit, match="epochs is 0"):
        run_example(monkeypatch, "--epochs", "0")
    with pytest.raises(SystemExit, match="there is no backend 'tpu'"):
        run_example(monkeypatch, "--device", "tpu")
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(SystemExit, match="digits need scikit-learn and tqdm"):
        run_example(monkeypatch)


def test_the_readme_prints_what_it_says(capsys):
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL):
        exec(block, {})
    x = np.array([0.5, 1.0, 2.0])
    expected = [(1 - x) * np.exp(-x), 6 * x, np.full((2, 2), -30), np.full((2, 2), -12), np.full((2, 2), -10)]
    expected.append(np.cos([0.3, 1.9, 0.7]) * np.arange(3) / 3)
    printed = capsys.readouterr().out.split("tensor")[1:]
    assert len(printed) == len(expected)
    for text, values in zip(printed, expected, strict=True):
        numbers = [float(n) for n in re.findall(r"-?\d+\.\d*", text)]
        np.testing.assert_allclose(numbers, values.ravel(), atol=1e-4)


def test_the_readme_counts_the_special_functions():
    assert f"{len(ag.special.__all__)} functions of `scipy.special`" in (ROOT / "README.md").read_text(encoding="utf-8")


def programs(path):
    """The Python blocks of a page that stand for themselves."""
    return [block for block in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL) if "import anygrad" in block]


@pytest.mark.parametrize("page", [p.name for p in sorted((ROOT / "docs").glob("*.md")) if programs(p)])
def test_the_programs_of_the_documentation_run(page):
    """They make assertions of their own."""
    for program in programs(ROOT / "docs" / page):
        exec(program, {})


def test_import_brings_in_no_heavy_library():
    printed = python("-c", "import sys, anygrad; print(sorted({'cupy', 'scipy', 'sklearn', 'tqdm', 'array_api_compat'} & sys.modules.keys()))")
    assert printed == "[]\n"
