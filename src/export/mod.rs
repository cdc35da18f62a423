//! From a project to one film file.
