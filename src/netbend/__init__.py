"""Network bending: put transformations into a trained generative network.

import netbend

faces = netbend.load_model("faces")
recipe = netbend.load_recipe("recipes/two-faced.yaml")
with netbend.bend(faces, recipe, seed=7):
    images = faces.generate(faces.latents(seeds=[1, 2, 3]))
netbend.to_pictures(images)[0].save("bent.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netbend.atlas import make_atlas
    from netbend.bending import Layer, Plan, bend, resolve
    from netbend.choices import (
        FiveItems,
        NoiseMode,
        NonFinite,
        Perceptual,
        Phase,
        Precision,
        Preset,
        Space,
        Start,
        Stereo,
    )
    from netbend.clustering import Counts, Settings, cluster_features, cluster_latents
    from netbend.engine.bound import Bound, bind
    from netbend.engine.frames import Film
    from netbend.engine.progress import ProgressEvent
    from netbend.engine.request import RenderRequest
    from netbend.engine.session import Session
    from netbend.errors import (
        Cancelled,
        CheckpointError,
        ClusterError,
        DataError,
        LatentError,
        ModelError,
        NetbendError,
        NonFiniteError,
        OptionError,
        RecipeError,
        RefusedFile,
        RenderError,
        SoundError,
    )
    from netbend.film.make import make_film
    from netbend.latents.directions import Directions, find_directions, load_directions
    from netbend.latents.file import load_latents
    from netbend.latents.path import latent_path
    from netbend.latents.projection.project import project
    from netbend.latents.projection.settings import Settings as ProjectionSettings
    from netbend.models.base import Latents, Model, SynthesisOptions
    from netbend.models.capabilities import HasClasses, HasEncoder, HasStyles
    from netbend.models.catalog import load_model
    from netbend.models.checkpoint import Checkpoint
    from netbend.models.family import Family
    from netbend.models.output import (
        AudioOutput,
        ImageOutput,
        Output,
        TensorOutput,
        TextOutput,
        VolumeOutput,
    )
    from netbend.models.wrap import wrap
    from netbend.pictures import to_pictures
    from netbend.process import tune_process
    from netbend.recipe import (
        All,
        Bend,
        Cluster,
        Clusters,
        Drift,
        Indices,
        Not,
        Random,
        Recipe,
        load_clusters,
        load_recipe,
        parse_recipe,
        recipe_to_data,
        recipe_to_yaml,
        save_clusters,
    )
    from netbend.recipe.latent import parse_latent
    from netbend.render.live import LiveStream
    from netbend.render.sound import Mixing, SoundJob
    from netbend.render.stream import Listening, SoundStream
    from netbend.sound.measures import SoundMeasures, measure_sound
    from netbend.transforms import Axes, Transform, build_transform, parameter, transform
    from netbend.variations.breed import breed
    from netbend.variations.freeze import freeze
    from netbend.variations.grid import make_grid
    from netbend.variations.surprise import Bounds, surprise

__version__ = "0.1.0"

# Public names and their rooms: imported on first use, since torch takes its time.
_ROOMS = {
    "atlas": ["make_atlas"],
    "bending": ["Layer", "Plan", "bend", "resolve"],
    "choices": [
        "FiveItems",
        "NoiseMode",
        "NonFinite",
        "Perceptual",
        "Phase",
        "Precision",
        "Preset",
        "Space",
        "Start",
        "Stereo",
    ],
    "clustering": ["Counts", "Settings", "cluster_features", "cluster_latents"],
    "errors": [
        "Cancelled",
        "CheckpointError",
        "ClusterError",
        "DataError",
        "LatentError",
        "ModelError",
        "NetbendError",
        "NonFiniteError",
        "OptionError",
        "RecipeError",
        "RefusedFile",
        "RenderError",
        "SoundError",
    ],
    "engine.bound": ["Bound", "bind"],
    "engine.frames": ["Film"],
    "engine.progress": ["ProgressEvent"],
    "engine.request": ["RenderRequest"],
    "engine.session": ["Session"],
    "film.make": ["make_film"],
    "latents.directions": ["Directions", "find_directions", "load_directions"],
    "latents.file": ["load_latents"],
    "latents.path": ["latent_path"],
    "latents.projection.project": ["project"],
    "latents.projection.settings": ["ProjectionSettings"],
    "models.base": ["Latents", "Model", "SynthesisOptions"],
    "models.capabilities": ["HasClasses", "HasEncoder", "HasStyles"],
    "models.catalog": ["load_model"],
    "models.checkpoint": ["Checkpoint"],
    "models.family": ["Family"],
    "models.output": [
        "AudioOutput",
        "ImageOutput",
        "Output",
        "TensorOutput",
        "TextOutput",
        "VolumeOutput",
    ],
    "models.wrap": ["wrap"],
    "pictures": ["to_pictures"],
    "process": ["tune_process"],
    "recipe": [
        "All",
        "Bend",
        "Cluster",
        "Clusters",
        "Drift",
        "Indices",
        "Not",
        "Random",
        "Recipe",
        "load_clusters",
        "load_recipe",
        "parse_recipe",
        "recipe_to_data",
        "recipe_to_yaml",
        "save_clusters",
    ],
    "recipe.latent": ["parse_latent"],
    "render.live": ["LiveStream"],
    "render.sound": ["Mixing", "SoundJob"],
    "render.stream": ["Listening", "SoundStream"],
    "sound.measures": ["SoundMeasures", "measure_sound"],
    "transforms": ["Axes", "Transform", "build_transform", "parameter", "transform"],
    "variations.breed": ["breed"],
    "variations.freeze": ["freeze"],
    "variations.grid": ["make_grid"],
    "variations.surprise": ["Bounds", "surprise"],
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}
_THERE = {"ProjectionSettings": "Settings"}  # what has a shorter name in its room

__all__ = [
    "All",
    "AudioOutput",
    "Axes",
    "Bend",
    "Bound",
    "Bounds",
    "Cancelled",
    "Checkpoint",
    "CheckpointError",
    "Cluster",
    "ClusterError",
    "Clusters",
    "Counts",
    "DataError",
    "Directions",
    "Drift",
    "Family",
    "Film",
    "FiveItems",
    "HasClasses",
    "HasEncoder",
    "HasStyles",
    "ImageOutput",
    "Indices",
    "LatentError",
    "Latents",
    "Layer",
    "Listening",
    "LiveStream",
    "Mixing",
    "Model",
    "ModelError",
    "NetbendError",
    "NoiseMode",
    "NonFinite",
    "NonFiniteError",
    "Not",
    "OptionError",
    "Output",
    "Perceptual",
    "Phase",
    "Plan",
    "Precision",
    "Preset",
    "ProgressEvent",
    "ProjectionSettings",
    "Random",
    "Recipe",
    "RecipeError",
    "RefusedFile",
    "RenderError",
    "RenderRequest",
    "Session",
    "Settings",
    "SoundError",
    "SoundJob",
    "SoundMeasures",
    "SoundStream",
    "Space",
    "Start",
    "Stereo",
    "SynthesisOptions",
    "TensorOutput",
    "TextOutput",
    "Transform",
    "VolumeOutput",
    "bend",
    "bind",
    "breed",
    "build_transform",
    "cluster_features",
    "cluster_latents",
    "find_directions",
    "freeze",
    "latent_path",
    "load_clusters",
    "load_directions",
    "load_latents",
    "load_model",
    "load_recipe",
    "make_atlas",
    "make_film",
    "make_grid",
    "measure_sound",
    "parameter",
    "parse_latent",
    "parse_recipe",
    "project",
    "recipe_to_data",
    "recipe_to_yaml",
    "resolve",
    "save_clusters",
    "surprise",
    "to_pictures",
    "transform",
    "tune_process",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'netbend' has no attribute {name!r}")
    return getattr(import_module(f"netbend.{_ROOM_OF[name]}"), _THERE.get(name, name))


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
