"""The one way in which this project reads a table.

Takes CSV files; makes rows, and rejects every record that is no row, with its number and reason.
Imported by every stage; imports errors alone. `table` reads in bulk, by Arrow, and sets rejected
records apart; `strict` stops at the first of them and needs no Arrow, which serving has not. A
reader of another format gives the same `Table` or `StrictTable`.
"""
