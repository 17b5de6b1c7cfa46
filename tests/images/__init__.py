"""Images by content: built once, rebuilt on any change, carried in a file that shows damage."""
