"""Every sealed row there is: whether it still carries our seal, and how it comes to carry that of a new root key.

`tables` lists them, `checking` looks at them a part at a time, `renewal` seals them anew.
"""
