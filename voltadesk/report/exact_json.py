"""Figures as JSON, every number written out in full."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import simplejson


def json_text(tree: Any, indent: int | None = None) -> str:
    """A tree as JSON; decimals stand as they are, never with an exponent and never by way of a float."""
    return simplejson.dumps(_written_out(tree), ensure_ascii=False, indent=indent)


def _written_out(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _written_out(item) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_written_out(item) for item in tree]
    return simplejson.RawJSON(format(tree, "f")) if isinstance(tree, Decimal) else tree
