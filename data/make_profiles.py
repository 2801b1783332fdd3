"""Makes the tables in data/profiles and data/prices again, byte for byte.

    python data/make_profiles.py           write the files
    python data/make_profiles.py --check   write nothing; exit 4 when a file differs from what would be written

Needs the extra `scenarios` (demandlib, pvlib, pandas). What is random comes from Python's Mersenne Twister with fixed
seeds, whose stream is the same in every version. Floats are used inside; every value is rounded once, half to even,
to an integer. `data/plants/catalogue.csv` is typed in, not made here.

References
  [1] BDEW, Standardlastprofile Strom (2025), as typed in by demandlib (MIT licence).
  [2] Ineichen & Perez, A new airmass independent formulation for the Linke turbidity coefficient, Solar Energy 73
      (2002); Holmgren, Hansen & Mikofski, pvlib python, JOSS 3 (2018) (BSD licence).
  [3] Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641 (2014): system losses of 14 %.
  [4] Brown, Katz & Murphy, Time series models to simulate and forecast wind speed and wind power, J. Climate and
      Applied Meteorology 23 (1984): an autoregressive Gaussian series mapped to Weibull wind speeds.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from datetime import UTC, datetime, timedelta
from math import cos, exp, log, pi
from pathlib import Path
from statistics import NormalDist
from zoneinfo import ZoneInfo

FOLDER = Path(__file__).parent
YEAR = 2025  # any year without 29 February
MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LOAD_PROFILES = ("H25", "G25", "L25", "P25", "S25")
DAY_TYPES = {"workday": "WT", "saturday": "SA", "sunday": "FT"}  # demandlib's names
DAYS_OF_SEVEN = {"workday": 5, "saturday": 1, "sunday": 1}
ORIENTATIONS = {  # (tilt, azimuth) [deg]; azimuth 180 is south
    "south": (30, 180),
    "east": (30, 90),
    "west": (30, 270),
    "flat": (10, 180),
    "facade": (90, 180),
}
LATITUDE, LONGITUDE, ALTITUDE_M, LINKE_TURBIDITY = 48.0, 9.0, 400, 3.0
PERFORMANCE = 0.86
WIND_SEED, PRICE_SEED = 20_250_109, 20_250_102
WIND_RHO = 0.975  # correlation of wind from hour to hour
WEIBULL_SHAPE, WIND_SCALE_M_S, WIND_SEASON = 2.1, 8.4, 0.16
CUT_IN_M_S, RATED_M_S, CUT_OUT_M_S = 3.0, 12.5, 25.0


def text_of(comment: str, header: list[str], rows: list[list[object]]) -> str:
    """A CSV file with its comment in front; lines end in LF."""
    lines = [f"# {line}" for line in comment.strip().splitlines()]
    lines += [",".join(header)] + [",".join(map(str, row)) for row in rows]
    return "\n".join(lines) + "\n"


def quarter_header() -> list[str]:
    return [f"q{q:02d}" for q in range(96)]


# Load -----------------------------------------------------------------------------------------------------------------
def load_table(name: str) -> dict[tuple[int, str], list[float]]:
    """Mean power by (month, day type) in each quarter-hour, dynamised by the mean of the month's daily factors."""
    import pandas as pd
    from demandlib import bdew

    with warnings.catch_warnings():  # demandlib 0.2 uses pandas calls that pandas 3 deprecates
        warnings.simplefilter("ignore")
        profile = getattr(bdew, name)(pd.date_range(f"{YEAR}-01-01", periods=96, freq="15min"))
        raw = profile.raw_profile_data
        days = pd.date_range(f"{YEAR}-01-01", f"{YEAR}-12-31", freq="D")
        dynamic = getattr(profile, "dynamisation_function", None)
        factors = dynamic(days) if dynamic else pd.Series(1.0, index=days)
    table: dict[tuple[int, str], list[float]] = {}
    for month in range(1, 13):
        factor = sum(float(factors[day]) for day in days if day.month == month) / MONTH_DAYS[month - 1]
        for day_type, code in DAY_TYPES.items():
            rows = raw[(raw["month"] == month) & (raw["weekday"] == code)].sort_values(["hour", "minute"])
            table[month, day_type] = [float(value) * factor for value in rows["value"]]
    return table


def standard_load() -> str:
    """Wh in each quarter-hour per 1e9 Wh a year, for a year with 5/7 workdays in each month and no holiday."""
    rows: list[list[object]] = []
    for name in LOAD_PROFILES:
        table = load_table(name)
        year = sum(
            MONTH_DAYS[month - 1] * DAYS_OF_SEVEN[day_type] * sum(values) / 7
            for (month, day_type), values in table.items()
        )
        for (month, day_type), values in table.items():
            rows.append([name, month, day_type] + [round(value * 1e9 / year) for value in values])
    comment = """
Standard load profiles: Wh in each quarter-hour of the local day (q00 starts at 00:00) per 1e9 Wh of yearly use.
H25 households, G25 business, L25 agriculture, P25 households with solar, S25 households with solar and battery.
Source: BDEW Standardlastprofile Strom 2025, a public tabulation of facts, as typed in by demandlib 0.2 (MIT licence,
copyright oemof developer group). Made by make_profiles.py: H25, P25 and S25 hold the BDEW dynamisation function as its
mean over each month; each profile is scaled so that a year of 365 days without holidays, 5/7 of each month workdays,
sums to 1e9 Wh within the rounding of its cells. Holidays take the sunday row.
"""
    return text_of(comment, ["profile", "month", "day_type", *quarter_header()], rows)


