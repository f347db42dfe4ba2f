"""`python -m connector` is `crm-connector`."""

from connector.cli import main

if __name__ == "__main__":
    main()
