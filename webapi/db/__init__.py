"""One module of SQL per noun."""
