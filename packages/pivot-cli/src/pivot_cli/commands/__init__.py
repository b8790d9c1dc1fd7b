"""One module for each subcommand; each holds a `command`."""
