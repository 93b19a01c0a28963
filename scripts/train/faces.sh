#!/usr/bin/env sh
# Makes the data and trains the model `faces` as it is shipped. Stop and start it as you like:
# the data is drawn once, and training goes on from its last checkpoint.
set -eu
cd "$(dirname "$0")/../.."
data=out/data/faces
if [ ! -d "$data" ]; then
    (cd scripts/data/faces && npm install --no-audit --no-fund && node draw.mjs --out "../../../$data.part")
    mv "$data.part" "$data"
fi
"${BIN:-.venv/bin}/netbend" train stylegan2 "$data/images" --out out/faces-run --size 64 \
    --feature-base 2048 --feature-max 256 --latent-dim 128 --mapping-depth 4 \
    --batch 16 --augment none --precision bf16 --seed 1 --snapshot-kimg 10 --kimg "${KIMG:-1000}"
