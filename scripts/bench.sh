#!/usr/bin/env sh
# Measures speed: every figure beside its limit or a peer in the same run. An idle machine gives the best figures.
#
#     sh scripts/bench.sh [OUT] [THREADS]
set -eu
out=${1:-out/bench}
threads=${2:-2}
python=${BIN:-.venv/bin}/python
mkdir -p "$out"
"$python" benchmarks/transforms.py --threads "$threads" --table "$out/transforms.md" --plot "$out/transforms.png"
"$python" benchmarks/bending.py --threads "$threads" | tee "$out/bending.md"
"$python" benchmarks/networks.py --threads "$threads" --table "$out/networks.md"
"$python" benchmarks/film.py | tee "$out/film.md"
echo "$out"
