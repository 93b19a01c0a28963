"""Models declare what they put out and what else they can do; whoever cannot use it says so."""

from pathlib import Path

import pytest
import torch

import netbend
from netbend.bending import Plan
from netbend.errors import LatentError, ModelError
from netbend.latents.directions import find_directions
from netbend.models.capabilities import (
    HasClasses,
    HasEncoder,
    HasStyles,
    audio_output,
    classes_of,
    image_output,
    mix_styles,
    style_count,
    styles_of,
)
from netbend.models.dcgan.model import DCGAN
from netbend.models.dcgan.network import Architecture as DCGANArchitecture
from netbend.models.dcgan.network import Generator as DCGANGenerator
from netbend.models.mobilestylegan.model import MobileStyleGAN
from netbend.models.mobilestylegan.network import Architecture as MobileArchitecture
from netbend.models.mobilestylegan.network import Generator as MobileGenerator
from netbend.models.output import (
    AudioOutput,
    ImageOutput,
    Output,
    TensorOutput,
    TextOutput,
    VolumeOutput,
)
from netbend.models.spectrogram_vae.model import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture as VAEArchitecture
from netbend.models.spectrogram_vae.network import SpectrogramVAE
from netbend.models.stylegan2.model import StyleGAN2
from netbend.render.stream import SoundStream, sing
from netbend.sound.spectrum import Spectrum
from tests.models.toy import Toy

OTHERS = {
    "text": TextOutput(50_000),
    "volumes": VolumeOutput(1, 32, 64, 16),
    "numbers": TensorOutput("CT", (2, 100)),
}


def dcgan(classes: tuple[str, ...] = ("red", "blue", "green")) -> DCGAN:
    return DCGAN(DCGANGenerator(DCGANArchitecture((8, 4), z_dim=6, classes=classes)), "tiny")


def sound_model() -> SpectrogramModel:
    return SpectrogramModel(SpectrogramVAE(VAEArchitecture.of_width(1 / 32, latent_dim=16)), "tiny")


def mobile() -> MobileStyleGAN:
    architecture = MobileArchitecture((8, 8, 8), z_dim=16, w_dim=16, mapping_depth=2)
    return MobileStyleGAN(MobileGenerator(architecture), "tiny")


def test_what_is_declared_is_what_comes_out(model: StyleGAN2) -> None:
    for each in (model, dcgan(), mobile(), Toy()):
        declared = image_output(each)
        images = each.generate(each.latents([1, 2]))
        assert tuple(images.shape) == (2, declared.channels, declared.height, declared.width)
    music = sound_model()
    sound = audio_output(music)
    levels = music.generate(music.latents([1, 2]))
    assert tuple(levels.shape) == (2, 1, sound.frames, sound.spectrum.bins) == (2, 1, 128, 513)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (ImageOutput(3, 32, 64), "64x32"),
        (AudioOutput(Spectrum(), 128), "128 frames of 513 bins, 44100 Hz"),
        (OTHERS["text"], "50000 tokens"),
        (OTHERS["volumes"], "16x64x32"),
        (OTHERS["numbers"], "CT 2x100"),
    ],
)
def test_models_show_what_they_put_out(output: Output, text: str) -> None:
    assert repr(Toy("toy", output)) == f"<Toy 'toy': layers 0-0, {text}, hash 111111111111>"


def test_a_shape_has_a_size_for_each_axis() -> None:
    with pytest.raises(ValueError, match="a size for each of the axes CT"):
        TensorOutput("CT", (3,))


def test_only_pictures_are_truncated_unless_asked(model: StyleGAN2) -> None:
    assert model.default_psi(model.latents([1])) == Toy().default_psi(Toy().latents([1])) == 0.7
    for output in (AudioOutput(Spectrum(), 128), *OTHERS.values()):
        toy = Toy("toy", output)
        assert toy.default_psi(toy.latents([1])) == 1.0


