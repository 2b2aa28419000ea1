"""How stores are made: recipes, builds, verification, importers."""
