"""`netbend render --watch`, step by step: no clock is looked at."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import netbend
from netbend.bending import selector
from netbend.cli.watch import Watch, watch_until_stopped
from netbend.cli.watching import WatchedFiles
from netbend.engine.embedded import read_request
from netbend.engine.still import Still
from netbend.models.base import Model
from netbend.models.stylegan2.checkpoint import save_generator
from netbend.models.stylegan2.network import Generator
from netbend.recipe import Clusters
from netbend.recipe.clusters import save_clusters

Run = Callable[..., Any]
TURN = "bends:\n- {{layer: 3, transform: rotate, params: [{0}]}}\n"


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def save(path: Path, text: str) -> None:
    """As most editors do: a new file takes the name of the old."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(text)
    os.replace(unfinished, path)


class Watched:
    """A watch of mine.yaml in the current folder, with what it said."""

    def __init__(self, model: Model, out: str = "out", **rest: Any):
        self.said: list[str] = []
        self.complaints: list[str] = []
        self.loaded: list[str] = []
        self.model = model

        def make_job(read: Any, load: Any) -> Still:
            recipe = read(Path("mine.yaml"))
            loaded = load(recipe.model or "tiny")
            return Still(loaded, loaded.latents([5]), recipe=recipe, plan=netbend.resolve(recipe, loaded))

        def load(name: str) -> Model:
            self.loaded.append(name)
            return model

        def complain(error: object) -> None:
            self.complaints.append(str(error))

        self.watch = Watch(Path("mine.yaml"), make_job, netbend.load_recipe, load, Path(out), **rest)
        self.watch.say, self.watch.complain = self.said.append, complain
        self.picture = Path(out) if out.endswith(".png") else Path(out) / "mine-seed0005.png"

    def steps(self, count: int = 2) -> list[bool]:
        """What so many looks say: a change is told of at the second after it."""
        return [self.watch.step() for _ in range(count)]

    def expected(self) -> np.ndarray:
        with netbend.bend(self.model, "mine.yaml"):
            (picture,) = netbend.to_pictures(self.model.generate(self.model.latents([5])))
        return np.asarray(picture)


@pytest.fixture
def watched(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(TURN.format(30))
    return Watched(model)


def test_a_save_makes_the_picture_again(watched: Watched) -> None:
    assert watched.watch.render()
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())
    assert watched.steps(3) == [False, False, False]
    for angle in (60, 90, -45):
        save(Path("mine.yaml"), TURN.format(angle))
        assert watched.steps(3) == [False, True, False]
        np.testing.assert_array_equal(pixels(watched.picture), watched.expected())
    assert len(watched.said) == 4
    assert watched.complaints == []
    assert watched.loaded == ["tiny"]


def test_writing_into_the_file_is_noticed_too_and_waited_for(watched: Watched) -> None:
    watched.watch.render()
    text = TURN.format(60)
    with Path("mine.yaml").open("w") as file:
        for part in (text[:20], text[20:40], text[40:]):
            file.write(part)
            file.flush()
            assert not watched.watch.step()
    assert watched.steps(2) == [True, False]
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("bends:\n- {layer: 3, transform: rotatee}\n", "mine.yaml:2:25: "),
        ("bends:\n- {layer: 99, transform: ablate}\n", "mine.yaml:2:11: layer 99"),
        ("bends: [", "mine.yaml"),
        ("", "mine.yaml"),
        ("bends:\n- {layer: 3, transform: multiply, params: [3.0e+38]}\n", "multiply"),
        ("bends:\n- {layer: 3, transform: ablate, mask: gone.png}\n", "gone.png"),
    ],
)
def test_a_mistake_is_shown_once_and_the_last_good_picture_stays(
    watched: Watched, mistake: str, message: str
) -> None:
    watched.watch.render()
    before = watched.picture.read_bytes()
    save(Path("mine.yaml"), mistake)
    assert watched.steps(4) == [False, True, False, False]
    assert len(watched.complaints) == 1
    assert message in watched.complaints[0]
    assert watched.picture.read_bytes() == before
    save(Path("mine.yaml"), TURN.format(75))
    watched.steps()
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())


