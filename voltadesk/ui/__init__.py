"""The screen: widgets that draw plain arrays, tuples and texts, and the desktops made of them."""

import os

# How long Textual may wait before it draws what a key changed: 8 ms instead of 17. It is read when Textual is imported.
os.environ.setdefault("TEXTUAL_FPS", "120")
