"""``python -m ppt2v``, for where pip puts no command on the path (``pip install --target``)."""

from ppt2v.cli import main

main()
