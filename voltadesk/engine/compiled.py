"""How the engine's functions are compiled.

`kernel` is for what Python calls: kept on disk, and runs without the interpreter's lock. `part` is for what only
kernels call: it becomes part of them, so it needs neither a file of its own nor a way in from Python, which halves the
time of a first start. Never `parallel=True`: it ends badly with forks and busy neighbours; threads are the caller's
affair.
"""

from numba import njit

kernel = njit(cache=True, nogil=True)
part = njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]  # not in its stubs

# For what makes no arrays and is called so often that counting references to them would cost more than the work.
lean_part = njit(nogil=True, _nrt=False, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)  # type: ignore[call-overload]
