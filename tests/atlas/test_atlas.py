"""The atlas: a page that stands on its own, a folder that is whole or not there."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch
from PIL import Image

from netbend.atlas import make_atlas
from netbend.atlas.entries import Atlas, ClusterEntry, LayerEntry, Shown
from netbend.atlas.lines import recipe_line
from netbend.atlas.page import page
from netbend.bending import Layer
from netbend.errors import NetbendError, RecipeError, RenderError, SoundError
from netbend.models.spectrogram_vae import SpectrogramModel
from netbend.models.spectrogram_vae.network import Architecture, SpectrogramVAE
from netbend.models.stylegan2.model import StyleGAN2
from netbend.recipe import Clusters, parse_recipe
from netbend.recipe.clusters import save_clusters
from netbend.sound.files import SoundReader
from netbend.sound.writer import write_sound


class Page(HTMLParser):
    """What a page refers to, which ids it has, and its text."""

    def __init__(self, file: Path):
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value]
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def clusters(tmp_path: Path) -> Clusters:
    """In a file, with a name that HTML must not take for its own."""
    file = tmp_path / "clusters.yaml"
    layers = {0: {0: (0, 1, 2), 1: tuple(range(3, 12))}, "b8.torgb": {0: (0, 2)}, 2: {4: (1,), 7: (0, 2)}}
    found = Clusters(layers, str(file), {2: {4: "<b>&eyes"}})
    save_clusters(found, file)
    return found


@pytest.fixture
def sound_model() -> SpectrogramModel:
    torch.manual_seed(0)
    vae = SpectrogramVAE(Architecture.of_width(1 / 32, latent_dim=16))
    with torch.no_grad():
        vae.decoder.output.bias.fill_(0.6)  # something is heard
    return SpectrogramModel(vae, "tiny", "0" * 64)


def test_a_page_stands_on_its_own(model: StyleGAN2, clusters: Clusters, tmp_path: Path) -> None:
    index = make_atlas(model, clusters, tmp_path / "atlas", seeds=(0, 1))
    page = Page(index)
    text = index.read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert str(tmp_path / "atlas") not in text
    files = {link for link in page.links if not link.startswith("#")}
    assert all((index.parent / file).is_file() for file in files)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    written = {
        path.relative_to(index.parent).as_posix() for path in index.parent.rglob("*") if path.is_file()
    }
    assert written == files | {"index.html"}
    assert all(file.isascii() for file in written)
    assert len(page.ids) == len(set(page.ids))


def test_a_page_shows_each_cluster_in_the_models_order(
    model: StyleGAN2, clusters: Clusters, tmp_path: Path
) -> None:
    page = Page(make_atlas(model, clusters, tmp_path / "atlas", seeds=(0,)))
    anchors = [anchor for anchor in page.ids if "cluster" in anchor]
    assert anchors == [
        *("layer-00-cluster-0", "layer-00-cluster-1", "layer-02-cluster-4", "layer-02-cluster-7"),
        "place-05-b8-torgb-cluster-0",
    ]
    assert "3 features, strongest first" in page.text
    assert f"netbend cluster name 2 7 NAME --clusters {clusters.file}" in page.text
    assert "- {layer: 2, transform: ablate, features: {cluster: 7}}" in page.text


def test_names_are_text_and_no_html(model: StyleGAN2, clusters: Clusters, tmp_path: Path) -> None:
    index = make_atlas(model, clusters, tmp_path / "atlas", seeds=(0,), layers=[2])
    assert "<b>&eyes" in Page(index).text
    assert "<b>&amp;eyes" not in index.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["eyes", "left eye", 'a "b": c', "true", "ohren & nase", "目"])
def test_the_line_of_a_recipe_reads_back(name: str) -> None:
    clusters = Clusters({5: {2: (0,)}}, names={5: {2: name}})
    line = recipe_line(clusters, Layer(5, "b32.conv0", "m", (4, 8, 8)), 2)
    (bend,) = parse_recipe(f"bends:\n  {line}\n").bends
    assert (bend.layer, bend.features.ids) == (5, (name,))


def test_a_name_that_two_clusters_have_is_not_used_for_one_of_them() -> None:
    clusters = Clusters({"b8.torgb": {0: (0,), 1: (1,)}}, names={"b8.torgb": {0: "eyes", 1: "eyes"}})
    line = recipe_line(clusters, Layer(None, "b8.torgb", "m", (4, 8, 8)), 1)
    assert line == "- {layer: b8.torgb, transform: ablate, features: {cluster: 1}}"


def test_a_cluster_that_does_nothing_says_so(model: StyleGAN2, tmp_path: Path) -> None:
    layer = model.layers[-1]
    model.network.get_submodule(layer.module).register_forward_hook(
        lambda _module, _inputs, maps: maps.index_fill(1, torch.tensor([1]), 0)
    )
    clusters = Clusters({layer.key: {0: (1,)}})
    page = Page(make_atlas(model, clusters, tmp_path / "atlas", seeds=(0,)))
    assert page.text.count("no change") == 4


def test_one_sheet_for_each_layer(model: StyleGAN2, clusters: Clusters, tmp_path: Path) -> None:
    index = make_atlas(model, clusters, tmp_path / "atlas", seeds=(0,), layers=[2, "b8.torgb"])
    sheets = sorted((index.parent / "sheets").iterdir())
    assert [sheet.name for sheet in sheets] == ["layer-02.png", "place-05-b8-torgb.png"]
    with Image.open(sheets[0]) as two, Image.open(sheets[1]) as one:
        assert two.width == one.width > 6 * 120
        assert two.height > one.height


def test_progress_is_told(model: StyleGAN2, clusters: Clusters, tmp_path: Path) -> None:
    reports = []
    make_atlas(model, clusters, tmp_path / "atlas", seeds=(0,), tell=reports.append)
    assert [(report.done, report.total) for report in reports] == [(n, 20) for n in range(1, 21)]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({99: {0: (0,)}}, "layer 99"),
        ({"eyes": {0: (0,)}}, "layer eyes"),
        ({0: {0: (0, 400)}}, "feature 400"),
        ({0: {3: ()}}, "cluster 3 of layer 0 has no features"),
        ({}, "no clusters in it"),
    ],
)
def test_clusters_that_do_not_fit_are_refused(
    model: StyleGAN2, layers: dict[int | str, dict[int, tuple[int, ...]]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=message):
        make_atlas(model, Clusters(layers), tmp_path / "atlas")
    assert not any(tmp_path.iterdir())


def test_other_requests_that_mean_nothing_are_refused(
    model: StyleGAN2, clusters: Clusters, tmp_path: Path
) -> None:
    out = tmp_path / "atlas"
    requests: list[tuple[type[NetbendError], str, Callable[[], Path]]] = [
        (
            RecipeError,
            "clusters of another model",
            lambda: make_atlas(model, replace(clusters, model_hash="1" * 64), out),
        ),
        (RecipeError, "no clusters for layer 1", lambda: make_atlas(model, clusters, out, layers=[1])),
        (RecipeError, "this model has layers", lambda: make_atlas(model, clusters, out, layers=[77])),
        (RenderError, "makes pictures", lambda: make_atlas(model, clusters, out, sounds=[Path("a.wav")])),
        (RenderError, "at least one seed", lambda: make_atlas(model, clusters, out, seeds=())),
    ]
    for kind, message, request in requests:
        with pytest.raises(kind, match=message):
            request()
        assert not out.exists()


def test_a_folder_with_something_in_it_is_left_alone(
    model: StyleGAN2, clusters: Clusters, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "index.html").write_text("my own page")
    for overwrite, message in ((False, "holds something"), (True, "not an atlas")):
        with pytest.raises(RenderError, match=message):
            make_atlas(model, clusters, out, overwrite=overwrite)
    assert (out / "index.html").read_text() == "my own page"


def test_only_an_atlas_is_replaced(model: StyleGAN2, clusters: Clusters, tmp_path: Path) -> None:
    out = tmp_path / "atlas"
    out.mkdir()
    make_atlas(model, clusters, out, seeds=(0,))
    with pytest.raises(RenderError, match="--overwrite"):
        make_atlas(model, clusters, out, seeds=(0,))
    make_atlas(model, clusters, out, seeds=(0,), layers=[2], overwrite=True)
    assert [sheet.name for sheet in (out / "sheets").iterdir()] == ["layer-02.png"]
    (out / "notes.txt").write_text("mine")
    with pytest.raises(RenderError, match=r"notes\.txt"):
        make_atlas(model, clusters, out, seeds=(0,), overwrite=True)
    assert (out / "notes.txt").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, RecipeError, OSError])
def test_nothing_is_left_of_an_atlas_that_failed(
    error: type[BaseException], model: StyleGAN2, clusters: Clusters, tmp_path: Path
) -> None:
    def fail(_: object) -> None:
        raise error("stopped")

    before = sorted(tmp_path.iterdir())
    with pytest.raises((error, RenderError)):
        make_atlas(model, clusters, tmp_path / "deep" / "atlas", seeds=(0,), tell=fail)
    assert sorted(tmp_path.iterdir()) == before


def test_sounds_have_players_and_spectrograms(sound_model: SpectrogramModel, tmp_path: Path) -> None:
    clusters = Clusters({4: {0: (1,)}})
    index = make_atlas(sound_model, clusters, tmp_path / "atlas", seeds=(0, 1))
    page = Page(index)
    sounds = {link for link in page.links if link.endswith(".flac")}
    assert len(sounds) == 2 + 4  # the samples, and one for each bend
    assert "dB" in page.text
    assert "http" not in index.read_text(encoding="utf-8")
    for sound in sounds:
        with SoundReader(index.parent / sound) as reader:
            assert reader.seconds == pytest.approx(3)
    with Image.open(index.parent / "images/layer-04/cluster-0-mean.png") as mean:
        assert mean.size == (64, 256)


def test_sound_files_instead_of_seeds(sound_model: SpectrogramModel, tmp_path: Path) -> None:
    source = tmp_path / "noise.wav"
    rate = sound_model.output.spectrum.sample_rate
    noise = 0.1 * torch.randn(1, rate, generator=torch.Generator().manual_seed(0)).numpy()
    write_sound(source, noise, rate)
    clusters = Clusters({2: {0: (0,)}})
    index = make_atlas(sound_model, clusters, tmp_path / "atlas", sounds=[source])
    assert "noise.wav" in Page(index).text
    with SoundReader(index.parent / "sounds/layer-02/cluster-0-ablate-0.flac") as reader:
        assert reader.frames == rate
    write_sound(source, noise[:, :0], rate)
    with pytest.raises(SoundError, match="no sound in it"):
        make_atlas(sound_model, clusters, tmp_path / "other", sounds=[source])


def test_what_is_copied_from_a_page_holds_nothing_that_a_terminal_obeys() -> None:
    """Names of models, sounds and files of clusters; the lines on it are meant to be pasted."""
    evil = "<b>\x1b]0;owned\x07\x9b\u202e\udce9"
    cluster = ClusterEntry(0, evil, 1, "mean.png", [], [Shown("unbent", ["a.png"])], evil, evil)
    layer = LayerEntry(Layer(1, "conv", "conv", (4, 8, 8)), "conv", "conv.png", [cluster])
    text = page(Atlas(evil, [("Clusters", evil)], [evil], Shown("unbent", ["a.png"]), (8, 8), [layer], False))
    assert not set("\x1b\x07\x9b\u202e\udce9") & set(text)
    assert text.count(r"&lt;b&gt;\x1b]0;owned\x07\x9b\u202e\udce9") >= 6
    assert "<b>\\" not in text
