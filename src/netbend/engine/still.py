"""Pictures to make, everything decided: a function of model, plan, latents and how to play them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image

from netbend.bending import Plan, bend, stilled
from netbend.choices import NonFinite, Precision, choose_fields
from netbend.engine.latent_values import named_latents
from netbend.engine.request import RenderRequest, reference_of
from netbend.engine.selected import Selected
from netbend.models.base import Latents, Model, SynthesisOptions
from netbend.pictures import beside, contact_sheet, to_pictures
from netbend.recipe import Recipe


@dataclass(frozen=True)
class Still:
    """Pictures of one moment: one for each latent, bent by a recipe's plan.

    recipe: None leaves the model unbent. compare: the unbent picture at the left of the bent.
    """

    model: Model
    latents: Latents
    options: SynthesisOptions = SynthesisOptions()
    recipe: Recipe | None = None
    plan: Plan = Plan(())
    compare: bool = False
    nonfinite: NonFinite = NonFinite.ERROR

    def __post_init__(self) -> None:
        choose_fields(self, nonfinite=NonFinite)

    def __len__(self) -> int:
        return len(self.latents)

    def __getitem__(self, index: int) -> "Still":
        """One of its pictures."""
        return replace(self, latents=self.latents[index])

    def unbent(self) -> "Still":
        """The same pictures without the recipe."""
        return replace(self, recipe=None, plan=Plan(()))

    def picture(self) -> Image.Image:
        """Make the one picture of a batch of one."""
        bent = self._picture(self.plan)
        return beside(self._picture(Plan(())), bent) if self.compare else bent

    def _picture(self, plan: Plan) -> Image.Image:
        with bend(self.model, plan, nonfinite=self.nonfinite):
            (picture,) = to_pictures(self.model.generate(self.latents, self.options))
        return picture

    def pictures(self) -> Iterator[Image.Image]:
        """Make the pictures one by one: a batch may round differently, and then pixels differ."""
        for index in range(len(self)):
            yield self[index].picture()

    def sheet(self, pictures: list[Image.Image]) -> Image.Image:
        """Its pictures on one contact sheet, with their seeds."""
        return contact_sheet(pictures, [str(seed) for seed in self.latents.seeds])

    def request(self, *, sheet: bool = False) -> RenderRequest:
        """All that is needed to make the same again, whatever becomes of the files that were read."""
        psi = self.model.psi(self.latents, self.options)
        options = replace(self.options, truncation_psi=psi, nonfinite=self.nonfinite)
        return RenderRequest(
            model=reference_of(self.model),
            recipe=None if self.recipe is None else stilled(self.recipe, self.plan),
            latents=named_latents(self.model, self.latents),
            options=options,
            selected=None if self.recipe is None else tuple(Selected.of(bend) for bend in self.plan.bends),
            precision=Precision.BF16 if self.model.bf16 else Precision.FLOAT32,
            compare=self.compare,
            sheet=sheet,
        )
