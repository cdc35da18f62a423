//! Scripts from and to files with the program itself.

use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelboard"));
        command.args(arguments).current_dir(self.0.path()).env("REELBOARD_MODELS", self.0.path().join("models"));
        command.output().unwrap()
    }

    /// Standard output and standard error of a run that ends well.
    #[track_caller]
    fn succeed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    /// Standard error of a run that fails.
    #[track_caller]
    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn prompts(&self, project: &str) -> Vec<String> {
        let shown: serde_json::Value = serde_json::from_str(&self.succeed(&["show", project, "--json"]).0).unwrap();
        shown["scenes"].as_array().unwrap().iter().map(|s| s["prompt"].as_str().unwrap().to_owned()).collect()
    }
}

const FOUNTAIN: &str = "Title: The Boat\n\nINT. ROOM\n\nMia waves.\n\nMIA\nHi.\n\nCUT TO:\n\nEXT. SHORE\n\nTOM\nHo.\n";

#[test]
fn a_script_goes_through_every_format_and_back() {
    let place = Place::new();
    place.write("boat.fountain", FOUNTAIN);
    let (_, said) = place.succeed(&["new", "boat.reel", "--script", "boat.fountain"]);
    assert!(said.contains("boat.fountain: Fountain screenplay, 2 scenes"), "{said}");
    assert!(said.contains("line 13: speech without an action became the scene \"Tom talks.\""), "{said}");
    let prompts = place.prompts("boat.reel");
    assert_eq!(prompts, ["Mia waves.", "Tom talks."]);
    for file in ["out.fountain", "out.fdx", "out.csv", "out.txt", "out.steps"] {
        let (written, _) = place.succeed(&["script", "boat.reel", "-o", file]);
        assert_eq!(written.trim(), file);
        let project = format!("{file}.reel");
        place.succeed(&["new", &project, "--script", file]);
        assert_eq!(place.prompts(&project), prompts, "{file}");
    }
    place.succeed(&["import", "out.csv", "boat.reel", "--append"]);
    assert_eq!(place.prompts("boat.reel").len(), 4);
    place.succeed(&["import", "out.csv", "boat.reel"]);
    assert_eq!(place.prompts("boat.reel"), prompts);
    let (text, _) = place.succeed(&["script", "boat.reel", "--format", "fountain"]);
    assert!(text.starts_with("Title: The Boat\n\n.ROOM\n\n[[shot | "), "{text}");
}

#[test]
fn what_does_not_work_is_said_and_changes_nothing() {
    let place = Place::new();
    place.write("boat.fountain", FOUNTAIN);
    place.write("empty.fountain", "");
    place.succeed(&["new", "boat.reel", "--script", "boat.fountain"]);
    assert!(place.fail(&["import", "empty.fountain", "boat.reel"]).contains("empty.fountain is empty"));
    assert!(place.fail(&["import", "none.fountain", "boat.reel"]).contains("none.fountain"));
    assert!(place.fail(&["import", "boat.fountain"]).contains("PROJECT"));
    assert!(place.fail(&["new", "other.reel", "--script", "empty.fountain"]).contains("is empty"));
    assert!(!place.0.path().join("other.reel").exists());
    assert!(place.fail(&["script", "boat.reel", "-o", "out.doc"]).contains(".fountain"));
    assert!(place.fail(&["script", "boat.reel", "-o", "none/out.csv"]).contains("none/out.csv"));
    assert!(place.fail(&["script", "boat.reel", "--format", "doc"]).contains("fountain, fdx, csv, text, brackets"));
    assert_eq!(place.prompts("boat.reel"), ["Mia waves.", "Tom talks."]);
}

#[test]
fn the_originals_verdict_decides_the_exit_code() {
    let place = Place::new();
    let step = |n: usize, what: &str| format!("[step_{n}: [{what}; entities: girl; background: beach]]");
    let answer = |what: &str| (1..=4).map(|n| step(n, what)).collect::<Vec<_>>().join("\n");
    place.write("good.txt", &answer("A girl walks"));
    place.write("camera.txt", &answer("A girl with a camera"));
    place.write("crlf.txt", &answer("A girl walks").replace('\n', "\r\n"));
    let (said, _) = place.succeed(&["import", "--compat", "good.txt"]);
    assert_eq!(
        said,
        "accepted: 4 steps\nentity \"girl\" in steps 1, 2, 3, 4\nbackground \"beach\" in steps 1, 2, 3, 4\n"
    );
    assert!(
        place.fail(&["import", "--compat", "camera.txt"]).contains("camera.txt is rejected: the answer has the word")
    );
    place.succeed(&["import", "--compat", "camera.txt", "--attempt", "4"]);
    assert!(place.fail(&["import", "--compat", "crlf.txt"]).contains("line 1 does not begin"));
    place.succeed(&["new", "a.reel"]);
    place.succeed(&["import", "--compat", "good.txt", "a.reel"]);
    assert_eq!(place.prompts("a.reel"), ["A girl walks"; 4]);
}
