"""The command line of Listenlake."""
