"""Runs a script as `python script …` would, and then writes down which modules were imported, and from where.

The arguments are the file to write, the script, and the script's own.
"""

import json
import runpy
import sys
from pathlib import Path


def places() -> dict[str, list[str]]:
    """Return each module's file, or the folders of a package without one; nothing for what is part of Python itself."""
    modules = {name: module for name, module in sys.modules.items() if name not in ("__main__", "__mp_main__")}
    files = {name: getattr(module, "__file__", None) for name, module in modules.items()}
    return {name: [file] if file else list(getattr(modules[name], "__path__", [])) for name, file in files.items()}


if __name__ == "__main__":
    record = Path(sys.argv[1])
    sys.argv = sys.argv[2:]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        record.write_text(json.dumps({"path": sys.path, "modules": places()}))
