"""A fleet's plan for OpenADR 3.1: a program, and an event for each battery with its state of charge in every interval.

CHARGE_STATE_SETPOINT [kWh] is what a battery is to hold when the interval ends. It says charging, discharging and
resting alike, while DISPATCH_SETPOINT is an amount of consumption, which the published schema of payloads doesn't let
fall below zero. (OpenADR 3.1.0, Definition, User Guide 7.3, and its schemas of enumerations, 2025.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from voltadesk.clock import utc_text
from voltadesk.feeds.schedules import Schedule
from voltadesk.report.plan import kilo

VERSION = "3.1.0"
PROGRAM = "voltadesk-fleet-plan"  # its name, and in place of the id that a server (VTN) will give it
DESCRIPTOR = {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": "CHARGE_STATE_SETPOINT", "units": "KWH"}


def plan_events(schedules: Sequence[Schedule]) -> Any:
    """`program` and `events` as bodies of POST /programs and POST /events; a battery is the target of its event."""
    return {
        "openadr": VERSION,
        "program": {"programName": PROGRAM, "payloadDescriptors": [DESCRIPTOR]},
        "events": [_event(schedule) for schedule in schedules],
    }


def _event(schedule: Schedule) -> Any:
    """Intervals follow each other from the event's start, each as long as the event says."""
    start = utc_text(int(schedule.start_utc[0]))
    return {
        "programID": PROGRAM,
        "eventName": f"{schedule.name} from {start}",
        "targets": [schedule.name],
        "payloadDescriptors": [DESCRIPTOR],
        "intervalPeriod": {"start": start.replace("Z", ":00Z"), "duration": f"PT{schedule.step_s // 60}M"},
        "intervals": [
            {"id": n, "payloads": [{"type": "CHARGE_STATE_SETPOINT", "values": [kilo(fill_wh)]}]}
            for n, fill_wh in enumerate(schedule.fill_wh.tolist())
        ],
    }
