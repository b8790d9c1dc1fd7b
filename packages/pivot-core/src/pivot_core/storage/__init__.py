"""What is known about files, and where their bytes are kept."""
