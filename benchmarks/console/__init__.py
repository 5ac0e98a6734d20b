"""How fast the console is and how little it writes, beside other programs on the same terminal."""
