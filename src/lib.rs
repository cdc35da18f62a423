//! Reelboard turns one sentence into a consistent multi-scene film on the user's own machine.
//!
//! A language model writes the script, the script becomes editable scenes, reference pictures keep recurring
//! characters and places the same from scene to scene, and the scenes become one film. The method is VideoStudio
//! (Long et al., ECCV 2024). The library holds everything but the argument parsing: the window and the command line
//! are two clients of the same [`project`] data and the same engine.
//!
//! ```
//! use reelboard::project::{Edit, Project, Scene};
//!
//! let mut project = Project::new("A lighthouse keeper rescues a paper boat");
//! let scene = Scene::new(project.new_scene_id(), "The keeper lights the lamp");
//! let undo = project.apply(Edit::InsertScene { index: 0, scene: Box::new(scene) })?;
//! assert_eq!(project.scenes.len(), 1);
//! project.apply(undo)?;
//! assert!(project.scenes.is_empty());
//! # Ok::<(), reelboard::project::EditError>(())
//! ```

pub mod progress;
pub mod project;
mod simd;

pub mod cli;
pub mod draft;
pub mod engine;
pub mod export;
pub mod farm;
pub mod image;
pub mod models;
pub mod nets;
#[cfg(feature = "gui")]
pub mod preview;
#[cfg(feature = "gui")]
pub mod ui;
pub mod video;
pub mod writer;
