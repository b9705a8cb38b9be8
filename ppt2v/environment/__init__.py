"""The machine and the libraries on it: devices, threads, versions, and what the libraries are not to say."""
