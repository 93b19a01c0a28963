"""Samples of a sound model, as the atlas shows them."""

import torch

from netbend import load_model, resolve
from netbend.atlas.sound import sung
from netbend.bending import Plan
from netbend.choices import NonFinite
from netbend.models.base import SynthesisOptions
from netbend.recipe import recipe_from_data


def test_what_is_shown_of_a_bend_is_what_is_heard_of_it_above_16_khz() -> None:
    """Where this bend alone adds tens of decibels that nobody hears, and that sounds leave out."""
    music = load_model("music", "cpu")
    samples = sung(music, [0], SynthesisOptions())
    turned = {"layer": 3, "transform": "multiply", "params": {"p": -1}, "features": {"random": 0.3}}
    plan = resolve(recipe_from_data({"bends": [turned]}), music, seed=0)
    unbent, bent = (samples.output(0, each, NonFinite.ERROR) for each in (Plan(()), plan))
    assert (bent[..., 372:] <= unbent[..., 372:]).all()
    assert not torch.allclose(bent[..., :372], unbent[..., :372], atol=0.05)
