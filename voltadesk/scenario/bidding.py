"""The bids of a scenario's batteries whose strategies learn: each interval's rest on the prices before it."""

from __future__ import annotations

import numpy as np

from voltadesk.engine.exchange import Exchange
from voltadesk.engine.tables import NO_PRICE_TICK, Conditions
from voltadesk.scenario.world import World
from voltadesk.strategy.rolling import Moment, Outlook, Rolling, place_limits, published_ahead


class Bidding:
    """Places them, interval by interval, and learns from what the market comes to."""

    def __init__(self, world: World) -> None:
        self.world, self.outlook = world, Outlook(world.grid.step_s)
        self.is_needed = any(isinstance(each, Rolling) for each in world.strategies)

    def place(self, exchange: Exchange, conditions: Conditions) -> None:
        """Write the limits into the conditions of the exchange's next interval, which are of that one alone."""
        grid, t, price_tick = self.world.grid, exchange.next_interval, self.world.upstream_price_tick
        second = int(self.world.local_second[t])
        published_tick = None if price_tick is None else published_ahead(price_tick, t, second, grid.step_s)
        margin_tick = self.world.scenario.operator.margin
        moment = Moment(grid.start_utc + t * grid.step_s, second, grid.step_s, margin_tick)
        limit_tick = np.stack([conditions.battery_buy_limit_tick[0], conditions.battery_sell_limit_tick[0]])
        place_limits(self.outlook, moment, published_tick, self.world.strategies, exchange.batteries, limit_tick)
        conditions.battery_buy_limit_tick[0], conditions.battery_sell_limit_tick[0] = limit_tick

    def learn(self, exchange: Exchange) -> None:
        """Take in the price of the interval that was run last."""
        t, price_tick = exchange.next_interval - 1, self.world.upstream_price_tick
        published_tick = NO_PRICE_TICK if price_tick is None else int(price_tick[t])
        self.outlook.learn(int(self.world.local_second[t]), exchange.marginal_tick, published_tick)
