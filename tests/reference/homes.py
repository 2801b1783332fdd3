"""The draws of `voltadesk.engine.homes` once more, in Python's own integers: one home, one interval at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

WORD = 1 << 64
LAST_DRAW = 65_535  # a draw is 16 bits


class Drawn(NamedTuple):
    """What a home uses and makes in an interval [Wh]."""

    load_forecast: int
    load_metered: int
    flexible: int
    solar_forecast: int
    solar_metered: int


def random_bits(seed: int, stream: int, index: int) -> int:
    """A Weyl step for each coordinate, then SplitMix64's finaliser twice (the second time its first half)."""
    x = seed * 0x9E3779B97F4A7C15 + stream * 0xD1342543DE82EF95 + index * 0x2545F4914F6CDD1D + 0x632BE59BD9B4E019
    x %= WORD
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ x >> shift) * factor % WORD
    x ^= x >> 31
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % WORD
    return x ^ x >> 32


def varied(energy: int, error_bp: int, draw: int) -> int:
    """Energy x (1 + error x u), where u runs from -1 to 1 with the draw; floor."""
    whole = 10_000 * LAST_DRAW
    return energy * (whole + error_bp * (2 * draw - LAST_DRAW)) // whole


def draw_home(
    seed: int,
    home: int,
    interval: int,
    model: Mapping[str, int],
    load_profile: Sequence[int],
    pad: int,
    solar_profile: Sequence[int],
    clear_forecast_ppm: int,
    clear_metered_ppm: int,
    meter: tuple[int, int] | None,
) -> Drawn:
    """One home in one interval; `meter` is what its meter shows, (load, solar), where it has one."""
    bits = random_bits(seed, home, interval)
    wild, load_draw, solar_draw = (bits >> shift & 0xFFFF for shift in (0, 16, 32))
    if meter is not None:
        # The meter is the truth, and the forecast errs.
        flexible = meter[0] * model["flexible_share_bp"] // 10_000
        metered = meter[0] - flexible
        forecast = varied(metered, model["forecast_error_bp"], load_draw)
        return Drawn(forecast, metered, flexible, varied(meter[1], model["solar_error_bp"], solar_draw), meter[1])
    base = model["annual_wh"] * load_profile[pad + interval - model["shift"]] // 10**9
    # (1 - v) + v x 3 u^2 of it, u = wild / 2^16.
    share_bp = 10_000 - model["variation_bp"] + model["variation_bp"] * 3 * wild**2 // 2**32
    load = base * share_bp // 10_000
    flexible = load * model["flexible_share_bp"] // 10_000
    forecast = load - flexible
    metered = varied(forecast, model["forecast_error_bp"], load_draw)
    clear_mwh = model["solar_peak_w"] * solar_profile[interval] // 1_000 if model["solar_peak_w"] else 0
    solar = clear_mwh * clear_forecast_ppm // 10**9
    solar_metered = varied(clear_mwh * clear_metered_ppm // 10**9, model["solar_error_bp"], solar_draw)
    return Drawn(forecast, metered, flexible, solar, solar_metered)


def clouds(
    seed: int, start_utc: int, step_s: int, count: int, cloudiness_bp: int, error_bp: int
) -> list[tuple[int, int, int]]:
    """(clear sky forecast, metered, wind metered) of each interval [ppm]; see `voltadesk.engine.weather`."""

    def draw(stream: int, index: int) -> int:
        return random_bits(seed, stream, index) & 0xFFFF

    def erring(share: int, draw: int) -> int:
        return varied(share, error_bp, draw)

    sky = []
    for second in range(start_utc, start_utc + count * step_s, step_s):
        day, hour = second // 86_400, second // 3_600
        cloud = cloudiness_bp * 200 * draw(-1, day) // LAST_DRAW
        ripple = 900_000 + 200_000 * draw(-2, hour) // LAST_DRAW
        clear = max(50_000, 1_000_000 - min(cloud, 1_000_000)) * ripple // 1_000_000
        metered = min(erring(clear, draw(-3, hour)), 1_000_000)
        sky.append((min(clear, 1_000_000), metered, erring(1_000_000, draw(-4, hour))))
    return sky