def test_a_mistake_to_begin_with_is_waited_for(watched: Watched) -> None:
    Path("mine.yaml").write_text("bends: [")
    assert not watched.watch.render()
    assert not watched.picture.exists()
    save(Path("mine.yaml"), TURN.format(30))
    assert watched.steps() == [False, True]
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())


def test_a_file_that_is_gone_for_a_while_is_waited_for(watched: Watched) -> None:
    watched.watch.render()
    Path("mine.yaml").unlink()
    assert watched.steps(4) == [False, True, False, False]
    assert watched.complaints == ["mine.yaml: no such file"]
    Path("mine.yaml").write_text(TURN.format(60))
    assert watched.steps() == [False, True]
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())


def test_what_the_recipe_names_is_watched(watched: Watched) -> None:
    masked = "bends:\n- {layer: 3, transform: ablate, mask: m.png}\n"
    save(Path("mine.yaml"), masked)
    assert not watched.watch.render()
    assert "m.png" in watched.complaints[0]
    for shade in (255, 0):
        Image.new("L", (4, 4), shade).save("m.png")
        assert watched.steps() == [False, True]
        np.testing.assert_array_equal(pixels(watched.picture), watched.expected())
    assert watched.watch.watched == {Path("mine.yaml"), Path("m.png")}
    save(Path("mine.yaml"), TURN.format(30))
    watched.steps()
    assert watched.watch.watched == {Path("mine.yaml")}


def test_clusters_latents_and_directions_of_a_recipe_are_among_its_files(tmp_path: Path) -> None:
    from netbend.recipe.paths import files_of

    (tmp_path / "mine.yaml").write_text(
        "clusters: c.yaml\nsoundtrack: s.wav\n"
        "latent: {through: [a.npz, {file: b.npz, number: 2}, 3], seconds: 2, "
        "directions: [{direction: 0, of: d.npz, by: 1}]}\n"
        "bends:\n- {layer: 1, transform: ablate, features: {cluster: 0}, mask: m.png}\n"
    )
    names = {
        path.relative_to(tmp_path).as_posix()
        for path in files_of(netbend.load_recipe(tmp_path / "mine.yaml"))
    }
    assert names == {"c.yaml", "s.wav", "a.npz", "b.npz", "d.npz", "m.png"}


@pytest.mark.usefixtures("watched")
def test_files_given_beside_the_recipe_are_watched(model: Model) -> None:
    Path("clusters.yaml").write_text("x")
    other = Watched(model, beside=[Path("clusters.yaml")])
    other.watch.render()
    Path("clusters.yaml").write_text("y, longer")
    assert other.steps() == [False, True]


def test_another_model_in_the_recipe_is_loaded_once(watched: Watched) -> None:
    watched.watch.render()
    for name in ("other", "tiny", "other"):
        save(Path("mine.yaml"), f"model: {name}\n" + TURN.format(30))
        watched.steps()
    assert watched.loaded == ["tiny", "other"]
    assert watched.complaints == []


def test_pictures_that_were_there_before_are_not_replaced(watched: Watched, model: Model) -> None:
    watched.picture.parent.mkdir()
    watched.picture.write_text("mine")
    assert not watched.watch.render()
    assert "exists already" in watched.complaints[0]
    assert watched.picture.read_text() == "mine"
    assert Watched(model, overwrite=True).watch.render()
    assert watched.picture.read_bytes()[1:4] == b"PNG"


@pytest.mark.usefixtures("watched")
def test_one_picture_can_have_a_name(model: Model) -> None:
    named = Watched(model, "here/only.png")
    assert named.watch.render()
    np.testing.assert_array_equal(pixels(named.picture), named.expected())


def test_ctrl_c_ends_it(watched: Watched) -> None:
    looks: list[float] = []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            save(Path("mine.yaml"), TURN.format(60))
        if len(looks) == 6:
            raise KeyboardInterrupt

    watch_until_stopped(watched.watch, wait)
    assert len(watched.said) == 2
    np.testing.assert_array_equal(pixels(watched.picture), watched.expected())


