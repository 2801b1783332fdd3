"""The screen: widgets that draw plain arrays, tuples and texts, and the desktops made of them."""
