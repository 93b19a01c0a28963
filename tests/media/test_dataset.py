"""What of a folder or zip is training data, what is left out, and how broken files are told."""

import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netbend.errors import DataError
from netbend.limits import MAX_LISTED_FILES, MAX_ZIP_DIRECTORY
from netbend.media import dataset
from netbend.media.dataset import files_below
from netbend.models.spectrogram_vae.training.sounds import find_sounds, load_sounds
from netbend.models.stylegan2.training import images
from netbend.models.stylegan2.training.images import load_images
from netbend.sound.writer import write_sound

FORK = bytes([0, 5, 22, 7]) + bytes(80)  # what macOS leaves beside each file


def red(path: Path, level: int = 200) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 20), (level, 0, 0)).save(path, "PNG")
    return path


def levels(source: Path, *, said: list[str] | None = None, run: Path | None = None) -> list[int]:
    report = [].append if said is None else said.append
    return load_images(source, 8, report, run)[:, 0, 0, 0].tolist()


def left_by_systems(folder: Path) -> None:
    """Twelve files that are nobody's pictures."""
    for name in (
        "._a.png",
        ".a.png.swp",
        "__MACOSX/._a.png",
        "__MACOSX/deep/b.png",
        "Thumbs.db",
        ".DS_Store",
        "@eaDir/a.png/SYNOPHOTO_THUMB_XL.jpg",
        "deep/$RECYCLE.BIN/c.png",
        "#recycle/d.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FORK)
    for name in ("desktop.ini", ".cache/thumb.png", "deep/.hidden.JPG"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(FORK)


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("in_a_zip", [False, True])
def test_what_systems_leave_is_left_out_and_the_rest_counted(tmp_path: Path, in_a_zip: bool) -> None:
    folder = tmp_path / ".hidden above" / "set"
    red(folder / "a.png", 10)
    red(folder / "deep/er/B.PNG", 20)
    red(folder / "c.JPeG", 30)
    left_by_systems(folder)
    for name in ("notes.txt", "labels.json", "more.TXT", "README", "odd.ending of a file"):
        (folder / name).write_text("x")
    source = zipped(folder, tmp_path / "set.zip") if in_a_zip else folder
    said: list[str] = []
    assert sorted(levels(source, said=said)) == [10, 20, 30]
    hidden = 12 if in_a_zip else 11
    (line,) = said
    assert line.startswith(f"{source}: 3 pictures; left out: hidden or of the system ({hidden}), ")
    assert line.endswith(".txt (2), of other endings (2), .json (1)")


def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path) -> None:
    red(tmp_path / "a.png")
    said: list[str] = []
    levels(tmp_path, said=said)
    assert not said


def test_many_kinds_are_said_in_one_short_line(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"a.x{number}").write_text("")
    _, left_out = files_below(tmp_path, {".png"})
    assert str(left_out).endswith(".x14 (1), .x15 (1), others (42)")


def test_what_is_no_file_is_left_out_unopened(tmp_path: Path) -> None:
    red(tmp_path / "a.png", 7)
    red(tmp_path / "elsewhere" / "b.png", 8)
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "round").symlink_to(tmp_path)
    said: list[str] = []
    assert levels(tmp_path, said=said) == [7, 8, 7]
    assert said[0].endswith("left out: links to folders (1), links to nowhere (1), pipes (1)")


def test_what_a_run_wrote_into_the_folder_is_not_learnt_from(tmp_path: Path) -> None:
    red(tmp_path / "a.png", 7)
    red(tmp_path / "run/samples/kimg0001.png", 8)
    said: list[str] = []
    assert levels(tmp_path, said=said, run=tmp_path / "run") == [7]
    assert not said


@pytest.mark.parametrize("in_a_zip", [False, True])
def test_all_broken_pictures_are_named_at_once(tmp_path: Path, in_a_zip: bool) -> None:
    folder = tmp_path / "set"
    for number in range(4):
        red(folder / f"{number}.png")
    (folder / "1.png").write_bytes(b"text")
    (folder / "3.png").write_bytes((folder / "0.png").read_bytes()[:60])
    source = zipped(folder, tmp_path / "set.zip") if in_a_zip else folder
    with pytest.raises(DataError) as caught:
        load_images(source, 8)
    first, one, three, last = str(caught.value).splitlines()
    assert first == f"{source}: 2 of 4 pictures cannot be used:"
    assert "1.png: not a readable picture (its content is none of PNG" in one
    assert "3.png: not a readable picture (" in three
    assert last == "repair them or take them out"
    assert " at 0x" not in str(caught.value)


def test_of_many_broken_pictures_some_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    for number in range(MAX_LISTED_FILES + 5):
        (tmp_path / f"{number:02}.png").write_bytes(b"text")
    with pytest.raises(DataError) as caught:
        load_images(tmp_path, 8)
    lines = str(caught.value).splitlines()
    assert len(lines) == MAX_LISTED_FILES + 3
    assert lines[-2].strip() == "and 5 more"


def test_where_all_is_left_out_it_is_said_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "reads_heic", lambda: False)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "film.mov").write_bytes(b"")
    with pytest.raises(DataError, match=r"no pictures found; left out: \.heic \(1\), \.mov \(1\)") as caught:
        load_images(tmp_path, 8)
    assert "(.heic: pip install 'netbend[heic]')" in str(caught.value)


