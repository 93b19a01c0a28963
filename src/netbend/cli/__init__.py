"""The `netbend` command: one file per command, thin."""
