//! Which models there are, and where their files are on this machine.
