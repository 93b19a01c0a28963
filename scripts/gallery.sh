#!/usr/bin/env sh
# Makes every picture of docs/gallery again, from the recipes and the models that netbend has or can install.
#
#     sh scripts/gallery.sh
#
# Measures what is said of them, writes the numbers into the documents, and ends with an error where it is not so.
set -eu
out=docs/gallery
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
for measures in figures figure_2 presets_picture works_measured sound_figures sound_recipes recipes_measured doc_pictures; do
    "$python" "scripts/$measures.py"
done
# Music that is fetched from Debian to be measured: elsewhere its numbers stay as they are.
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    "$python" scripts/sound_unseen.py
fi
