"""A render: a function of model, plan, latents and how to play them, and of nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from netbend import __version__
from netbend.bending import Plan, bend, replan, stilled
from netbend.bending.layers import find_layer
from netbend.choices import NonFinite, Space, choose_fields
from netbend.errors import ModelError, RenderError
from netbend.limits import MAX_SHEET_PICTURES
from netbend.models.base import Latents, Model, Play
from netbend.models.catalog import CATALOGUE, find_by_hash
from netbend.pictures import beside, contact_sheet, to_pictures
from netbend.recipe import Recipe, recipe_from_data, recipe_to_data
from netbend.render.record import (
    Record,
    drawn_indices,
    encode_latents,
    encode_masks,
    encode_noise_maps,
    record_text,
)


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

    def __post_init__(self) -> None:
        choose_fields(self, nonfinite=NonFinite)

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, index: int) -> "Job":
        """The job of one of its pictures."""
        return replace(self, latents=self.latents[index])

    def picture(self) -> Image.Image:
        """Make the one picture of a job of one."""
        bent = self._picture(self.plan)
        return beside(self._picture(Plan(())), bent) if self.compare else bent

    def _picture(self, plan: Plan) -> Image.Image:
        with bend(self.model, plan, nonfinite=self.nonfinite):
            (picture,) = to_pictures(self.model.generate(self.latents, self.play))
        return picture

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
            truncation=self.model.psi(latents, self.play),
            cutoff=self.play.cutoff,
            noise=self.play.noise,
            label=self.play.label,
            bf16=self.model.bf16,
            nonfinite=self.nonfinite,
            compare=self.compare,
            sheet=sheet,
        )


def check_recordable(job: Job, *, sheet: bool, metadata: bool) -> None:
    """Raise RenderError before any work if records, or the pictures of a sheet, would be too large."""
    if sheet and len(job) > MAX_SHEET_PICTURES:
        raise RenderError(
            f"--sheet: {len(job)} pictures; a sheet shows at most {MAX_SHEET_PICTURES}. Leave it out, or "
            f"name fewer seeds"
        )
    if metadata:
        record_text(job[0].record())
    if metadata and sheet:
        record_text(job.record(sheet=True))


def known_name(record: Record) -> str:
    """The name under which netbend knows the model of a record: by its name, or else by its hash.

    What a record says is never taken for a path. Raises ModelError for a model that was in a file.
    """
    if record.model in CATALOGUE:
        return record.model
    name = find_by_hash(record.model_hash)
    if name is None:
        raise ModelError(
            f"it was made with {record.model!r:.80}, hash {record.model_hash[:12]!r}, which is no model that "
            f"netbend knows; name its file with --model"
        )
    return name


def recorded_job(record: Record, model: Model) -> Job:
    """The job that made a picture. Raises RenderError if the model is another one."""
    if record.model_hash != model.hash:
        raise RenderError(
            f"the picture was made with {record.model:.80}, whose weights have the hash "
            f"{record.model_hash[:12]}; {model.name} has {model.hash[:12]}. Name the right file with --model"
        )
    recipe = None if record.recipe is None else recipe_from_data(record.recipe)
    bends = () if recipe is None else recipe.bends
    if len(record.indices) != len(bends):
        raise RenderError("the record does not hold the features of every bend")
    layers = [find_layer(model.layers, bend.layer, "the record's recipe") for bend in bends]
    masks = record.stored_masks([(layer.height, layer.width) for layer in layers])
    plan = Plan(()) if recipe is None else replan(recipe, model.layers, record.indices, masks)
    latents = record.stored_latents()
    if latents is None:
        latents = model.latents(record.seeds)
    else:
        model.check(latents)
    return Job(model, latents, record.play, recipe, plan, record.compare, record.nonfinite)
