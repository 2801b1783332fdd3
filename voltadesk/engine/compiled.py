"""How the engine's functions are compiled.

`kernel` is for what Python calls: kept on disk, and runs without the interpreter's lock. `short_kernel` is for what
takes less time than letting go of that lock. `part` is for what only
kernels call: it becomes part of them, so it needs neither a file of its own nor a way in from Python, which halves the
time of a first start. `lean_part` is for what makes no arrays and is called so often that counting references to them,
or calling at all, would cost more than the work. Never `parallel=True`: it ends badly with forks and busy neighbours;
threads are the caller's affair.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types
from numba.extending import intrinsic

kernel = njit(cache=True, nogil=True)
short_kernel = njit(cache=True)
part = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]  # not in its stubs
lean_part = njit(  # type: ignore[call-overload]
    nogil=True, _nrt=False, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True
)


def _pointer(typing_context: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.voidptr(types.int64), code


# An address as a pointer, to make an array of it by `carray` that nobody counts references to.
pointer: Any = intrinsic(_pointer)
