"""`netbend schema`: the form of recipes, for editors."""

from netbend.cli.output import print_json
from netbend.recipe import recipe_schema


def schema() -> None:
    """Print the JSON schema of recipes; editors check and complete YAML with it."""
    print_json(recipe_schema())
