"""The exchange's tables: one NumPy record type each, every field an int64 with its unit in its name.

The kernels, the reports and the written files all read these; `docs/market-rules.md` says what the rules do with them.
Fields under "state" and "totals" are written by the market, the others are given. Money fields are seen from the
participant: received is positive, paid negative. Flags and codes are int64, too: one width, no padding, and the bytes
of a table are the same everywhere.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = NDArray[Any]

NO_PRICE_TICK = -(1 << 40)  # where a price may be missing: no order, no trade

# Codes ----------------------------------------------------------------------------------------------------------------
COMMUNITY_RULES = ("none", "discount", "mid-market", "supply-demand-ratio", "continuous")
(
    COMMUNITY_NONE,
    COMMUNITY_DISCOUNT,
    COMMUNITY_MID_MARKET,
    COMMUNITY_SUPPLY_DEMAND_RATIO,
    COMMUNITY_CONTINUOUS,
) = range(5)

MARKETS = ("community", "auction", "imbalance")
MARKET_COMMUNITY, MARKET_AUCTION, MARKET_IMBALANCE = np.arange(3)  # typed: literals compile a kernel for each value

KINDS = ("home", "plant", "battery", "upstream")
KIND_HOME, KIND_PLANT, KIND_BATTERY, KIND_UPSTREAM = np.arange(4)

BATTERY_REASONS = (
    "charged",
    "discharged",
    "outage",
    "no order",
    "no price",
    "full",
    "empty",
    "price between limits",
    "not filled",
)
(
    REASON_CHARGED,
    REASON_DISCHARGED,
    REASON_OUTAGE,
    REASON_NO_ORDER,
    REASON_NO_PRICE,
    REASON_FULL,
    REASON_EMPTY,
    REASON_BETWEEN_LIMITS,
    REASON_NOT_FILLED,
) = range(9)


def table(*fields: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in fields], align=True)


RULES = table(
    "step_s",
    "start_utc",  # start of interval 0
    "pricing",  # auction.PRICING_*
    "price_rule",  # auction.RULE_*
    "floor_tick",
    "cap_tick",
    "margin_tick",  # operator's margin on every MWh bought in the auction
    "grid_fee_tick",  # on homes' purchases in the auction
    "levy_tick",  # on homes' purchases in the auction
    "community_rule",  # COMMUNITY_*
    "community_discount_bp",
    "community_fee_bp",  # broker's fee on what the seller gets
    "community_grid_fee_tick",  # on homes' purchases in the community
    "community_levy_tick",
    "community_zic_bp",  # continuous: share of homes that quote by ZIC, the others by their values
    "community_rounds",  # continuous: how often a home quotes in an interval
    "community_seed",  # continuous: where draws of quotes come from
    "community_is_measured",  # 0 or 1: what trades were worth is worked out for a pool, too
    "imbalance_spread_tick",
    "upstream_limit_w",  # 0: no connection
    "upstream_emissions_g_per_mwh",
)

HOME = table(
    "in_community",  # 0 or 1
    "offer_limit_tick",  # least price for surplus solar
    "flexible_limit_tick",  # most a flexible MWh may cost, fees included
    "flexible_power_w",
    "flexible_waiting_limit_wh",  # what waits beyond this is given up
    # state
    "flexible_waiting_wh",
    # totals
    "load_wh",  # served, flexible load included
    "flexible_wh",  # served
    "flexible_forgone_wh",
    "shed_wh",
    "solar_wh",
    "curtailed_wh",
    "own_use_wh",
    "community_bought_wh",
    "community_sold_wh",
    "auction_bought_wh",
    "auction_sold_wh",
    "imbalance_short_wh",
    "imbalance_long_wh",
    "community_e8",
    "auction_e8",
    "imbalance_e8",
    "fees_e8",  # margin, grid fees, levies and the broker's fee
)

PLANT = table(
    "minimum_wh",  # least stable energy of an interval
    "ramp_up_wh",  # most the energy of an interval may rise from one to the next
    "ramp_down_wh",
    "marginal_cost_tick",
    "start_adder_tick",  # added to its offers while it is off and in its minimum up time
    "stop_discount_tick",  # most that is taken off the offer of the minimum of a unit that is on
    "start_cost_e8",
    "stop_cost_e8",
    "minimum_up_intervals",
    "minimum_down_intervals",
    "emissions_g_per_mwh",
    # state
    "output_wh",
    "held_intervals",  # how long it has been on, or off
    "standby_e8",  # what staying on has cost it
    # totals
    "energy_wh",
    "auction_sold_wh",
    "imbalance_short_wh",
    "imbalance_long_wh",
    "auction_e8",
    "imbalance_e8",
    "running_intervals",
    "starts",
    "stops",
)

BATTERY = table(
    "charge_power_w",
    "discharge_power_w",
    "charge_efficiency_ppm",
    "discharge_efficiency_ppm",
    "standing_loss_ppm_per_hour",
    "minimum_fill_wh",
    "maximum_fill_wh",
    "wear_cost_tick",  # per MWh discharged
    # state
    "fill_wh",
    "standing_loss_rest",  # the part of a Wh that is still to be lost, in 1e-6 Wh x s / h
    # totals
    "charged_wh",  # bought, before losses
    "discharged_wh",  # sold, after losses
    "loss_wh",
    "bought_e8",
    "sold_e8",
    "fees_e8",
    "wear_e8",  # a cost, not a payment
    "mode_changes",
    "last_mode",  # state: 1 charged, -1 discharged, 0 never
)

ACCOUNTS = table(  # the market's own accounts; one row
    "operator_e8",  # margin, and what pay-as-bid leaves
    "broker_e8",
    "network_e8",  # grid fees
    "levies_e8",
    "reserve_e8",  # other side of every imbalance
    "reserve_up_wh",  # energy the reserve put in
    "reserve_down_wh",  # energy the reserve took out
    "upstream_sold_wh",
    "upstream_bought_wh",
    "upstream_e8",
    "upstream_fees_e8",
    "reference_price_tick",  # state: the last clearing price
)

INTERVAL = table(
    "price_tick",  # NO_PRICE_TICK without a trade
    "price_low_tick",
    "price_high_tick",
    "quote_tick",  # what the operator quoted the community
    "community_price_tick",
    "imbalance_price_tick",
    "community_wh",
    "auction_wh",
    "load_wh",  # served
    "flexible_wh",
    "shed_wh",
    "solar_wh",  # homes' roofs
    "curtailed_wh",
    "own_use_wh",
    "plant_wh",
    "upstream_import_wh",
    "upstream_export_wh",
    "battery_charge_wh",
    "battery_discharge_wh",
    "battery_loss_wh",
    "reserve_up_wh",
    "reserve_down_wh",
    "emissions_ug",
    "welfare_e8",  # of the auction
    "uplift_e8",  # what the operator pays units it told to run
    "clearings",  # how often the auction was solved for whole set-points
)

BATTERY_SHARE = table(  # of a battery's totals, what it traded in the community
    "bought_wh",
    "sold_wh",
    "amount_e8",  # received, paid negative; before fees
)

COMMUNITY_ROW = table(  # one per interval where the community is measured: what its trades were worth
    "quotes",  # orders placed or renewed on the book
    "trades",
    "traded_wh",
    "amount_e8",  # paid for that
    "lowest_tick",  # price of a trade; NO_PRICE_TICK without one
    "highest_tick",
    "welfare_e8",  # values less costs of what was traded
    "possible_e8",  # most that could have been
    "possible_wh",  # energy that an equilibrium trades
    "equilibrium_tick",  # its price; NO_PRICE_TICK where nothing could be traded
    "square_deviation",  # sum of energy x (price - equilibrium)^2 over trades [Wh x tick^2], at most 2^62
)

BATTERY_ROW = table(  # one per interval and battery
    "fill_wh",  # at the end of the interval
    "charge_wh",
    "discharge_wh",
    "loss_wh",
    "reason",  # BATTERY_REASONS
    "buy_limit_tick",  # as it bid; NO_PRICE_TICK: it did not
    "sell_limit_tick",
)

TRADE = table(  # a receipt
    "interval",
    "kind",  # KINDS
    "participant",  # row in the table of its kind
    "market",  # MARKETS
    "energy_wh",  # bought positive, sold negative
    "price_tick",
    "amount_e8",  # received positive, paid negative; before fees
    "fees_e8",  # never positive
)


class Conditions(NamedTuple):
    """What the outside brings in C intervals to H homes, P plants and B batteries; all int64."""

    load_forecast_wh: NDArray[np.int64]  # [C, H] inelastic
    load_metered_wh: NDArray[np.int64]  # [C, H] inelastic
    flexible_wh: NDArray[np.int64]  # [C, H] flexible load that comes up
    solar_forecast_wh: NDArray[np.int64]  # [C, H]
    solar_metered_wh: NDArray[np.int64]  # [C, H]
    plant_forecast_wh: NDArray[np.int64]  # [C, P] most it is expected to be able to make
    plant_metered_wh: NDArray[np.int64]  # [C, P] most it turns out to be able to make
    battery_available_ppm: NDArray[np.int64]  # [C, B] share of its power
    battery_buy_limit_tick: NDArray[np.int64]  # [C, B] NO_PRICE_TICK: no bid
    battery_sell_limit_tick: NDArray[np.int64]  # [C, B] NO_PRICE_TICK: no offer
    upstream_sell_tick: NDArray[np.int64]  # [C] its offer; NO_PRICE_TICK: none
    upstream_buy_tick: NDArray[np.int64]  # [C] its bid; NO_PRICE_TICK: none
