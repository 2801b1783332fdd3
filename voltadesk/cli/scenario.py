"""`voltadesk scenario …`: scenarios for other programs, and what scenarios can take from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from voltadesk.cli.answers import Json, print_json, write_file
from voltadesk.errors import BadInput

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=(
        "Scenarios for other programs, and plants from them.\n\n"
        "Examples:\n\n"
        "  voltadesk scenario export village --out village-network\n\n"
        "  voltadesk scenario plants gen.csv --out plants.toml\n\n"
        "  voltadesk scenario plants village-network >> my-town.toml"
    ),
)


@app.command(
    help=(
        "Write a scenario as a network of PyPSA: the folder of CSV files that pypsa.Network(folder) reads.\n\n"
        "Examples:\n\n"
        "  voltadesk scenario export village --out village-network\n\n"
        "  voltadesk scenario export my-town.toml --seed 7 --out network --json\n\n"
        "SCENARIO is a TOML file or one that is shipped. docs/formats.md tells what a network can't say."
    )
)
def export(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A TOML file or a shipped name.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="The folder; an earlier network in it is replaced.")],
    seed: Annotated[str | None, typer.Option(metavar="N", help="Another seed than the scenario's.")] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.cli.headless import world_of
    from voltadesk.report.folder import OutFolder
    from voltadesk.report.pypsa_folder import write_network
    from voltadesk.scenario.read import find_scenario, read_scenario

    if out == "":
        raise BadInput("out", out, "must be a folder")
    path = find_scenario(scenario)
    model = read_scenario(path)
    if seed is not None:
        model = model.with_seed(seed)
    folder = OutFolder(Path(out))
    try:
        folder.begin()
        counts = write_network(folder, world_of(model, path))
    finally:
        folder.close()
    if as_json:
        print_json({"scenario": model.name, "folder": out, **counts})
    else:
        told = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items())
        typer.echo(f"{out}: {told}", err=True)


@app.command(
    help=(
        "Make [[plants]] of a scenario out of a table of power plants, and [[fleet]] out of a network's storage.\n\n"
        "Examples:\n\n"
        "  voltadesk scenario plants gen.csv --out plants.toml\n\n"
        "  voltadesk scenario plants generators.csv >> my-town.toml\n\n"
        "  voltadesk scenario plants my-network --json\n\n"
        "TABLE is the folder of a network of PyPSA or its generators.csv, gen.csv of RTS-GMLC, or a table of units of "
        "the NEM. What a table has nothing for, and what was changed or left out, stands in comments above the plants."
    )
)
def plants(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A CSV file, or the folder of a network.")],
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Else to stdout.")] = None,
    as_json: Json = False,
) -> None:
    from voltadesk.report.plants_document import plants_toml, plants_tree
    from voltadesk.scenario.plant_tables import read_plants

    if out == "":
        raise BadInput("out", out, "must be a file")
    found = read_plants(table)
    text = plants_toml(found, table.name)
    if out is not None:
        write_file(Path(out), text.encode())
    if as_json:
        print_json(plants_tree(found))
    elif out is None:
        typer.echo(text, nl=False)
    else:
        typer.echo(f"written: {out}: plants {len(found.plants):,}, batteries {len(found.batteries):,}", err=True)
