#!/usr/bin/env bash
# Trains `faces` further on a bare machine with a GPU and torch, without network, in so many minutes:
#
#     MINUTES=9 scripts/train/on_a_gpu.sh [RESULTS]        # RESULTS: by default $OUT, or out/on-a-gpu
#
# It grows from the model FROM (by default `faces`) through SIZES (by default 128 and 256). RESULTS/SIZE
# receives, every half minute, model.safetensors in half precision, samples.png and, of the size in training,
# discriminator.safetensors; RESULTS/log.jsonl their figures: at most eight files with those of music, none
# above 15 MB. To be killed loses nothing; FROM=RESULTS/256 SIZES=256 goes on from there.
#
# To bring along:
#   DRAWINGS  faces.svg.txt.xz: node scripts/data/faces/draw.mjs --svg --out D; xz -9e D/faces.svg.txt (3.5 MB)
#   WHEELS    a folder of wheels that the machine lacks: scripts/train/wheels.sh WHEELS
#   MUSIC     if wanted, a folder of sounds: `music`, or the model MUSIC_FROM, is trained on them beside `faces`;
#             its weights are in parts, to be joined: cat RESULTS/music/model.safetensors.* > model.safetensors
# Without them it looks into out/bring (drawings, wheels), and draws 30,000 faces.
set -euo pipefail
cd "$(dirname "$0")/../.."
began=$(date +%s)
seconds=$((${MINUTES:-9} * 60))
results=${1:-${OUT:-out/on-a-gpu}}
drawings=${DRAWINGS:-out/bring/faces.svg.txt.xz}
wheels=${WHEELS:-out/bring/wheels}
from=${FROM:-faces}
read -ra sizes <<<"${SIZES:-128 256}"
work=${WORK:-$(mktemp -d)}
every=25 # seconds between checkpoints
last=20  # seconds kept for the end

left() { echo $((seconds - ($(date +%s) - began))); }
say() { echo "== $(($(date +%s) - began)) s: $*"; }

halve='import sys; from pathlib import Path; from netbend.models.catalog import load_model
load_model(sys.argv[1], "cpu").save(Path(sys.argv[2]), half=True, overwrite=True)'

# What a run has so far, in files that another run can start from; larger ones in parts of 15 MB.
keep() { # RUN KEPT
    mkdir -p "$2"
    if [ -s "$1/model.safetensors" ]; then
        python3 -c "$halve" "$1/model.safetensors" "$1.half" && put "$1.half" "$2/model.safetensors"
    fi
    put "$1/discriminator.safetensors" "$2/discriminator.safetensors"
    local newest
    newest=$(find "$1/samples" -name '[0-9]*.png' 2>/dev/null | sort | tail -n 1)
    put "$newest" "$2/samples.png"
    logs
}
logs() { # of all runs, a line for each of theirs
    local log
    for log in "$work"/*/log.jsonl; do
        [ -s "$log" ] && sed "s/^{/{\"run\": \"$(basename "$(dirname "$log")")\", /" "$log"
    done >"$work/log.jsonl"
    put "$work/log.jsonl" "$results/log.jsonl" || true # the other run's may be on its way
}
put() { # FILE PLACE
    [ -s "$1" ] || return 0
    if [ "$(stat -c %s "$1")" -gt 15000000 ]; then
        split -b 15000000 -d -a 1 "$1" "$2."
    else
        cp "$1" "$2.part" && mv "$2.part" "$2"
    fi
}
keeping() { # RUN KEPT: until killed
    while sleep 15; do keep "$1" "$2" || true; done
}

if [ -d "$wheels" ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade --target "$work/site" "$wheels"/*.whl
    export PYTHONPATH=$PWD/src:$work/site${PYTHONPATH:+:$PYTHONPATH}
else
    export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
fi
mkdir -p "$results"
say "painting"
for size in "${sizes[@]}"; do
    python3 scripts/data/paint.py "$drawings" --size "$size" ${COUNT:+--count "$COUNT"} --out "$work/faces-$size.zip"
    say "painted at $size"
done &
painting=$!
children=("$painting")
trap 'kill "${children[@]}" 2>/dev/null || true' EXIT

if [ -n "${MUSIC:-}" ]; then
    timeout $(($(left) - last)) python3 -c 'from netbend.cli.main import main; main()' train spectrogram-vae "$MUSIC" \
        --out "$work/music" --from "${MUSIC_FROM:-music}" --batch 32 --precision bf16 --epochs "${EPOCHS:-20}" \
        >"$work/music.log" 2>&1 &
    children+=("$!")
    keeping "$work/music" "$results/music" &
    children+=("$!")
fi

share=${SHARE:-40} # per cent of the time that is left, for every size but the last
for size in "${sizes[@]}"; do
    while [ ! -s "$work/faces-$size.zip" ]; do
        kill -0 "$painting" 2>/dev/null || [ -s "$work/faces-$size.zip" ] || { say "no pictures"; exit 1; }
        sleep 0.2
    done
    time=$(($(left) - last))
    [ "$size" = "${sizes[-1]}" ] || time=$((time * share / 100))
    say "training at $size for $time s, from $from"
    keeping "$work/run-$size" "$results/$size" &
    keeper=$!
    children+=("$keeper")
    timeout -k 15 "$time" python3 -c 'from netbend.cli.main import main; main()' train stylegan2 \
        "$work/faces-$size.zip" --out "$work/run-$size" --from "$from" --size "$size" \
        --feature-base "${FEATURE_BASE:-4096}" --feature-max 256 --batch "${BATCH:-64}" --augment none --precision bf16 \
        --kimg "${KIMG:-100000}" --snapshot-kimg "${SNAPSHOT_KIMG:-20}" --save-seconds "$every" --device "${DEVICE:-auto}" \
        2>&1 | tee "$work/run-$size.log" || true
    kill "$keeper" 2>/dev/null || true
    keep "$work/run-$size" "$results/$size"
    [ "$size" = "${sizes[-1]}" ] || rm -f "$results/$size/discriminator.safetensors" # the next size has its own
    say "trained at $size: $(tail -n 1 "$work/run-$size/log.jsonl" 2>/dev/null)"
    from=$work/run-$size
done
if [ -n "${MUSIC:-}" ]; then
    wait "${children[1]}" || true
    keep "$work/music" "$results/music"
    tail -n 3 "$work/music.log"
fi
say "results in $results"
find "$results" -type f -size +0 | sort | xargs ls -l
