"""The functions on Tensors, one file per chapter of the standard.

This package is also the namespace that rules compute with under `create_graph`: it has the
standard's functions and those that a backend adds (`scatter_add`, `zero_at`, `copy`).
"""

from .beyond import (
    allclose,
    array_split,
    chunk,
    column_stack,
    diag,
    diagonal,
    dot,
    hstack,
    isclose,
    kron,
    nan_to_num,
    ravel,
    relu,
    split,
    swapaxes,
    trace,
    transpose,
    vstack,
)
from .conversion import as_subclass, clone, copy, rebuild, to_any, to_numpy
from .creation import (
    arange,
    as_tensor,
    asarray,
    empty,
    empty_like,
    eye,
    from_cupy,
    from_dlpack,
    from_numpy,
    full,
    full_like,
    linspace,
    meshgrid,
    ones,
    ones_like,
    tensor,
    tril,
    triu,
    zeros,
    zeros_like,
)
from .data_types import (
    astype,
    bool,
    can_cast,
    complex64,
    complex128,
    finfo,
    float16,
    float32,
    float64,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    isdtype,
    result_type,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .devices import is_pinned, pin_memory, to
from .draws import random_dropout
from .einsum import einsum
from .elementwise import (
    abs,
    acos,
    acosh,
    add,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    ceil,
    conj,
    copysign,
    cos,
    cosh,
    divide,
    exp,
    expm1,
    floor,
    floor_divide,
    hypot,
    imag,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    maximum,
    minimum,
    multiply,
    negative,
    nextafter,
    positive,
    pow,
    real,
    reciprocal,
    remainder,
    round,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    trunc,
)
from .indexing import getitem, scatter_add, take, take_along_axis, zero_at
from .inplace import add_, copy_, div_, fill_, mul_, setitem, sub_, zero_
from .linalg import cross, outer
from .linear_algebra import matmul, tensordot, vecdot
from .logic import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    isfinite,
    isinf,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    signbit,
)
from .manipulation import (
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    concat,
    expand_dims,
    flatten,
    flip,
    matrix_transpose,
    moveaxis,
    permute_dims,
    repeat,
    reshape,
    roll,
    squeeze,
    stack,
    tile,
    unstack,
)
from .padding import pad
from .searching import argmax, argmin, count_nonzero, nonzero, searchsorted, where
from .set_ import isin, unique_all, unique_counts, unique_inverse, unique_values
from .sorting import argsort, sort
from .special import log_softmax, logsumexp, softmax
from .statistical import cumulative_prod, cumulative_sum, max, mean, min, prod, std, sum, var
from .utility import all, any, clip, diff

from . import fft, linalg, special  # isort: skip  (the extensions: `xp.linalg` in rules)
from . import operators  # isort: skip  (gives Tensor its operators)
