#!/usr/bin/env sh
# Makes the pictures of recipes/works, by the commands with which they are made.
#
#     sh scripts/works.sh OUT [MODEL]
#
# MODEL: photo-faces, or faces where that is not installed.
set -eu
out=${1:-docs/gallery/works}
model=${2:-photo-faces}
bin=${BIN:-.venv/bin}
works=recipes/works
new="--overwrite --quiet"
mkdir -p "$out"
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

portrait=$works/portrait.npz
ep=$works/ep-series.yaml
gaze=$works/disembodied-gaze.yaml
figure6=$works/figure-6.yaml
if [ "$model" = faces ]; then
    portrait=$works/drawn-portrait.npz
    ep=$works/faces/ep-series.yaml
    gaze=$works/faces/disembodied-gaze.yaml
    figure6=$works/faces/figure-6.yaml
fi

small() { # a third of the size, for the repository
    "$bin/python" scripts/in_256_colours.py "$out/$1.png" <"$scratch/$1.png"
}

# Teratome: a series is many draws of one recipe.
"$bin/netbend" vary $works/teratome.yaml --model "$model" --seeds 4 --selection-seed 1 --count 12 --out "$scratch" $new
small teratome-variations

# EP series: from two dozen draws five were kept, as recipes of their own, in recipes/works/ep.
"$bin/netbend" vary $ep --model "$model" --selection-seed 1 --count 24 --out "$scratch" $new
small ep-series-variations

# Films: stills; leave out --stills and name an .mp4 for the whole.
"$bin/netbend" film $works/fragments-of-self.yaml --model "$model" --latents "$portrait" --stills 12 \
    --out "$scratch/fragments-of-self.png" $new
small fragments-of-self
"$bin/netbend" film $gaze --model "$model" --stills 12 \
    --out "$scratch/disembodied-gaze.png" $new
small disembodied-gaze

# You are here: a loop twice through the network for music, and frames of one network into the next.
"$bin/netbend" sound sounds/loop_tabla.flac --recipe recipes/music/stammer.yaml --out "$scratch/once.flac" $new
"$bin/netbend" sound "$scratch/once.flac" --recipe recipes/music/bones.yaml --out "$scratch/twice.flac" $new
"$bin/netbend" film $works/you-are-here.yaml --sound "$scratch/twice.flac" --stills 12 \
    --out "$scratch/you-are-here.png" $new
small you-are-here

# Figures 2 and 6 of the paper; 3 is in the gallery of sounds, scripts/figures.py and sound_figures.py make 1, 4 and 5.
"$bin/netbend" grid --figure transforms-by-layer --model "$model" --seeds 4 --height 96 --out "$scratch/figure-2.png" $new
small figure-2
"$bin/netbend" grid $figure6 --model "$model" --rows "transform=ablate; multiply p=5" \
    --columns seed=4,12,21 --height 192 --out "$scratch/figure-6.png" $new
small figure-6
