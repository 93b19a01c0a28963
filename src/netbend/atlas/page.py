"""The page: one HTML file that needs nothing but the pictures and sounds beside it."""

from html import escape
from importlib.resources import files
from math import sqrt
from string import Template

from netbend import __version__
from netbend.atlas.effects import TIMES
from netbend.atlas.entries import Atlas, ClusterEntry, LayerEntry, Shown
from netbend.atlas.samples import percent
from netbend.pictures import COLOURS
from netbend.printable import printable

FEATURE_WIDTH = 3.2  # rem, of square maps; others get the same area

_PICTURE = "the mean absolute change, where 100&nbsp;% is the way from black to white."
_SOUND = "the mean absolute change of the levels in the spectrogram, in decibels."
_UPRIGHT = (
    "Sizes of maps are time by frequency; time goes to the right and frequency upwards, on a linear scale. "
    "Bends are drawn and heard on the first sample; what would be louder than full scale is made softer."
)
_UNNAMED = "<p>To name clusters, make a file of your own with <code>netbend cluster</code>.</p>"


def page(atlas: Atlas) -> str:
    """The text of an atlas's index.html."""
    shell = Template(_packaged("page.html"))
    clusters = [cluster for layer in atlas.layers for cluster in layer.clusters]
    effects = [shown.effect for cluster in clusters for shown in cluster.bends]
    largest = max((effect.size for effect in effects if effect is not None), default=0.0)
    named = any(cluster.naming for cluster in clusters)
    width, height = atlas.size
    text = shell.substitute(
        model=escape(atlas.model),
        style=_packaged("style.css"),
        kind="sound" if atlas.sound else "pictures",
        aspect=f"{width} / {height}",
        facts="".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>\n" for name, text in atlas.facts),
        palette=", ".join(COLOURS),
        orientation=_UPRIGHT if atlas.sound else "",
        size_meaning=_SOUND if atlas.sound else _PICTURE,
        output="spectrogram" if atlas.sound else "picture",
        naming="" if named else _UNNAMED,
        samples=_samples(atlas),
        contents="".join(_contents(layer, atlas.sound) for layer in atlas.layers),
        layers="".join(_layer(layer, atlas, largest) for layer in atlas.layers),
        version=escape(__version__),
    )
    return printable(text)  # what is copied from it is pasted into terminals


def _packaged(file: str) -> str:
    return files("netbend.atlas").joinpath(file).read_text(encoding="utf-8")


def _samples(atlas: Atlas) -> str:
    sounds = atlas.unbent.sounds or [""] * len(atlas.samples)
    return "".join(
        f"<figure>{_sample(picture, f'{name}, unbent')}{_player(sound)}"
        f"<figcaption>{escape(name)}</figcaption></figure>\n"
        for name, picture, sound in zip(atlas.samples, atlas.unbent.pictures, sounds, strict=True)
    )


def _contents(entry: LayerEntry, sound: bool) -> str:
    links = "".join(
        f'<a href="#{_anchor(entry, cluster)}">{_pixels(cluster.mean, cluster.title)}'
        f"{escape(cluster.name or str(cluster.number))}</a>\n"
        for cluster in entry.clusters
    )
    return (
        f'<li style="{_proportions(entry, sound)}"><a href="#{entry.slug}">{escape(entry.title)}</a>'
        f'<span class="about">{_about(entry)}</span><div class="clusters">{links}</div></li>\n'
    )


def _layer(entry: LayerEntry, atlas: Atlas, largest: float) -> str:
    clusters = "".join(_cluster(entry, cluster, atlas, largest) for cluster in entry.clusters)
    return (
        f'<section class="layer" id="{entry.slug}" style="{_proportions(entry, atlas.sound)}">\n'
        f"<h2>{escape(entry.title)} <small>{_about(entry)}</small>"
        f'<small class="links"><a href="{entry.sheet}">sheet</a> &nbsp; <a href="#top">top</a></small></h2>\n'
        f"{clusters}</section>\n"
    )


def _about(entry: LayerEntry) -> str:
    layer = entry.layer
    name = f"{layer.name}, " if layer.number is not None else ""
    return escape(f"{name}{layer.height} {TIMES} {layer.width}, {layer.features} features")


