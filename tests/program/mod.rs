//! A folder with projects, and the program run in it. Nothing that the user of this machine has set counts there.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

pub struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, OsString)>,
}

impl Place {
    /// A folder whose own list of models is empty.
    pub fn empty() -> Self {
        Self::listing("(models: [], studios: [])")
    }

    /// A folder with an own list of models.
    pub fn listing(models: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() };
        std::fs::write(place.path("models.ron"), models).unwrap();
        place
    }

    /// Programs find a variable from now on.
    pub fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.environment.push((name, value.into()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another program that finds ours set up like [`Self::command`].
    pub fn other(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        command.env("REELBOARD_MODELS", self.path("models")).env("REELBOARD_MODELS_RON", self.path("models.ron"));
        command.env("REELBOARD_CACHE", self.path("cache")).env("XDG_CONFIG_HOME", self.path("config"));
        command.envs(self.environment.iter().cloned());
        command
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.other(env!("CARGO_BIN_EXE_reelboard"));
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output and standard error of a run that ends well.
    #[track_caller]
    pub fn told(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// Standard output of a run that ends well.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> String {
        self.told(arguments).0
    }

    /// Standard error of a run that fails.
    #[track_caller]
    pub fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A project of the example film, whose scenes share a keeper, a dog, a boat and a sea.
    pub fn example(&self, project: &str) {
        self.succeed(&["new", project, "--example"]);
    }

    #[track_caller]
    pub fn shown(&self, project: &str) -> Value {
        serde_json::from_str(&self.succeed(&["show", project, "--json"])).unwrap()
    }
}

/// The name of the picture or clip that each scene's chosen take shows.
pub fn chosen(shown: &Value) -> Vec<Option<String>> {
    let scenes = shown["scenes"].as_array().unwrap().iter();
    scenes
        .map(|scene| {
            let takes = scene["takes"].as_array().unwrap();
            let chosen = takes.iter().find(|take| take["chosen"] == true)?;
            Some(chosen["media"].as_str().unwrap().to_owned())
        })
        .collect()
}
