"""Where columns come from: the steps that make them, drawn and listed, and versions of their code."""
