#!/bin/sh
# Everything about speed on a GPU, on a bare machine: checks, times and profiles.
#
#     OUT=folder benchmarks/on_a_gpu.sh [--quick] [--seconds S] [--nvidia FOLDER] [--stages "times check"]
#
# Kernels are compiled first, side by side; then one process writes its files to $OUT as it goes, the most
# important first, and leaves out what is not begun after so many seconds. Needs torch with CUDA and what
# `import netbend` needs; tree and packages are found by PYTHONPATH. NVIDIA's operators are compiled meanwhile
# if they are not yet, and wanted.
set -u
cd "$(dirname "$0")/.."
out=${OUT:-gpu-results}
stages="times bends nvidia profile blocks check film batches"
given=
seconds=280
nvidia=
while [ $# -gt 0 ]; do
    case $1 in
        --quick) given="$given --quick" ;;
        --seconds) seconds=$2; shift ;;
        --nvidia) nvidia=$2; given="$given --nvidia $2"; shift ;;
        --stages) stages=$2; shift ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
[ -n "$nvidia" ] || stages=$(echo "$stages" | sed 's/nvidia//')
mkdir -p "$out"
PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
TRITON_CACHE_DIR=${TRITON_CACHE_DIR:-$(mktemp -d)}
export PYTHONPATH TRITON_CACHE_DIR
start=$(date +%s)
if [ -n "$nvidia" ] && [ ! -e "$out/nvidia_build.md" ]; then
    python3 benchmarks/on_a_gpu.py nvidia_build --out "$out" $given > "$out/nvidia_build.log" 2>&1 &
fi
python3 benchmarks/on_a_gpu.py warm --out "$out" --seconds $((seconds / 2)) $given > "$out/warm.log" 2>&1
left=$((seconds - $(date +%s) + start))
timeout $((left + 10)) python3 benchmarks/on_a_gpu.py $stages --out "$out" --seconds "$left" $given \
    > "$out/all.log" 2>&1 || tail -n 5 "$out/all.log"
cat "$out"/*.md
