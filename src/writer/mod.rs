//! The script writer: a premise becomes a script.