def test_the_command_watches_until_it_is_stopped(
    run: Run, tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    Path("mine.yaml").write_text(TURN.format(30))

    def two_steps(watching: Watch) -> None:
        watching.render()
        save(Path("mine.yaml"), "bends: 3\n")
        assert [watching.step(), watching.step()] == [False, True]

    monkeypatch.setattr("netbend.cli.render.watch_until_stopped", two_steps)
    ran = run("render", "mine.yaml", "--watch", "-m", "tiny.safetensors", "-o", "o")
    assert ran.code == 0
    assert "watching mine.yaml; Ctrl-C ends" in ran.out
    assert "o/mine-seed0000.png" in ran.out
    assert "mine.yaml:1:8" in ran.err
    assert [path.name for path in Path("o").iterdir()] == ["mine-seed0000.png"]
    for arguments, message in (
        (["--watch"], "--watch means nothing without RECIPE"),
        (["mine.yaml", "--watch", "--sheet"], "--sheet means nothing beside --watch"),
        (["mine.yaml", "--watch", "--json"], "--json means nothing beside --watch"),
    ):
        ran = run("render", *arguments, "-m", "tiny.safetensors", "-o", "o")
        assert (ran.code, message in ran.err) == (2, True), ran.err


def test_what_a_recipe_names_is_read_once_for_a_save(
    run: Run, tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of clusters takes a tenth of a second."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    save_clusters(Clusters({3: {0: (0, 1)}}), Path("c.yaml"))
    recipe = "clusters: c.yaml\nbends: [{layer: 3, transform: ablate, features: {cluster: 0}, mix: 0.%d}]\n"
    Path("mine.yaml").write_text(recipe % 4)
    read: list[Path] = []
    load = selector.load_clusters
    monkeypatch.setattr(selector, "load_clusters", lambda path: read.append(path) or load(path))

    def two_steps(watching: Watch) -> None:
        watching.render()
        save(Path("mine.yaml"), recipe % 5)
        assert [watching.step(), watching.step()] == [False, True]

    monkeypatch.setattr("netbend.cli.render.watch_until_stopped", two_steps)
    monkeypatch.setattr("netbend.cli.inputs.load_clusters", lambda path: read.append(path) or load(path))
    assert run("render", "mine.yaml", "--watch", "-m", "tiny.safetensors", "-o", "o").code == 0
    assert read == [Path("c.yaml")] * 2
    read.clear()
    assert run("render", "mine.yaml", "-m", "tiny.safetensors", "-o", "p").code == 0
    assert read == [Path("c.yaml")] * 2  # before the model is loaded, and after it


def test_the_picture_is_to_the_bit_what_render_makes(
    run: Run, tmp_path: Path, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first layer that is bent on, beside the unbent one, after other bends: pixels and record."""
    monkeypatch.chdir(tmp_path)
    save_generator(tmp_path / "tiny.safetensors", generator)
    Path("mine.yaml").write_text(TURN.format(30))
    options = ["mine.yaml", "-m", "tiny.safetensors", "--seeds", "4", "--compare"]
    watched: list[tuple[np.ndarray, object]] = []

    def steps(watching: Watch) -> None:
        watching.render()
        for angle in (60, 17.5):
            save(Path("mine.yaml"), TURN.format(angle))
            assert [watching.step(), watching.step()] == [False, True]
        watched.append((pixels(Path("w.png")), read_request(Path("w.png"))))

    monkeypatch.setattr("netbend.cli.render.watch_until_stopped", steps)
    assert run("render", *options, "--watch", "-o", "w.png").code == 0
    assert run("render", *options, "-o", "r.png").code == 0
    np.testing.assert_array_equal(watched[0][0], pixels(Path("r.png")))
    assert watched[0][1] == read_request(Path("r.png"))


def test_files_are_told_of_when_they_have_come_to_rest(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    files = WatchedFiles([one])
    assert not files.changed()
    files.watch([one, other])
    assert files.paths == {one, other}
    other.write_text("2")
    assert [files.changed() for _ in range(3)] == [False, True, False]
    times = os.stat(one)
    one.write_text("3")
    os.utime(one, ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` and `rsync -t` leave it
    assert [files.changed() for _ in range(3)] == [False, True, False]
    one.unlink()
    one.mkdir()
    assert [files.changed() for _ in range(3)] == [False, True, False]
    files.watch([other])
    one.rmdir()
    assert not any(files.changed() for _ in range(3))
