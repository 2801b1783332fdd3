"""The business of the desk: exact books, the fund, the register of batteries. Python integers only, nothing outside."""
