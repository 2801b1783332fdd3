"""`python -m voltadesk`: the same as `voltadesk`."""

from voltadesk.cli import main

if __name__ == "__main__":
    main()
