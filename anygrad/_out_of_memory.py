"""Running out of memory: which errors say so, what to tell, and giving back what the failed computation held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import CodeType, FrameType
from typing import Any

from ._backends import device, device_of, is_array
from ._errors import OutOfMemoryError

# How errors say it that are no MemoryError: those of the CUDA runtime and driver, of cuBLAS, cuSOLVER and cuFFT, and of PyTorch's CPU allocator.
_WORDS = ("out of memory", "ALLOC_FAILED", "allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed because there was not enough memory."""
    return isinstance(error, MemoryError) or isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def out_of_memory(error: BaseException, function: str, given: Iterable[Any] = (), more: str = "") -> OutOfMemoryError:
    """The error to raise in place of a library's own.

    Parameters
    ----------
    error : exception
        What was raised. The frames that it has left are emptied, since their variables would keep arrays for as long as
        somebody has the exception.
    function : str
        What was being computed.
    given : iterable
        Devices and arrays: an error of CuPy is about the first CUDA device among these, or the current one.
    more : str
        What else there is to say.
    """
    _forget(error)
    said = str(error).partition("\n")[0].rstrip(".") or "out of memory"
    where = _place(error, given)
    cures = (
        "Use smaller batches; compute under `anygrad.no_grad()` what needs no gradient; have `anygrad.utils.checkpoint` save less; `del` what is used no more"
    )
    if where.type == "cuda":
        cures += ". `anygrad.cuda.empty_cache()` gives what no array uses back to other programs"
    return OutOfMemoryError(" ".join(part for part in (f"{function}: {said}.", more, _held(where), f"{cures}.") if part))


def told_of_backward(error: BaseException, accumulated: list[Any], walk: CodeType | None = None) -> OutOfMemoryError:
    """What to raise for a backward that found too little memory, after taking back what it did to leaves.

    Gradients that leaves did not have before are taken back. What was added to others stays: to undo that, the old values
    would have to be kept.

    Parameters
    ----------
    error : exception
    accumulated : list of Tensor or None
        The leaves that have got their gradient; None in place of one that had a gradient before.
    walk : code, optional
        Of the function with the variables `node`, which was running, and `g`, its gradient. (To note the node costs time.)
    """
    node, g = next(((frame.f_locals["node"], frame.f_locals["g"]) for frame in _frames(error) if frame.f_code is walk), (None, None))
    for tensor in accumulated:
        if tensor is not None:
            tensor._grad = None
    added = sum(tensor is None for tensor in accumulated)
    state = (
        f"{added} of the leaves that had a .grad already have got this backward's part of it: set them to None before the next one."
        if added
        else "Every .grad is as it was before."
    )
    what = "backward" if node is None else f"backward of `{node.name()}` (shape {tuple(node.shape or ())})"
    if isinstance(error, OutOfMemoryError):  # of a function that was called on Tensors
        _forget(error)
        return OutOfMemoryError(f"{what}: {error} {state}")
    return out_of_memory(error, what, g if type(g) is list else [g], state)


class explained:
    """A context in which running out of memory is told as that of a function, on one of the devices or arrays given."""

    __slots__ = ("function", "given")

    def __init__(self, function: str, *given: Any) -> None:
        self.function, self.given = function, given

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MemoryError) and not isinstance(error, OutOfMemoryError):
            raise out_of_memory(error, self.function, self.given) from error


def _place(error: BaseException, given: Iterable[Any]) -> device:
    """Where there was too little."""
    if not type(error).__module__.startswith("cupy"):
        return device("cpu")
    places = [v if isinstance(v, device) else device_of(v) for v in given if isinstance(v, device) or is_array(v)]
    return next((place for place in places if place.type == "cuda"), None) or device("cuda")


def _held(where: device) -> str:
    """Who has the memory of a device; nothing for one that does not count it."""
    stats = where.backend.memory_stats(where.raw)
    if not stats:
        return ""
    used, pool = stats["allocated"], stats["reserved"]
    return f"On {where}, arrays hold {_size(used)}, the pool holds {_size(pool - used)} beside them, and {_size(stats['free'])} of {_size(stats['total'])} are free."


def _size(n: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024
    return f"{n:.4g} GiB"


def _frames(error: BaseException) -> Iterator[FrameType]:
    """The frames that an error came through, the outermost first."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def _forget(error: BaseException) -> None:
    """Empty the frames that an error, and what was raised before it, have left."""
    link: BaseException | None = error
    while link is not None:
        for frame in _frames(link):
            try:
                frame.clear()
            except RuntimeError:  # it still runs
                continue
            frame.f_locals  # noqa: B018  (a dict that somebody has asked for keeps the values until it is asked for again)
        link = link.__context__
