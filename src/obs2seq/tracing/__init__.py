"""What a run tells about itself while it runs: steps as they begin and end, for logs, traces and a terminal."""
