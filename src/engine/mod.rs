//! Jobs and the threads that run them.
