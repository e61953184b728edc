"""How the program is started."""

import os
import subprocess
import sys


def test_the_package_is_the_program() -> None:
    command = [sys.executable, "-m", "service", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "100"})
    assert "Watches news wires" in told.stdout
