"""Price series out of whatever file they come in: read as text, recognised, checked, kept by name."""
