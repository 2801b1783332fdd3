"""The roundings of `units`, compiled for the kernels from the same source."""

from numba import njit

from voltadesk import units

midpoint_tick = njit(cache=True, nogil=True)(units.midpoint_tick)
fee_e8 = njit(cache=True, nogil=True)(units.fee_e8)
discounted_tick = njit(cache=True, nogil=True)(units.discounted_tick)
average_price_up_tick = njit(cache=True, nogil=True)(units.average_price_up_tick)
energy_of_power_wh = njit(cache=True, nogil=True)(units.energy_of_power_wh)
mul_div_floor = njit(cache=True, nogil=True)(units.mul_div_floor)
