"""Clouds and gusts: how much of a clear sky or a wind profile there is, forecast and as it turns out."""

from __future__ import annotations

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from voltadesk.engine.compiled import kernel
from voltadesk.engine.homes import random_bits

# Streams of the random numbers beside those of the homes, which count from 0.
STREAM_DAY, STREAM_HOUR, STREAM_ERROR, STREAM_GUST = -np.arange(1, 5)


@kernel
def draw_weather(
    seed: int,
    start_utc: int,
    step_s: int,
    cloudiness_bp: int,
    error_bp: int,
    clear_forecast_ppm: NDArray[np.int64],
    clear_metered_ppm: NDArray[np.int64],
    wind_metered_ppm: NDArray[np.int64],
) -> None:
    """Share of a clear sky [ppm] as forecast and metered, and of the forecast wind as metered [ppm]; arrays (T,).

    A day's cloudiness is drawn evenly between nothing and twice the mean, its hours lie within +-10 % of it; the error
    of the forecast is drawn for each hour within +-`error_bp`.
    """
    for t in range(clear_forecast_ppm.shape[0]):
        second = start_utc + t * step_s
        day, hour = second // 86_400, second // 3_600
        cloud: int = cloudiness_bp * 200 * int(random_bits(seed, STREAM_DAY, day) & uint64(0xFFFF)) // 65_535
        ripple: int = 900_000 + 200_000 * int(random_bits(seed, STREAM_HOUR, hour) & uint64(0xFFFF)) // 65_535
        clear: int = max(50_000, 1_000_000 - min(cloud, 1_000_000)) * ripple // 1_000_000
        error = 2 * int(random_bits(seed, STREAM_ERROR, hour) & uint64(0xFFFF)) - 65_535
        gust = 2 * int(random_bits(seed, STREAM_GUST, hour) & uint64(0xFFFF)) - 65_535
        clear_forecast_ppm[t] = min(clear, 1_000_000)
        clear_metered_ppm[t] = min(clear * (655_350_000 + error_bp * error) // 655_350_000, 1_000_000)
        wind_metered_ppm[t] = 1_000_000 * (655_350_000 + error_bp * gust) // 655_350_000
