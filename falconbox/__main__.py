"""`python -m falconbox`."""

from falconbox.cli import main

if __name__ == "__main__":
    main()
