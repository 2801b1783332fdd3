"""The panes of the desktops: each shows a part of the frame."""
