#!/usr/bin/env sh
# Measures speed: every figure beside its limit or a peer in the same run. An idle machine gives the best
# figures.
#
#     sh scripts/bench.sh [OUT] [THREADS]
#
# All tables come to OUT/bench.md, its plots lie beside it. Rounds are as many as half an hour on 2 cores
# allows, 40 minutes at most: 3 of what takes seconds a run, more of what is short. If a part fails, all of
# it has failed: there is no bench.md, and what was done before it is in OUT/unfinished.md.
set -eu
out=${1:-out/bench}
threads=${2:-2}
bin=${BIN:-.venv/bin}
mkdir -p "$out"
rm -f "$out/bench.md"
printf '# Speed\n\n' > "$out/unfinished.md"

measure() { # benchmark, name of its files, its options
    benchmark=$1 name=$2
    shift 2
    "$bin/python" "benchmarks/$benchmark.py" --table "$out/$name.md" "$@"
    cat "$out/$name.md" >> "$out/unfinished.md"
    printf '\n' >> "$out/unfinished.md"
}

counts=1
[ "$threads" -eq 1 ] || counts="1 $threads"
for count in $counts; do
    for part in transforms:5 bending:3 networks:3; do
        name=${part%:*}
        measure "$name" "$name-$count" --threads "$count" --rounds "${part#*:}" --plot "$out/$name-$count.png"
    done
done
measure bfloat16 bfloat16 --threads "$threads" --rounds 3
measure film film --threads "$threads" --rounds 3 --plot "$out/film.png"
measure photo_faces photo-faces --threads "$threads" --rounds 5 --plot "$out/photo-faces.png"
measure sound sound 120
measure startup startup --threads "$threads" --rounds 7
mv "$out/unfinished.md" "$out/bench.md"
echo "$out/bench.md"
