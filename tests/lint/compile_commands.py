"""Prints compile_commands.json for all sources; the argument is the compiler's flags."""
import json
import shlex
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent.parent
flags = shlex.split(sys.argv[1])
rows = []
for pattern, more in (("src/*/*.c", []), ("tests/unit/*/*.c", ["-Itests/unit"]), ("tests/fuzz/*.c", ["-Itests/fuzz"])):
    for source in sorted(root.glob(pattern)):
        file = str(source.relative_to(root))
        rows.append({"directory": str(root), "file": file, "arguments": ["gcc", *flags, *more, "-c", file]})
print(json.dumps(rows, indent=1))
