"""SciPy, handed Tensors: see scipy_cases.py."""

import pytest
from patterns import Pattern, check
from scipy_cases import TABLE

import anygrad as ag


@pytest.mark.parametrize("pattern", TABLE, ids=repr)
def test_pattern(pattern: Pattern) -> None:
    check(pattern)


ON_A_DEVICE = """fft.rfft fft.irfft-complex fft.ifftn integrate.trapezoid-x integrate.romb integrate.cumulative_simpson-x optimize.rosen_hess
signal.oaconvolve-full signal.fftconvolve-2d signal.hilbert signal.resample signal.freqz signal.lp2bp_zpk linalg.block_diag cluster.whiten
special.logsumexp-weights spatial.Rotation.from_euler spatial.Rotation.apply stats.skew stats.pmean-weights stats.zmap stats.quantile-hazen
stats.directional_stats stats.circstd stats.power_divergence-neyman""".split()


@pytest.mark.parametrize("id", ON_A_DEVICE)
def test_on_a_device_of_another_library(id: str) -> None:
    """Everything stays there, although SciPy makes some constants without saying where."""
    (pattern,) = [p for p in TABLE if p.id == id]
    with ag.device("array_api_strict:device1") as device:
        check(pattern, device)
