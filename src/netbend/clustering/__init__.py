"""Features that belong together, found by their activation maps alone (section 4 of the paper)."""

from netbend.choices import Preset
from netbend.clustering.grouping import Counts, parse_counts
from netbend.clustering.paper import check_networks, load_networks, networks_file, save_networks
from netbend.clustering.run import cluster_features, cluster_latents, default_settings
from netbend.clustering.settings import Settings

__all__ = [
    "Counts",
    "Preset",
    "Settings",
    "check_networks",
    "cluster_features",
    "cluster_latents",
    "default_settings",
    "load_networks",
    "networks_file",
    "parse_counts",
    "save_networks",
]
