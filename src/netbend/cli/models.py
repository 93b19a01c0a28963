"""`netbend models`: what comes with netbend."""

from dataclasses import asdict

from netbend.cli.output import Json, print_json, print_table


def models(json: Json = False) -> None:
    """List the models that come with netbend."""
    from netbend.models.catalog import CATALOGUE

    if json:
        print_json([asdict(entry) for entry in CATALOGUE.values()])
        return
    print_table(
        ["model", "family", "what it is", "licence"],
        ((entry.name, entry.family, entry.description, entry.licence) for entry in CATALOGUE.values()),
    )