def test_capabilities_are_told_by_what_a_model_has(model: StyleGAN2) -> None:
    protocols = (HasStyles, HasClasses, HasEncoder)
    found = {
        each.__class__: [isinstance(each, protocol) for protocol in protocols]
        for each in (model, mobile(), dcgan(), sound_model(), Toy())
    }
    assert found == {
        StyleGAN2: [True, False, False],
        MobileStyleGAN: [True, False, False],
        DCGAN: [False, True, False],
        SpectrogramModel: [False, False, True],
        Toy: [False, False, False],
    }
    assert style_count(model) == 6
    assert style_count(Toy()) == 0
    assert classes_of(dcgan()) == ("red", "blue", "green")
    assert classes_of(dcgan(())) == classes_of(model) == ()


def test_without_styles_there_is_no_w() -> None:
    toy = Toy()
    latents = toy.latents([1])
    with pytest.raises(LatentError, match=r"^toy has no w: its latents are z alone"):
        styles_of(toy)
    with pytest.raises(LatentError, match=r"^toy has no styles to mix"):
        mix_styles(toy, latents, latents, [0], netbend.SynthesisOptions())
    with pytest.raises(LatentError, match=r"^toy has no w to find directions in"):
        find_directions(toy)
    request = netbend.RenderRequest.of(toy, {"bends": [], "latent": {"through": [1, 2], "space": "w"}})
    with pytest.raises(LatentError, match=r"^toy has no w: its latents are z alone"):
        netbend.bind(request, toy)


def test_a_class_that_there_is_not_is_refused_before_anything_is_computed(model: StyleGAN2) -> None:
    for each, known in ((model, "it has no classes"), (dcgan(), "it has red, blue, green")):
        with pytest.raises(LatentError, match=f"label 'pink': not a class of tiny; {known}"):
            each.generate(each.latents([1]), label="pink")


def test_truncation_and_mean_leave_classes_alone() -> None:
    model = dcgan()
    latents = model.latents([4, 5])
    truncated = model.truncated(latents, [netbend.SynthesisOptions(0.5), netbend.SynthesisOptions(0.0)])
    assert torch.equal(truncated.values[0, :6], latents.values[0, :6] * 0.5)
    assert torch.equal(truncated.values[1, :6], torch.zeros(6))
    assert torch.equal(truncated.values[:, 6:], latents.values[:, 6:])
    assert torch.equal(model.mean_latent().values, torch.tensor([[0.0] * 6 + [1 / 3] * 3]))
    assert torch.equal(dcgan(()).mean_latent().values, torch.zeros(1, 6))


@pytest.mark.parametrize("what", OTHERS)
def test_whoever_needs_pictures_or_sound_says_what_came(what: str, tmp_path: Path) -> None:
    toy = Toy("toy", OTHERS[what])
    with pytest.raises(ModelError, match=f"^toy makes {what}, not pictures"):
        netbend.make_grid("mix=0,1", "seed=0,1", toy, {"bends": [{"layer": 0, "transform": "ablate"}]})
    with pytest.raises(ModelError, match=f"^toy makes {what}, not pictures"):
        netbend.Session(toy).image(netbend.RenderRequest.of(toy))
    with pytest.raises(ModelError, match=f"^toy makes {what}, not sound"):
        SoundStream(toy)
    with pytest.raises(ModelError, match=f"^toy makes {what}, not sound"):
        next(sing(toy, Plan(()), iter([])))
    clusters = netbend.Clusters({0: {0: (0, 1), 1: (2, 3)}}, model_hash=toy.hash)
    with pytest.raises(ModelError, match=f"^toy makes {what}, not pictures"):
        netbend.make_atlas(toy, clusters, tmp_path / "atlas")
    assert not (tmp_path / "atlas").exists()


def test_sound_files_need_a_model_that_encodes() -> None:
    with pytest.raises(ModelError, match=r"^toy has no encoder, which turns sound into latents"):
        SoundStream(Toy("toy", AudioOutput(Spectrum(), 128)))
