"""`python -m stack COMMAND`."""

from stack.commands import main

if __name__ == "__main__":
    main()
