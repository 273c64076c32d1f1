from d_training.cards.markdown import markdown_table


def test_a_cell_cannot_break_the_table() -> None:
    shown = markdown_table(["a", "b"], [["x|y\n| z", "<img src=x>\\"]])
    assert shown == "| a | b |\n| --- | --- |\n| x\\|y \\| z | &lt;img src=x>\\\\ |"
