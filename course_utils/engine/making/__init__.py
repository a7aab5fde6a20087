"""Sources become notebooks, recorded looks and bundles."""
