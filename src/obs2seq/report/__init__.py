"""What a run was given, made and left out, on one page for a person."""
