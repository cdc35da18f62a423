//! Photos and cut-outs.
