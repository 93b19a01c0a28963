#!/usr/bin/env sh
# Makes the pictures of recipes/works, by the commands with which they were made.
#
#     sh scripts/works.sh OUT [MODEL]
#
# MODEL: photo-faces, or faces where that is not installed.
set -eu
out=${1:-docs/gallery/works}
model=${2:-photo-faces}
netbend=${BIN:-.venv/bin}/netbend
works=recipes/works
new="--overwrite --quiet"
portrait=$works/portrait.npz
[ "$model" = photo-faces ] || portrait=$works/drawn-portrait.npz

# Teratome: a series is many draws of one recipe.
"$netbend" vary $works/teratome.yaml --model "$model" --latent-seed 4 --seed 1 --count 24 --out "$out" $new

# EP series: five of two dozen draws, kept as recipes of their own.
"$netbend" vary $works/ep-series.yaml --model "$model" --latent-seed 12 --seed 1 --count 24 --out "$out" $new
"$netbend" vary $works/ep-series.yaml --model "$model" --latent-seed 12 --keep 1,8,14,20,21 --out "$out/ep" $new

# Films: stills; leave out --stills and name an .mp4 for the whole.
"$netbend" film $works/fragments-of-self.yaml --model "$model" --latents "$portrait" --stills 12 \
    --out "$out/fragments-of-self.png" $new
"$netbend" film $works/disembodied-gaze.yaml --model "$model" --stills 12 --out "$out/disembodied-gaze.png" $new

# You are here: a loop twice through the network for music, then frames of one network into the next.
"$netbend" sound sounds/loop_tabla.flac --recipe recipes/music/stammer.yaml --out "$out/once.flac" $new
"$netbend" sound "$out/once.flac" --recipe recipes/music/bones.yaml --out "$out/twice.flac" $new
"$netbend" film $works/you-are-here.yaml --sound "$out/twice.flac" --stills 12 --out "$out/you-are-here.png" $new

# Figures 2 and 6 of the paper; 3 and 4 are in the galleries of sounds and of clusters.
"$netbend" grid --figure transforms-by-layer --model "$model" --out "$out/figure-2.png" $new
"$netbend" grid $works/figure-6.yaml --model "$model" --rows "transform=ablate; multiply p=5" --columns seed=4,12,21 \
    --out "$out/figure-6.png" $new
