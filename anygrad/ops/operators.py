"""The operators of Tensor: the same fast functions, but what they do not know they leave to
the other operand (NotImplemented) instead of raising."""

# mypy: disable-error-code="method-assign, assignment"
# (the operators are declared in _array_methods.py)

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._operands import is_operand
from .._primitive import operator_function
from .._tensor import Tensor
from . import elementwise, inplace, logic
from .indexing import getitem
from .linear_algebra import matmul

Operator = Callable[[Any, Any], Any]


def _reflected(function: Operator) -> Operator:
    def operator(self: Tensor, other: Any) -> Any:
        return function(other, self) if type(other) is Tensor or is_operand(other) else NotImplemented

    return operator


def _plain(function: Operator) -> Operator:
    def operator(self: Tensor, other: Any) -> Any:
        return function(self, other) if type(other) is Tensor or is_operand(other) else NotImplemented

    return operator


Tensor.__add__ = Tensor.__radd__ = operator_function(elementwise.add)
Tensor.__mul__ = Tensor.__rmul__ = operator_function(elementwise.multiply)
Tensor.__sub__, Tensor.__rsub__ = operator_function(elementwise.subtract), _reflected(elementwise.subtract)
Tensor.__truediv__, Tensor.__rtruediv__ = operator_function(elementwise.divide), _reflected(elementwise.divide)
Tensor.__floordiv__, Tensor.__rfloordiv__ = _plain(elementwise.floor_divide), _reflected(elementwise.floor_divide)
Tensor.__mod__, Tensor.__rmod__ = _plain(elementwise.remainder), _reflected(elementwise.remainder)
Tensor.__pow__, Tensor.__rpow__ = _plain(elementwise.pow), _reflected(elementwise.pow)
Tensor.__matmul__, Tensor.__rmatmul__ = _plain(matmul), _reflected(matmul)
Tensor.__and__ = Tensor.__rand__ = _plain(logic.bitwise_and)
Tensor.__or__ = Tensor.__ror__ = _plain(logic.bitwise_or)
Tensor.__xor__ = Tensor.__rxor__ = _plain(logic.bitwise_xor)
Tensor.__lshift__, Tensor.__rlshift__ = _plain(logic.bitwise_left_shift), _reflected(logic.bitwise_left_shift)
Tensor.__rshift__, Tensor.__rrshift__ = _plain(logic.bitwise_right_shift), _reflected(logic.bitwise_right_shift)
Tensor.__neg__, Tensor.__pos__, Tensor.__abs__ = elementwise.negative, elementwise.positive, elementwise.abs
Tensor.__invert__ = logic.bitwise_invert
Tensor.__eq__, Tensor.__ne__ = operator_function(logic.equal), operator_function(logic.not_equal)
Tensor.__lt__, Tensor.__le__ = operator_function(logic.less), operator_function(logic.less_equal)
Tensor.__gt__, Tensor.__ge__ = operator_function(logic.greater), operator_function(logic.greater_equal)
Tensor.__iadd__, Tensor.__isub__ = _plain(inplace.add_), _plain(inplace.sub_)
Tensor.__imul__, Tensor.__itruediv__ = _plain(inplace.mul_), _plain(inplace.div_)
Tensor.__ifloordiv__, Tensor.__imod__ = _plain(inplace.floor_divide_), _plain(inplace.remainder_)
Tensor.__ipow__, Tensor.__imatmul__ = _plain(inplace.pow_), _plain(inplace.matmul_)
Tensor.__iand__, Tensor.__ior__, Tensor.__ixor__ = _plain(inplace.bitwise_and_), _plain(inplace.bitwise_or_), _plain(inplace.bitwise_xor_)
Tensor.__ilshift__, Tensor.__irshift__ = _plain(inplace.bitwise_left_shift_), _plain(inplace.bitwise_right_shift_)
Tensor.__getitem__ = getitem
Tensor.__setitem__ = inplace.setitem