# Solar ----------------------------------------------------------------------------------------------------------------
def clear_sky() -> str:
    """Wh in each UTC quarter-hour per kW of peak power on the 15th of each month, without clouds."""
    import pandas as pd
    from pvlib.irradiance import get_total_irradiance
    from pvlib.location import Location

    site = Location(LATITUDE, LONGITUDE, "UTC", ALTITUDE_M)
    rows: list[list[object]] = []
    for name, (tilt, azimuth) in ORIENTATIONS.items():
        for month in range(1, 13):
            minutes = pd.date_range(f"{YEAR}-{month:02d}-15T00:00:30", periods=1440, freq="min", tz="UTC")
            sun = site.get_solarposition(minutes)
            sky = site.get_clearsky(minutes, model="ineichen", solar_position=sun, linke_turbidity=LINKE_TURBIDITY)
            plane = get_total_irradiance(
                tilt, azimuth, sun["apparent_zenith"], sun["azimuth"], sky["dni"], sky["ghi"], sky["dhi"]
            )["poa_global"]
            watts = [max(float(value), 0.0) * PERFORMANCE for value in plane.fillna(0.0)]  # per kW at 1000 W/m2
            rows.append([name, month] + [round(sum(watts[15 * q : 15 * q + 15]) / 60) for q in range(96)])
    comment = f"""
Clear-sky solar yield: Wh in each UTC quarter-hour (q00 starts at 00:00Z) per kW of peak power, on the 15th of a month.
Site {LATITUDE:g} N {LONGITUDE:g} E, {ALTITUDE_M} m. Tilt and azimuth in degrees (180 is south):
{", ".join(f"{name} {tilt}/{azimuth}" for name, (tilt, azimuth) in ORIENTATIONS.items())}.
Made by make_profiles.py with pvlib (BSD licence): Ineichen's clear sky with a Linke turbidity of {LINKE_TURBIDITY:g},
isotropic diffuse light, ground albedo 0.25, and PVWatts' system losses of 14 %:
irradiance on the plane / (1000 W/m2) x {PERFORMANCE}.
"""
    return text_of(comment, ["orientation", "month", *quarter_header()], rows)


# Wind -----------------------------------------------------------------------------------------------------------------
def farm_power(speed_m_s: float) -> float:
    """Share of capacity at a wind speed at hub height: cubic to rated power, off above the cut-out speed."""
    if speed_m_s < CUT_IN_M_S or speed_m_s >= CUT_OUT_M_S:
        return 0.0
    return min((speed_m_s**3 - CUT_IN_M_S**3) / (RATED_M_S**3 - CUT_IN_M_S**3), 1.0)


def wind_factors_ppm() -> list[int]:
    """Capacity factor of a wind farm in 8,760 UTC hours [ppm]: the mean over turbines whose winds differ."""
    draw, normal = random.Random(WIND_SEED), NormalDist()
    state, factors = 0.0, []
    for hour in range(8760):
        state = WIND_RHO * state + (1 - WIND_RHO**2) ** 0.5 * normal.inv_cdf(draw.random() or 0.5)
        season = 1 + WIND_SEASON * cos(2 * pi * (hour / 24 - 20) / 365)  # strongest in late January
        calm = 1 - normal.cdf(state)
        speed = WIND_SCALE_M_S * season * (-log(max(calm, 1e-12))) ** (1 / WEIBULL_SHAPE)
        spread = (0.8, 0.9, 1.0, 1.1, 1.2)
        factors.append(round(1_000_000 * 0.95 * sum(farm_power(speed * s) for s in spread) / len(spread)))
    return factors


def wind(factors_ppm: list[int]) -> str:
    rows: list[list[object]] = [[day + 1, *factors_ppm[24 * day : 24 * day + 24]] for day in range(365)]
    comment = f"""
Capacity factor of a wind farm in ppm of its capacity: one row a day of the year, 24 UTC hours (h00 starts at 00:00Z).
Synthetic: no place, no year. Made by make_profiles.py (seed {WIND_SEED}): a Gaussian AR(1) series of hours
(correlation {WIND_RHO}) mapped to Weibull wind speeds at hub height (shape {WEIBULL_SHAPE}, scale {WIND_SCALE_M_S} m/s,
{WIND_SEASON:.0%} more in late January and less in late July), five turbines with 0.8 to 1.2 times that wind, each with
a cubic power curve (cut-in {CUT_IN_M_S:g}, rated {RATED_M_S:g}, cut-out {CUT_OUT_M_S:g} m/s) and 5 % losses.
Mean {sum(factors_ppm) / len(factors_ppm) / 1e6:.3f}.
"""
    return text_of(comment, ["day", *(f"h{h:02d}" for h in range(24))], rows)


