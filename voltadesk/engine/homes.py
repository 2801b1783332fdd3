"""What homes use and make: drawn from profiles for each interval, or read from their meters.

Randomness is a hash of (seed, home, interval), so that neither the order of evaluation nor the number of threads
changes a value. Everything is integer arithmetic, so that every machine draws the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel, part
from voltadesk.engine.tables import table

HOME_MODEL = table(
    "load_profile",  # row of the load profiles
    "annual_wh",
    "shift",  # intervals by which its day runs later
    "variation_bp",  # 0: the profile itself; 10,000: from nothing to three times it, mean kept
    "forecast_error_bp",  # metered inelastic load lies within +- this of the forecast
    "flexible_share_bp",
    "solar_profile",  # row of the solar profiles
    "solar_peak_w",
    "solar_error_bp",  # own part of the error; the weather's is common to all
    "meter",  # row of the meter series, or -1
)


@part
def random_bits(seed: int, stream: int, index: int) -> Any:
    """64 random bits that depend on nothing but the three numbers.

    Two rounds of SplitMix64's finaliser (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", 2014)
    over a Weyl step for each coordinate.
    """
    x = uint64(seed) * uint64(0x9E3779B97F4A7C15) + uint64(stream) * uint64(0xD1342543DE82EF95)
    x += uint64(index) * uint64(0x2545F4914F6CDD1D) + uint64(0x632BE59BD9B4E019)
    x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB)
    x = x ^ (x >> uint64(31))
    x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    return x ^ (x >> uint64(32))


@part
def varied_wh(energy_wh: int, error_bp: int, draw: int) -> int:
    """Energy moved by up to +-`error_bp`, as a 16-bit draw from 0 to 65,535 says; floor [Wh]."""
    share = 655_350_000 + error_bp * (2 * draw - 65_535)
    # Split, so that a whole country's load stays inside 64 bits.
    return energy_wh // 655_350_000 * share + energy_wh % 655_350_000 * share // 655_350_000


@kernel
def draw_homes(
    seed: int,
    first: int,
    model: Any,
    load_profiles: NDArray[np.int64],
    pad: int,
    solar_profiles: NDArray[np.int64],
    clearness_forecast_ppm: NDArray[np.int64],
    clearness_metered_ppm: NDArray[np.int64],
    meter_load_wh: NDArray[np.int64],
    meter_solar_wh: NDArray[np.int64],
    load_forecast_wh: NDArray[np.int64],
    load_metered_wh: NDArray[np.int64],
    flexible_wh: NDArray[np.int64],
    solar_forecast_wh: NDArray[np.int64],
    solar_metered_wh: NDArray[np.int64],
) -> None:
    """Fill the last five arrays (C, H) [Wh] for the C intervals from number `first` on.

    `load_profiles` (profiles, C + 2 pad): Wh of an interval per GWh of yearly use; column `pad` is the first interval.
    `solar_profiles` (orientations, C): 1e-3 Wh of an interval per kW of peak under a clear sky. Clearness (C,): share
    of it that the sky lets through [ppm]. Meters (meters, C) [Wh].
    """
    count, homes = load_forecast_wh.shape
    for k in range(count):
        for h in range(homes):
            row = model[h]
            bits = random_bits(seed, h, first + k)
            wild = np.int64(bits & uint64(0xFFFF))
            load_error = np.int64((bits >> uint64(16)) & uint64(0xFFFF))
            solar_error = np.int64((bits >> uint64(32)) & uint64(0xFFFF))
            if row.meter >= 0:
                load = meter_load_wh[row.meter, k]
                flexible = load * row.flexible_share_bp // 10_000
                metered = load - flexible
                forecast = varied_wh(metered, row.forecast_error_bp, load_error)
                solar_metered = meter_solar_wh[row.meter, k]
                solar = varied_wh(solar_metered, row.solar_error_bp, solar_error)
            else:
                base = row.annual_wh * load_profiles[row.load_profile, k + pad - row.shift] // 1_000_000_000
                # 3 u^2 has the mean 1 and a long tail: most quarter-hours are quiet, a few see the oven.
                share = 10_000 - row.variation_bp + (row.variation_bp * 3 * wild * wild >> 32)
                load = base * share // 10_000
                flexible = load * row.flexible_share_bp // 10_000
                forecast = load - flexible
                metered = varied_wh(forecast, row.forecast_error_bp, load_error)
                solar, solar_metered = 0, 0
                if row.solar_peak_w > 0:
                    clear_mwh = row.solar_peak_w * solar_profiles[row.solar_profile, k] // 1_000
                    solar = clear_mwh * clearness_forecast_ppm[k] // 1_000_000_000
                    solar_metered = clear_mwh * clearness_metered_ppm[k] // 1_000_000_000
                    solar_metered = varied_wh(solar_metered, row.solar_error_bp, solar_error)
            load_forecast_wh[k, h] = forecast
            load_metered_wh[k, h] = metered
            flexible_wh[k, h] = flexible
            solar_forecast_wh[k, h] = solar
            solar_metered_wh[k, h] = solar_metered
