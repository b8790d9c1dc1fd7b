"""Exchange pipelines with DVC."""