# Prices ---------------------------------------------------------------------------------------------------------------
def demand_share(local: datetime) -> float:
    """Demand of a temperate country as a share of its mean, by local hour, weekday and season."""
    hour = local.hour + 0.5
    morning = exp(-(((hour - 8.5) / 2.6) ** 2))
    evening = exp(-(((hour - 19.0) / 2.8) ** 2))
    noon = exp(-(((hour - 13.0) / 3.5) ** 2))
    shape = 0.76 + 0.24 * morning + 0.34 * evening + 0.20 * noon
    weekend = (1.0, 1.02, 1.02, 1.02, 1.0, 0.88, 0.82)[local.weekday()]
    season = 1 + 0.13 * cos(2 * pi * (local.timetuple().tm_yday - 20) / 365)
    return shape * weekend * season


def price_tick(residual: float) -> int:
    """Price [0.01 EUR/MWh] at a residual demand (share of mean demand): a merit order with both tails."""
    price = 75 + 75 * (residual - 0.55) + 11 * exp((residual - 0.94) * 9.5) - 29 * exp((0.36 - residual) * 3.4)
    return round(100 * min(max(price, -150.0), 900.0))


def upstream_prices_tick(factors_ppm: list[int]) -> list[int]:
    """8,760 hourly prices of the year: demand less wind and solar, through a merit order, with seeded weather."""
    draw, zone = random.Random(PRICE_SEED), ZoneInfo("Europe/Berlin")
    normal, start = NormalDist(), datetime(YEAR, 1, 1, tzinfo=UTC)
    cloud, noise, prices = 0.0, 0.0, []
    for hour in range(8760):
        if hour % 24 == 0:
            cloud = 0.6 * cloud + 0.8 * normal.inv_cdf(draw.random() or 0.5)
        noise = 0.85 * noise + 0.02 * normal.inv_cdf(draw.random() or 0.5)
        local = (start + timedelta(hours=hour)).astimezone(zone)
        season = cos(2 * pi * (hour / 24 - 172) / 365)  # 1 at midsummer
        width = 3.6 + 1.0 * season  # of the solar day, around 11:20 UTC
        solar = (0.42 + 0.30 * season) * exp(-(((hour % 24 + 0.5 - 11.3) / width) ** 2))
        clear = 0.35 + 0.65 * normal.cdf(cloud)
        residual = demand_share(local) - 1.2 * solar * clear - 0.55 * factors_ppm[hour] / 1e6 + noise
        prices.append(price_tick(residual))
    return prices


def upstream_sample(prices_tick: list[int]) -> str:
    start = datetime(YEAR, 1, 1, tzinfo=UTC)
    rows: list[list[object]] = []
    for hour, tick in enumerate(prices_tick):
        stamp = (start + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%MZ")
        rows.append([stamp, f"{'-' if tick < 0 else ''}{abs(tick) // 100}.{abs(tick) % 100:02d}"])
    mean, low, high = (tick / 100 for tick in (sum(prices_tick) / len(prices_tick), min(prices_tick), max(prices_tick)))
    negative = sum(tick < 0 for tick in prices_tick) / len(prices_tick)
    comment = f"""
Synthetic prices, shaped like a day-ahead market with much solar and wind; no market published them.
Hourly, {YEAR}, UTC, the stamp is the start of the hour. Made by make_profiles.py (seed {PRICE_SEED}): demand by hour,
weekday and season of Europe/Berlin, less solar with random cloud and the wind of wind.csv, through a merit order.
Mean {mean:.2f}, lowest {low:.2f}, highest {high:.2f} EUR/MWh, {negative:.1%} of the hours below zero.
"""
    return text_of(comment, ["time_utc", "price_eur_per_mwh"], rows)


def make_all() -> dict[Path, bytes]:
    """Every file this script makes, by its path."""
    factors = wind_factors_ppm()
    texts = {
        "profiles/standard_load.csv": standard_load(),
        "profiles/clear_sky.csv": clear_sky(),
        "profiles/wind.csv": wind(factors),
        "prices/upstream_sample.csv": upstream_sample(upstream_prices_tick(factors)),
    }
    return {FOLDER / name: text.encode("ascii") for name, text in texts.items()}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Make the tables in data/profiles and data/prices again.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 4 when a file differs")
    check = parser.parse_args(arguments).check
    try:
        files = make_all()
    except ImportError as missing:
        print(f"needs the extra 'scenarios' ({missing}): pip install 'voltadesk[scenarios]'", file=sys.stderr)
        return 5
    different = [path for path, content in files.items() if not path.exists() or path.read_bytes() != content]
    for path in different:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path])
        print(f"{path.relative_to(FOLDER)}: {'differs' if check else 'written'}", file=sys.stderr)
    return 4 if check and different else 0


if __name__ == "__main__":
    sys.exit(main())
