#!/usr/bin/env sh
# Fetches the data and trains the model `music` as it is shipped. Stop and start it as you like:
# the data is fetched once, and training goes on from its last checkpoint.
set -eu
cd "$(dirname "$0")/../.."
data=out/data/music
bin=${BIN:-.venv/bin}
[ -e "$data/CREDITS.md" ] || "$bin/python" scripts/data/music.py "$data"
"$bin/netbend" train spectrogram-vae "$data/train" --validation "$data/validation" --out out/music-run \
    --width 0.375 --precision bf16 --seed 1 --epochs "${EPOCHS:-5}"
