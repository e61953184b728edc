"""`python -m service` is `wirewatch`."""

from wire.garbage import nothing_is_garbage


def main() -> None:
    """Loads the program and runs it; were garbage looked for meanwhile, it would load for half as long again."""
    with nothing_is_garbage():
        from service.main import main as wirewatch
    wirewatch()


if __name__ == "__main__":
    main()
