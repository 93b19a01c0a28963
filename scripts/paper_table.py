"""What the paper's preset came to, layer by layer, for docs/clusters.md.

python scripts/paper_table.py [MODEL ...]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.clustering.measures import agreement, evenness
from netbend.models.catalog import load_model
from netbend.recipe import load_clusters

MODELS = ["faces", "photo-faces"]


def main(names: list[str]) -> None:
    print("| model | layer | samples | epochs | told right | chance | agreement with `quick` | evenness |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        model, clusters = load_model(name, "cpu"), load_clusters(f"{name}/paper")
        samples, epochs, accuracy = (clusters.method[key] for key in ("samples", "epochs", "accuracy"))
        for layer in model.layers:
            if layer.key not in clusters.layers:
                continue
            quick = model.clusters
            alike = quick is not None and len(quick.layers.get(layer.key, ())) == len(
                clusters.layers[layer.key]
            )
            shared = f"{agreement(quick, clusters, layer):.2f}" if quick is not None and alike else "-"
            print(
                f"| `{name}` | {layer.key} | {of(samples, layer.key)} | {of(epochs, layer.key):g} "
                f"| {of(accuracy, layer.key):.0%} "
                f"| {1 / layer.features:.1%} | {shared} | {evenness(clusters, layer):.2f} |"
            )


def of(values: object, layer: object) -> float:
    """Of a layer, where a file says it for each; else of all."""
    return values[layer] if isinstance(values, dict) else values  # type: ignore[return-value]


if __name__ == "__main__":
    main(sys.argv[1:] or MODELS)
