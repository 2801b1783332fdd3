"""Green Button files written by hand from the standard's description."""

from __future__ import annotations

HOST = "https://custodian.example/espi/1_1/resource"
START = 1_768_435_200  # 2026-01-15T00:00Z
FEED = '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n{}\n</feed>\n'


def entry(path: str, content: str, *related: str, up: str = "") -> str:
    links = f'<link rel="self" href="{HOST}/{path}"/>' if path else ""
    links += f'<link rel="up" href="{HOST}/{up}"/>' if up else ""
    links += "".join(f'<link rel="related" href="{HOST}/{other}"/>' for other in related)
    return f"<entry>{links}<title/>\n<content>{content}</content></entry>"


def reading_type(path: str, flow: object = 1, power: object = 0, uom: object = 72, way: object = 4) -> str:
    parts = {"accumulationBehaviour": way, "flowDirection": flow, "powerOfTenMultiplier": power, "uom": uom}
    told = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items() if value is not None)
    return entry(path, f'<ReadingType xmlns="http://naesb.org/espi">{told}</ReadingType>')


def value(start: object, energy: object, duration: object = 900, quality: object = None) -> str:
    flag = (
        "" if quality is None else f"<espi:ReadingQuality><espi:quality>{quality}</espi:quality></espi:ReadingQuality>"
    )
    period = f"<espi:duration>{duration}</espi:duration><espi:start>{start}</espi:start>"
    return (
        f"<espi:IntervalReading>{flag}<espi:timePeriod>{period}</espi:timePeriod>"
        f"<espi:value>{energy}</espi:value></espi:IntervalReading>\n"
    )


def block(path: str, *values: str, up: str = "") -> str:
    held = "".join(values)
    return entry(path, f'<espi:IntervalBlock xmlns:espi="http://naesb.org/espi">\n{held}</espi:IntervalBlock>', up=up)


def quarters(*energies: object, first: int = START, **told: object) -> list[str]:
    return [value(first + 900 * n, energy, **told) for n, energy in enumerate(energies)]


def one_meter(*values: str, **kind: object) -> str:
    """A feed of one usage point with one register."""
    reading = "Subscription/1/UsagePoint/7/MeterReading/1"
    return FEED.format(
        "\n".join(
            (
                entry("Subscription/1/UsagePoint/7", '<UsagePoint xmlns="http://naesb.org/espi"/>'),
                entry(reading, '<MeterReading xmlns="http://naesb.org/espi"/>', "ReadingType/1"),
                reading_type("ReadingType/1", **kind),
                block(f"{reading}/IntervalBlock/1", *values),
            )
        )
    )
