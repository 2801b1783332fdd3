"""The roundings of `units`, compiled for the kernels from the same source."""

from voltadesk import units
from voltadesk.engine.compiled import part

midpoint_tick = part(units.midpoint_tick)
fee_e8 = part(units.fee_e8)
discounted_tick = part(units.discounted_tick)
average_price_up_tick = part(units.average_price_up_tick)
energy_of_power_wh = part(units.energy_of_power_wh)
