"""A render: a function of model, plan, latents and how to play them, and of nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from netbend import __version__
from netbend.bending import Plan, bend, replan, stilled
from netbend.choices import NonFinite, Space
from netbend.errors import RenderError
from netbend.models.base import Latents, Model, Play
from netbend.pictures import beside, contact_sheet, to_pictures
from netbend.recipe import Recipe, recipe_from_data, recipe_to_data
from netbend.render.record import Record, drawn_indices, encode_latents, encode_masks, encode_noise_maps


@dataclass(frozen=True)
class Job:
    """Pictures to make: one for each latent, bent by a recipe's plan.

    recipe: None leaves the model unbent. compare: the unbent picture at the left of the bent.
    """

    model: Model
    latents: Latents
    play: Play = Play()
    recipe: Recipe | None = None
    plan: Plan = Plan(())
    compare: bool = False
    nonfinite: NonFinite = NonFinite.ERROR

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, index: int) -> "Job":
        """The job of one of its pictures."""
        return replace(self, latents=self.latents[index])

    def picture(self) -> Image.Image:
        """Make the one picture of a job of one."""
        with bend(self.model, self.plan, nonfinite=self.nonfinite):
            (bent,) = to_pictures(self.model.generate(self.latents, self.play))
        if not self.compare:
            return bent
        (unbent,) = to_pictures(self.model.generate(self.latents, self.play))
        return beside(unbent, bent)

    def pictures(self) -> Iterator[Image.Image]:
        """Make the pictures one by one: a batch may round differently, and then pixels differ."""
        for index in range(len(self)):
            yield self[index].picture()

    def sheet(self, pictures: list[Image.Image]) -> Image.Image:
        """Its pictures on one contact sheet, with their seeds."""
        return contact_sheet(pictures, [str(seed) for seed in self.latents.seeds])

    def record(self, *, sheet: bool = False) -> Record:
        """All that is needed to make the same again."""
        latents = self.latents
        from_seeds = latents.space is Space.Z and bool(
            (self.model.latents(latents.seeds).values == latents.values.cpu()).all()
        )
        return Record(
            version=__version__,
            model=self.model.name,
            model_hash=self.model.hash,
            recipe=None if self.recipe is None else recipe_to_data(stilled(self.recipe, self.plan)),
            indices=drawn_indices(self.plan),
            masks=encode_masks(self.plan),
            seeds=list(latents.seeds),
            space=latents.space,
            latents=None if from_seeds else encode_latents(latents.values),
            latents_shape=None if from_seeds else list(latents.values.shape),
            noise_maps=encode_noise_maps(latents.noise_maps or ()),
            truncation=self.play.truncation,
            cutoff=self.play.cutoff,
            noise=self.play.noise,
            label=self.play.label,
            bf16=self.model.bf16,
            nonfinite=self.nonfinite,
            compare=self.compare,
            sheet=sheet,
        )


def recorded_job(record: Record, model: Model) -> Job:
    """The job that made a picture. Raises RenderError if the model is another one."""
    if record.model_hash != model.hash:
        raise RenderError(
            f"the picture was made with {record.model}, whose weights have the hash "
            f"{record.model_hash[:12]}; {model.name} has {model.hash[:12]}. Name the right file with --model"
        )
    if not len(record.indices) == len(record.masks) == len((record.recipe or {}).get("bends", [])):
        raise RenderError("the record does not hold the features of every bend")
    recipe = None if record.recipe is None else recipe_from_data(record.recipe)
    plan = Plan(()) if recipe is None else replan(recipe, model.layers, record.indices, record.stored_masks())
    latents = record.stored_latents() or model.latents(record.seeds)
    return Job(model, latents, record.play, recipe, plan, record.compare, record.nonfinite)
