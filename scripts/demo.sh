#!/usr/bin/env sh
# Renders every example recipe, bent beside unbent, and says where to look.
set -eu
out=${1:-out/demo}
bin=${BIN:-.venv/bin}
for recipe in recipes/*.yaml; do
    "$bin/netbend" render "$recipe" --seeds 1-6 --compare --sheet --overwrite --quiet --out "$out"
    echo "$out/$(basename "$recipe" .yaml)-sheet.png"
done
"$bin/netbend" render --seeds 0-31 --sheet --overwrite --quiet --out "$out/unbent"
echo "$out/unbent/faces-sheet.png"
"$bin/netbend" sound sounds/loop_tabla.flac --recipe recipes/music/figure-3.yaml --count 4 --selection-seed 3 \
    --spectrogram "$out/sound/figure-3.png" --overwrite --quiet --out "$out/sound"
"$bin/netbend" sound --seeds 0-1 --seconds 8 --overwrite --quiet --out "$out/sound"
ls "$out"/sound/*
echo
echo "Done. Open the sheets above: at the left of each pair the face as trained, at the right bent."
echo "Listen to the sounds: four variations of one drum loop, and two songs of the network by itself."
