"""Both ends of the wire, scripted: what the tests in the folders beside this one are written with."""
