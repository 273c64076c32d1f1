"""The one way in which this project reads a table.

Takes files; makes rows, and rejects every record that is no row, with its number and reason.
Imported by every stage; imports errors alone. `table` reads in bulk, by Arrow, and sets rejected
records apart; `tolerant` does the same without Arrow, which serving has not; `strict`, `read` and
`upload` stop at the first of them.
"""