def _proportions(entry: LayerEntry, sound: bool) -> str:
    """How wide and high the layer's maps are drawn, as CSS."""
    sides = entry.layer.width, entry.layer.height
    width, height = reversed(sides) if sound else sides
    ratio = width / height
    return f"--map: {width} / {height}; --ratio: {ratio:.4f}; --width: {FEATURE_WIDTH * sqrt(ratio):.2f}rem"


def _cluster(entry: LayerEntry, cluster: ClusterEntry, atlas: Atlas, largest: float) -> str:
    name = "" if cluster.name is None else f' <span class="name">{escape(cluster.name)}</span>'
    pictured = len(cluster.bends[0].pictures)
    unbent = Shown("unbent", atlas.unbent.pictures[:pictured], atlas.unbent.sounds[:pictured])
    shown = "".join(_bend(column, cluster, atlas, largest) for column in (unbent, *cluster.bends))
    lines = "".join(f"<code>{escape(line)}</code>" for line in (cluster.recipe, cluster.naming) if line)
    return (
        f'<article class="cluster" id="{_anchor(entry, cluster)}">\n'
        f"<h3>Cluster {cluster.number}{name} <small>{_counted(cluster.size)}</small></h3>\n"
        f'<div class="bends">\n<figure class="mean"><h4>mean map</h4>'
        f"{_pixels(cluster.mean, f'{cluster.title}: mean map')}</figure>\n{shown}</div>\n"
        f"{_features(cluster, atlas.samples[0])}"
        f'<div class="lines">{lines}</div>\n</article>\n'
    )


def _bend(shown: Shown, cluster: ClusterEntry, atlas: Atlas, largest: float) -> str:
    pictures = "".join(
        _sample(picture, f"{name}, {cluster.title}: {shown.label}")
        for name, picture in zip(atlas.samples, shown.pictures, strict=False)
    )
    players = "".join(_player(sound) for sound in shown.sounds)
    caption = "" if shown.effect is None else f"<figcaption>{_effect(shown, largest)}</figcaption>"
    return f"<figure><h4>{escape(shown.label)}</h4>{pictures}{players}{caption}</figure>\n"


def _effect(shown: Shown, largest: float) -> str:
    assert shown.effect is not None
    locality = shown.effect.locality
    if locality is None:
        return '<span class="effect">no change</span>'
    side = 100 * sqrt(locality)
    warning = "" if shown.effect.finite else '<span class="warning">NaN or infinity, replaced</span>'
    return (
        f'<span class="effect"><span class="size"><i style="width: {100 * shown.effect.size / largest:.1f}%">'
        f"</i></span><b>{escape(shown.amount)}</b>"
        f'<span class="share"><i style="width: {side:.1f}%; height: {side:.1f}%"></i></span>'
        f"<span>in {escape(percent(locality))}</span>{warning}</span>"
    )


def _features(cluster: ClusterEntry, sample: str) -> str:
    maps = "".join(
        f"<figure>{_pixels(shown.picture, f'feature {shown.feature}')}"
        f"<figcaption>{shown.feature}</figcaption></figure>"
        for shown in cluster.features
    )
    some = len(cluster.features)
    count = _counted(some) if some == cluster.size else f"{some} of {cluster.size} features"
    about = f"{count}, strongest first: absolute activations on {sample}, each map on its own scale"
    return f'<div class="features"><p>{escape(about)}</p>\n<div>{maps}</div></div>\n'


def _counted(features: int) -> str:
    return "1 feature" if features == 1 else f"{features} features"


def _anchor(entry: LayerEntry, cluster: ClusterEntry) -> str:
    return f"{entry.slug}-cluster-{cluster.number}"


def _sample(file: str, alt: str) -> str:
    return _image(file, alt, "sample")


def _pixels(file: str, alt: str) -> str:
    return _image(file, alt, "pixels")


def _image(file: str, alt: str, kind: str) -> str:
    return f'<img class="{kind}" src="{file}" alt="{escape(alt)}" loading="lazy" decoding="async">'


def _player(file: str) -> str:
    return f'<audio controls preload="none" src="{file}"></audio>' if file else ""
