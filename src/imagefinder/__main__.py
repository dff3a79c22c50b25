"""``python -m imagefinder`` is the command line."""

from imagefinder.cli import main

main()
