"""``ppt2v ui``: a web page with a tab for each mode, over one queue of jobs."""
