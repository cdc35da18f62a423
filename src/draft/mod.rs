//! The instant stand-ins for pictures that no model has made yet.
