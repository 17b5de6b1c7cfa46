"""``python -m labrunner`` is ``lab``."""

from labrunner.cli import main

main()
