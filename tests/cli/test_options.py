"""An option means the same in every command."""

import re
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import typer.main

from .conftest import commands

# Every option: what its value is, and how its help begins, whichever command has it. A new one needs a line
# here, and words of its own: what another option says already is that option.
OPTIONS = {
    "--accept": ("flag", "Accept the terms"),
    "--align": ("flag", "Find the face"),
    "--anneal": ("flag", "Let the learning rate fall"),
    "--as": ("choice", "What the paper's five-item form means"),
    "--augment": ("text", "none, ada"),
    "--batch": ("number", "Batch size"),
    "--bends": ("text", "... with so many bends"),
    "--beta1": ("number", "Of Adam, for the mean"),
    "--beta2": ("number", "Of Adam, for the square"),
    "--ceiling": ("number", "Highest true peak"),
    "--closeness": ("number", "How much the vectors"),
    "--clusters": ("path", "Cluster file"),
    "--columns": ("text", "Axis to the right"),
    "--compare": ("flag", "Put the unbent picture beside the bent"),
    "--count": ("number", "How many results"),
    "--crop": ("text", "Take this square"),
    "--cutoff": ("number", "Truncate only the first"),
    "--detail": ("text", "Put back what the network loses"),
    "--device": ("text", "auto, cpu, cuda or mps"),
    "--devices": ("number", "Number of GPUs"),
    "--emphasis": ("number", "Weight of low frequencies"),
    "--encoder": ("choice", "gpu: NVIDIA's encoder"),
    "--end": ("number", "Where to end"),
    "--epochs": ("number", "Passes over the"),
    "--face": ("text", "Align by hand"),
    "--face-finder": ("choice", "For --align"),
    "--feature-base": ("number", "Features at resolution R"),
    "--feature-max": ("number", "... but at most so many"),
    "--figure": ("text", "A figure of the paper"),
    "--fps": ("number", "Frames a second"),
    "--frame": ("number", "Only this frame"),
    "--from": ("path or text", "Begin from a"),  # file, or model by its name
    "--gain": ("number", "Make cuts louder or softer"),
    "--half": ("flag", "Store half precision"),
    "--height": ("number", "Height of"),
    "--init": ("choice", "Where to begin the search"),
    "--iterations": ("number", "Of Griffin-Lim"),
    "--json": ("flag", "Print JSON"),
    "--k": ("text", "Clusters a layer"),
    "--keep": ("text", "Write only these"),
    "--keep-loudness": ("flag", "Keep the source's loudness"),
    "--kimg": ("number", "Thousands of pictures to show"),
    "--kl-weight": ("number", "Squared error"),
    "--label": ("text", "Class to ask for"),
    "--latent-dim": ("number", "Dimensions of the latent"),
    "--latents": ("path", "Latents from a .npz, .npy, .safetensors or .pt file instead of seeds"),
    "--layer": ("text", "... and where, number or name"),
    "--layers": ("text", "Layers, such as"),
    "--learning-rate": ("number", "Learning rate of"),
    "--limit": ("flag", "Keep true peaks below"),
    "--mapping-depth": ("number", "Layers between z and w"),
    "--metadata": ("flag", "Keep a record inside"),
    "--mirror": ("flag", "Also show pictures mirrored"),
    "--mix": ("number", "0 the source alone"),
    "--model": ("text", "Name or checkpoint file"),
    "--mutation": ("number", "Chance of each kind of change"),
    "--networks": ("path", "Metric networks from"),
    "--noise": ("choice", "Per-layer noise"),
    "--noise-maps": ("flag", "Look for the noise of each layer"),
    "--nonfinite": ("choice", "What to do about NaN"),
    "--of": ("path", "Take those of a file"),
    "--older": ("flag", "Write the older dictionary form"),
    "--optimizer": ("choice", "auto: lbfgs"),
    "--out": ("path", ""),  # what is written differs, and is what it says
    "--overwrite": ("flag", "Replace files that are there"),
    "--path-length-weight": ("number", "Path length penalty"),
    "--patience": ("number", "End early"),
    "--perceptual": ("choice", "What is compared besides the pixels"),
    "--phase": ("choice", "The source's phases"),
    "--precision": ("choice", "bf16: coarser"),
    "--preset": ("choice", "Preset: "),
    "--progress-every": ("number", "Write an intermediate picture"),
    "--quality": ("number", "CRF of"),
    "--quiet": ("flag", "Print nothing but errors"),
    "--r1-gamma": ("number", "Weight of the gradient penalty"),
    "--range": ("number", "Standard deviations to either side"),
    "--recipe": ("path", "Recipe file"),
    "--remove": ("flag", "Take its name away"),
    "--resume": ("flag", "Go on after a stop"),
    "--rows": ("text", "Axis downwards"),
    "--sample-rate": ("number", "Hz; sounds of other rates"),
    "--samples": ("number", "How many samples"),
    "--save-seconds": ("number", "Seconds between checkpoints"),
    "--seconds": ("number", "Length"),
    "--seed": ("number", "Seed of chance"),
    "--seeds": ("text", "Seeds of the latents"),
    "--selection-seed": ("number", "Seed of the random selections"),
    "--share": ("text", "... on so much of a layer's features"),
    "--sheet": ("flag", "Also write a contact sheet"),
    "--size": ("number", "Height and width"),
    "--snapshot-kimg": ("number", "Thousands of pictures between samples"),
    "--sound": ("path", "Sound file"),
    "--space": ("choice", "Space of the latents"),
    "--spectrogram": ("path", "PNG of source, reconstruction"),
    "--start": ("number", "Where to begin: seconds"),
    "--steps": ("number", "At most so many"),
    "--stereo": ("choice", "linked: all channels"),
    "--stills": ("number", "Only so many frames"),
    "--strength": ("number", "How far the recipe bends"),
    "--style-layers": ("text", "At these layers"),
    "--style-mixing": ("number", "Probability of two latents"),
    "--style-seed": ("number", "Take styles from the latent"),
    "--surprise": ("flag", "Recipes by chance"),
    "--test-samples": ("number", "Samples that only test"),
    "--time": ("number", "Moment of a recipe that moves"),
    "--transform": ("text", "Without a recipe: what is bent with"),
    "--transforms": ("text", "... with these transforms"),
    "--truncation": ("number", "psi"),
    "--validation": ("path", "Folder of sounds to measure by"),
    "--version": ("flag", "Print the version"),
    "--volume": ("number", "Make the result louder or softer"),
    "--walk": ("number", "Seconds from one latent to the next"),
    "--warm-up": ("number", "Steps in which learning rates rise"),
    "--watch": ("flag", "Stay, and render again"),
    "--width": ("number", "Width of the network"),
    "--stereo-width": ("number", "Stereo width of songs"),
    "--work": ("path", "Folder for unfinished work"),
}
# Words of a help text that belong to one option alone.
MEANINGS = {
    r"[Ss]eeds? of (the )?(random )?(selections|draws?)": "--selection-seed",
    r"[Ss]eeds? of (the )?latents?|[Ll]atent's seed": "--seeds",
    r"bfloat16|bf16|float32": "--precision",
    r"\bcuda\b": "--device",
    r"\bpsi\b": "--truncation",
    r"[Hh]eight of": "--height",
    r"[Hh]ow many (results|recipes|children|directions)": "--count",
    r"Replace (what|files?|the file|an) ": "--overwrite",
    r"[Bb]atch size|at a time": "--batch",
    r"[Ll]earning rate of": "--learning-rate",
}
# What a command has its own of: where it writes, how much, and what it takes if nothing is said.
OWN_DEFAULTS = {
    *("--out", "--count", "--seed", "--seeds", "--selection-seed", "--truncation", "--model", "--space"),
    *("--batch", "--learning-rate", "--epochs", "--samples", "--preset", "--clusters", "--style-layers"),
}
OWN_CHOICES = {"--preset"}
OF_TYPER = {"--install-completion", "--show-completion"}


