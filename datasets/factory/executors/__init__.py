"""Who runs the units of a build: pieces of the kind `executors`."""
