"""The floor of the package: registry, building of named components, texts of errors."""