# --- Zips ----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_members_of_one_name_the_last_is_taken(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for level in (5, 6):
            archive.write(red(tmp_path / "picture.png", level), "same.png")
    said: list[str] = []
    assert levels(tmp_path / "a.zip", said=said) == [6]
    assert said[0].endswith("left out: replaced by later ones of the same name (1)")


def test_names_in_a_zip_may_be_anything(tmp_path: Path) -> None:
    data = red(tmp_path / "a.png", 9).read_bytes()
    names = ["../../up.png", "/etc/root.png", "C:\\photos\\b.png", "cafe.png", "x" * 300 + ".png"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in [*names, "photos\\.hidden.png", "__MACOSX\\c.png", "dir.png/"]:
            archive.writestr(zipfile.ZipInfo(name), b"" if name.endswith("/") else data)
    raw = (tmp_path / "a.zip").read_bytes().replace(b"cafe", b"caf\xe9")  # no UTF-8
    (tmp_path / "a.zip").write_bytes(raw)
    said: list[str] = []
    assert levels(tmp_path / "a.zip", said=said) == [9] * len(names)
    assert said[0].endswith("left out: hidden or of the system (2)")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.zip"]


def test_a_zip64_is_read(tmp_path: Path) -> None:
    data = red(tmp_path / "a.png", 9).read_bytes()
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w") as archive,
        archive.open("a.png", "w", force_zip64=True) as out,
    ):
        out.write(data)
    assert levels(tmp_path / "a.zip") == [9]


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.write(red(tmp_path / "a.png", 9), "a.png")
    said: list[str] = []
    assert levels(tmp_path / "a.zip", said=said) == [9]
    assert said[0].endswith("left out: links (1)")


def patched(path: Path, place: int, form: str, value: int) -> None:
    """Change a field of the first entry of a zip's directory (APPNOTE.TXT, 4.3.12)."""
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, data.index(b"PK\1\2") + place, value)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("place", "form", "value", "message"),
    [
        (8, "<H", 1, r"a\.zip: encrypted; unpack it"),
        (10, "<H", zipfile.ZIP_LZMA, r"a\.png: packed in a way other than deflate"),
        (10, "<H", 99, r"a\.png: packed in a way other than deflate"),
        (24, "<I", 2**31, r"a\.png: 2147483648 bytes; at most 268435456 are read"),
        (16, "<I", 12345, r"a\.png: damaged in the zip"),  # the checksum
        (42, "<I", 7, r"a\.png: damaged in the zip"),  # where it begins
    ],
)
def test_members_that_cannot_be_used_are_named(
    tmp_path: Path, place: int, form: str, value: int, message: str
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(red(tmp_path / "a.png"), "a.png")
    patched(tmp_path / "a.zip", place, form, value)
    with pytest.raises(DataError, match=message):
        load_images(tmp_path / "a.zip", 8)


def test_a_member_that_unpacks_to_more_than_it_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "MAX_IMAGE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(10**6))
    patched(tmp_path / "a.zip", 24, "<I", 900)
    with pytest.raises(DataError, match=r"a\.png: "):
        load_images(tmp_path / "a.zip", 8)


def test_a_zip_whose_list_is_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "MAX_ZIP_DIRECTORY", 100_000)
    assert MAX_ZIP_DIRECTORY >= 100_000
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(1500):
            archive.writestr(f"{number:030}.png", b"")
    with pytest.raises(DataError, match=r"a\.zip: the list of its files has more than 100000 bytes"):
        load_images(tmp_path / "a.zip", 8)


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"PK\3\4" + bytes(100), b"\x1f\x8b" + bytes(50)])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip: (expected a folder or a zip|not a zip that can be read)"):
        load_images(tmp_path / "a.zip", 8)


def test_a_pipe_is_no_set_of_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a file, but a pipe"):
        load_images(tmp_path / "pipe", 8)


# --- Sounds --------------------------------------------------------------------------------------------


def test_sounds_are_chosen_by_the_same_rule(tmp_path: Path) -> None:
    for name in ("a.wav", "deep/b.wav"):
        write_sound(tmp_path / name, np.full((1, 500), 0.5, np.float32), 8000)
    (tmp_path / "a.wav").rename(tmp_path / "A.WAV")
    left_by_systems(tmp_path)
    (tmp_path / "._a.wav").write_bytes(FORK)
    (tmp_path / "notes.txt").write_text("x")
    os.mkfifo(tmp_path / "pipe.wav")
    said: list[str] = []
    assert find_sounds(tmp_path, report=said.append) == [tmp_path / "A.WAV", tmp_path / "deep/b.wav"]
    assert said == [f"{tmp_path}: 2 sounds; left out: hidden or of the system (12), .txt (1), pipes (1)"]


def test_all_broken_sounds_are_named_at_once_and_nothing_is_kept(tmp_path: Path) -> None:
    for name in ("a.wav", "d.wav"):
        write_sound(tmp_path / "set" / name, np.full((1, 500), 0.5, np.float32), 8000)
    (tmp_path / "set" / "b.wav").write_bytes(b"text")
    write_sound(tmp_path / "set" / "c.wav", np.zeros((1, 0), np.float32), 8000)
    with pytest.raises(DataError, match="2 of 4 sounds cannot be used") as caught:
        load_sounds(find_sounds(tmp_path / "set"), 8000, 100, tmp_path / "sounds.raw")
    assert "b.wav" in str(caught.value)
    assert "c.wav: no sound in it" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
