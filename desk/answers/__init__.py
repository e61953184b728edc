"""What the desk says when it is asked: the same to the API and to the pages. Built of rows, within a transaction."""