def kind_of(option: Any) -> str:
    kind = option.type_descriptor.annotation
    kind = typer.main.get_args(kind)[0] if option.multiple else kind
    if issubclass(kind, StrEnum):
        return "choice"
    return {bool: "flag", int: "number", float: "number", str: "text", Path: "path"}[kind]


def all_options() -> Iterator[tuple[str, str, Any]]:
    """Each command's name, each of its options' names, and that option."""
    for path, command in commands():
        for option in command.params:
            if option.param_type_name == "option" and (name := max(option.opts, key=len)) not in OF_TYPER:
                yield " ".join(path), name, option


@pytest.fixture(scope="module")
def options() -> dict[str, dict[str, Any]]:
    """By name: the options of that name by their commands."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for path, name, option in all_options():
        found[name][path] = option
    return dict(found)


def test_every_option_has_one_kind_of_value_and_one_meaning(options: dict[str, dict[str, Any]]) -> None:
    said = {
        (name, path): (kind_of(option), option.help)
        for name, by_command in options.items()
        for path, option in by_command.items()
    }
    assert set(options) == set(OPTIONS)
    wrong = {
        at: (kind, help)
        for at, (kind, help) in said.items()
        if kind not in OPTIONS[at[0]][0].split(" or ") or not help.startswith(OPTIONS[at[0]][1])
    }
    assert wrong == {}


def test_no_two_options_begin_to_say_the_same() -> None:
    beginnings = [beginning for _, beginning in OPTIONS.values() if beginning]
    twice = [pair for pair in permutations(beginnings, 2) if pair[0].startswith(pair[1])]
    assert twice == []


def test_what_one_option_means_no_other_says(options: dict[str, dict[str, Any]]) -> None:
    synonyms = [
        (path, name, belongs)
        for name, by_command in options.items()
        for path, option in by_command.items()
        for meaning, belongs in MEANINGS.items()
        if name != belongs and re.search(meaning, option.help)
    ]
    assert synonyms == []


def test_an_option_is_written_and_limited_alike_everywhere(options: dict[str, dict[str, Any]]) -> None:
    for name, by_command in options.items():
        spellings = {(*option.opts, *option.secondary_opts) for option in by_command.values()}
        assert len({tuple(sorted(spelling)) for spelling in spellings}) == 1, (name, spellings)
        choices = {option.type_descriptor.annotation for option in by_command.values()}
        if OPTIONS[name][0] == "choice" and name not in OWN_CHOICES:
            assert len(choices) == 1, name


def test_what_is_not_said_is_taken_alike_everywhere(options: dict[str, dict[str, Any]]) -> None:
    differing = {
        name
        for name, by_command in options.items()
        if len({repr(option.default) for option in by_command.values()}) > 1
    }
    assert differing <= OWN_DEFAULTS


ROOT = Path(__file__).parent.parent.parent
SHOWN = [
    ROOT / "README.md",
    *ROOT.glob("docs/*.md"),
    *ROOT.glob("scripts/**/*.sh"),
    *ROOT.glob("recipes/**/*.md"),
]


def lines_of_commands() -> list[tuple[str, str]]:
    """File and line, wherever `netbend COMMAND` stands with options."""
    found = []
    for file in SHOWN:
        text = re.sub(r"\\\n\s*", " ", file.read_text())
        found += [
            (file.name, line) for line in re.findall(r"netbend\"? [a-z][^`\n#|]*", text) if "--" in line
        ]
    return found


def test_every_option_that_is_shown_exists(options: dict[str, dict[str, Any]]) -> None:
    lines = lines_of_commands()
    assert len(lines) > 50
    commands = {path for by_command in options.values() for path in by_command}
    unknown = []
    for file, line in lines:
        words = line.partition(" ")[2].split()
        path = max((path for path in commands if words[: len(path.split())] == path.split()), key=len)
        path = "cluster make" if path == "" and words[0] == "cluster" else path
        named = [name for name in re.findall(r"(?<![\w-])--[a-z][\w-]*", line) if name != "--help"]
        unknown += [
            (file, line, name) for name in named if path not in options.get(name.replace("--no-", "--"), {})
        ]
    assert unknown == []
