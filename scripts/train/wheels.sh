#!/usr/bin/env bash
# Fetches, here, the wheels that a machine without network needs beside torch to train: for Python 3.12 on
# Linux, x86-64. `scripts/train/wheels.sh DIR [MORE ...]`; more: further packages, such as av to decode MP3.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
out=$1
shift
needed=(annotated-types cffi defusedxml lightning-fabric lightning-utilities platformdirs pycparser pydantic
    pydantic_core ruamel.yaml soundfile soxr typing-inspection typing_extensions "$@")
pinned=()
for name in "${needed[@]}"; do
    pinned+=("$(grep -iE "^${name//[-_.]/[-_.]}==" "$here/constraints.txt" | cut -d' ' -f1)")
done
platforms=()
for glibc in 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${glibc}_x86_64"); done
python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    "${platforms[@]}" --platform manylinux2014_x86_64 --dest "$out" "${pinned[@]}" resvg-py==0.5.0
