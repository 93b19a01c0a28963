#!/usr/bin/env sh
# Makes every picture of docs/gallery again, from the recipes and the models that netbend has or can install.
#
#     sh scripts/gallery.sh [OUT]
set -eu
out=${1:-docs/gallery}
bin=${BIN:-.venv/bin}
python=$bin/python

"$bin/netbend" layers photo-faces >/dev/null 2>&1 || {
    echo "The gallery needs the model photo-faces; \`netbend models install photo-faces\` says under which terms." >&2
    exit 1
}
"$python" scripts/gallery.py photo-faces recipes/photo-faces "$out" 4 1
"$python" scripts/gallery.py photo-faces recipes/photo-faces/clusters "$out/clusters" 4 1
"$python" scripts/gallery.py faces recipes/clusters "$out/clusters" 29 39
"$python" scripts/sound_gallery.py
sh scripts/works.sh "$out/works"
"$python" scripts/gallery.py photo-faces recipes/works/ep "$out/works/ep" 12
# The paper's figures; both end with an error where a picture does not show what its caption says.
"$python" scripts/presets_picture.py "$out/clusters/presets.png"
"$python" scripts/sound_figures.py "$out/works"
"$python" scripts/figures.py "$out/works"
