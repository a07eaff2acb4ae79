"""`python -m anygrad`: what this machine has, and a tour."""

from __future__ import annotations

import platform
import time

import array_api_compat

import anygrad as ag
from anygrad import _backends, _digits


def machine() -> list[ag.device]:
    """Print what this machine has; returns the devices."""
    print(f"Python {platform.python_version()}, anygrad {ag.__version__}, array-api-compat {array_api_compat.__version__}")
    devices = _backends.all_devices()
    for backend in dict.fromkeys(d.backend for d in devices):
        print(f"{backend.version()} on {', '.join(str(d) for d in devices if d.backend is backend)}")
    if all(d.type != "cuda" for d in devices):
        try:
            ag.device("cuda")
        except (ag.DeviceError, ImportError) as error:
            print(f"no CUDA here: {error}")
    return devices


def network(device: ag.device) -> None:
    """A network of three steps, its gradients, and how they accumulate."""

    def full(value: float, requires_grad: bool = False) -> ag.Tensor:
        return ag.full((2, 2), value, dtype=ag.float32, device=device, requires_grad=requires_grad)

    x1, w1, w2 = leaves = [full(value, requires_grad=True) for value in (2, 5, 6)]
    x2 = x1 * w1
    y = x2 * w2
    L = full(10) - y
    L.backward(full(1))
    print("x1.grad =", x1.grad)
    print("w1.grad =", w1.grad)
    print("w2.grad =", w2.grad)

    again = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    (again[0] * again[1] * again[2]).backward(full(-1))
    same = all(a.grad is not None and b.grad is not None and bool(ag.all(a.grad == b.grad)) for a, b in zip(again, leaves, strict=True))
    print("y.backward(-ones), from the middle of the graph, gives", "the same gradients" if same else "OTHER GRADIENTS")

    L2 = x1 * x1
    L2.backward(full(1))
    print("after L2 = x1 * x1; L2.backward(ones): x1.grad =", x1.grad)


def main() -> None:
    """The tour, on every device; the digits on one of each kind."""
    devices = machine()
    for device in devices:
        print(f"\nx1 = 2, w1 = 5, w2 = 6: x2 = x1 * w1; y = x2 * w2; L = 10 - y; L.backward(ones) on {device}")
        network(device)
    print()
    for device in {d.type: d for d in reversed(devices)}.values():
        start = time.perf_counter()
        try:
            loss, accuracy = _digits.train(device)
        except ModuleNotFoundError as error:
            print(f"handwritten digits on {device}: skipped. {error}")
            continue
        print(f"handwritten digits on {device}: loss {loss:.3f}, test accuracy {accuracy:.1%} after {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
