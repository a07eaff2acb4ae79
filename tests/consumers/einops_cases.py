"""Call patterns of einops and opt_einsum."""

from __future__ import annotations

import einops
import einops.array_api
import numpy as np
import opt_einsum
from patterns import Table

TABLE = Table()
add = TABLE.add

X = (2, 3, 4)
add("rearrange", lambda x: einops.rearrange(x, "a b c -> c (a b)"), X)
add("rearrange-split", lambda x: einops.rearrange(x, "a b (c d) -> (a d) b c", d=2), X)
add("rearrange-list", lambda x, y: einops.rearrange([x, y], "n a b -> a (n b)"), (2, 3), (2, 3))
add("rearrange-ellipsis", lambda x: einops.rearrange(x, "a ... -> ... a"), X)
for operation in "sum mean max min prod".split():
    add(f"reduce-{operation}", lambda x, o=operation: einops.reduce(x, "a b c -> b", o), X)
add("reduce-pool", lambda x: einops.reduce(x, "a b (c d) -> a b d", "max", c=2), X)
add("repeat", lambda x: einops.repeat(x, "a b -> (r a) b k", r=2, k=3), (2, 3))
add("einsum", lambda x, y: einops.einsum(x, y, "a b, b c -> a c"), (2, 3), (3, 4))
add("pack", lambda x, y: einops.pack([x, y], "a *")[0], (2, 3), (2, 2, 2))
add("unpack", lambda x: tuple(einops.unpack(x, [(3,), (2, 2)], "a *")), (2, 7))
add(
    "array_api.rearrange",
    lambda x: einops.array_api.rearrange(x, "a b c -> c (a b)") if hasattr(x, "requires_grad") else einops.rearrange(x, "a b c -> c (a b)"),
    X,
)
add("array_api.reduce", lambda x: einops.array_api.reduce(x, "a b c -> b", "mean"), X)
add("array_api.repeat", lambda x: einops.array_api.repeat(x, "a b -> a b k", k=2), (2, 3))
add("array_api.pack", lambda x, y: einops.array_api.pack([x, y], "a *")[0], (2, 3), (2, 2, 2))
add("parse_shape", lambda x: x * einops.parse_shape(x, "a b c")["b"], X)

add("opt_einsum.contract", lambda x, y, z: opt_einsum.contract("ab,bc,cd->ad", x, y, z), (2, 3), (3, 2), (2, 4))
add("opt_einsum.contract-trace", lambda x: opt_einsum.contract("aab->b", x), (3, 3, 2))
add("opt_einsum.contract-elementwise", lambda x, y: opt_einsum.contract("ab,ab->ab", x, y), (2, 3), (2, 3))
add("opt_einsum.contract-batch", lambda x, y: opt_einsum.contract("nab,nbc->nac", x, y), (2, 3, 2), (2, 2, 3))
add("opt_einsum.expression", lambda x, y: opt_einsum.contract_expression("ab,cb->ac", (2, 3), (4, 3))(x, y), (2, 3), (4, 3))
add("opt_einsum.constants", lambda x: opt_einsum.contract("ab,bc->ac", x, x.T * 2), (2, 3))
add("opt_einsum.array", lambda x: opt_einsum.contract("ab,b->a", x, np.asarray([1.0, 2.0, 3.0])), (2, 3))
