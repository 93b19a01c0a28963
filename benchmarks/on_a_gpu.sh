#!/bin/sh
# Everything about speed on a GPU, on a bare machine: checks, times and profiles.
#
#     OUT=folder benchmarks/on_a_gpu.sh [--quick] [--nvidia FOLDER] [--stages "check times"]
#
# Each stage is a process of its own that writes its own files to $OUT as it goes, whatever becomes of the
# others, or when $LIMIT seconds are over. Needs torch with CUDA and what `import netbend` needs; tree and packages are found in PYTHONPATH.
set -u
cd "$(dirname "$0")/.."
out=${OUT:-gpu-results}
stages="check times profile first parts film"
quick=
nvidia=
while [ $# -gt 0 ]; do
    case $1 in
        --quick) quick=--quick; LIMIT=${LIMIT:-45} ;;
        --nvidia) nvidia="--nvidia $2"; stages="$stages nvidia"; shift ;;
        --stages) stages=$2; shift ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
mkdir -p "$out"
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
export TRITON_CACHE_DIR="${TRITON_CACHE_DIR:-$(mktemp -d)}"
for stage in $stages; do
    start=$(date +%s)
    timeout "${LIMIT:-120}" python3 benchmarks/on_a_gpu.py "$stage" --out "$out" $quick $nvidia \
        > "$out/$stage.log" 2>&1 || { echo "$stage FAILED"; tail -n 5 "$out/$stage.log"; }
    echo "$stage: $(($(date +%s) - start)) s"
done | tee "$out/stages.txt"
cat "$out"/*.md
