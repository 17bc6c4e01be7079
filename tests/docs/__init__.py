"""The documentation's generated pages, and the runner that executes what the pages show."""
