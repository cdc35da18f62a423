//! Scripts from and to files with the program itself.

use crate::program::Place;
use std::path::PathBuf;

impl Place {
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn prompts(&self, project: &str) -> Vec<String> {
        self.shown(project)["scenes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["prompt"].as_str().unwrap().to_owned())
            .collect()
    }
}

const FOUNTAIN: &str = "Title: The Boat\n\nINT. ROOM\n\nMia waves.\n\nMIA\nHi.\n\nCUT TO:\n\nEXT. SHORE\n\nTOM\nHo.\n";

#[test]
fn a_script_goes_through_every_format_and_back() {
    let place = Place::empty();
    place.write("boat.fountain", FOUNTAIN);
    let (_, said) = place.told(&["new", "boat.reel", "--script", "boat.fountain"]);
    assert!(said.contains("boat.fountain: Fountain screenplay, 2 scenes"), "{said}");
    assert!(said.contains("line 14: speech without an action became the scene \"Tom talks.\""), "{said}");
    let prompts = place.prompts("boat.reel");
    assert_eq!(prompts, ["Mia waves.", "Tom talks."]);
    for file in ["out.fountain", "out.fdx", "out.csv", "out.txt", "out.steps"] {
        let (written, _) = place.told(&["script", "boat.reel", "-o", file]);
        assert_eq!(written.trim(), file);
        let project = format!("{file}.reel");
        place.told(&["new", &project, "--script", file]);
        assert_eq!(place.prompts(&project), prompts, "{file}");
    }
    place.told(&["import", "out.csv", "boat.reel", "--append"]);
    assert_eq!(place.prompts("boat.reel").len(), 4);
    place.told(&["import", "out.csv", "boat.reel"]);
    assert_eq!(place.prompts("boat.reel"), prompts);
    let (text, _) = place.told(&["script", "boat.reel", "--format", "fountain"]);
    assert!(text.starts_with("Title: The Boat\n\n.ROOM\n\n[[shot | "), "{text}");
}

#[test]
fn what_does_not_work_is_said_and_changes_nothing() {
    let place = Place::empty();
    place.write("boat.fountain", FOUNTAIN);
    place.write("empty.fountain", "");
    place.told(&["new", "boat.reel", "--script", "boat.fountain"]);
    assert!(place.fail(&["import", "empty.fountain", "boat.reel"]).contains("empty.fountain is empty"));
    assert!(place.fail(&["import", "none.fountain", "boat.reel"]).contains("none.fountain"));
    assert!(place.fail(&["import", "boat.fountain"]).contains("PROJECT"));
    assert!(place.fail(&["new", "other.reel", "--script", "empty.fountain"]).contains("is empty"));
    assert!(!place.path("other.reel").exists());
    assert!(place.fail(&["script", "boat.reel", "-o", "out.doc"]).contains(".fountain"));
    assert!(place.fail(&["script", "boat.reel", "-o", "none/out.csv"]).contains("none/out.csv"));
    assert!(place.fail(&["script", "boat.reel", "--format", "doc"]).contains("fountain, fdx, csv, text, brackets"));
    assert_eq!(place.prompts("boat.reel"), ["Mia waves.", "Tom talks."]);
}

#[test]
fn the_originals_verdict_decides_the_exit_code() {
    let place = Place::empty();
    let step = |n: usize, what: &str| format!("[step_{n}: [{what}; entities: girl; background: beach]]");
    let answer = |what: &str| (1..=4).map(|n| step(n, what)).collect::<Vec<_>>().join("\n");
    place.write("good.txt", &answer("A girl walks"));
    place.write("camera.txt", &answer("A girl with a camera"));
    place.write("crlf.txt", &answer("A girl walks").replace('\n', "\r\n"));
    let (said, _) = place.told(&["import", "--compat", "good.txt"]);
    assert_eq!(
        said,
        "accepted: 4 steps\nentity \"girl\" in steps 1, 2, 3, 4\nbackground \"beach\" in steps 1, 2, 3, 4\n"
    );
    assert!(
        place.fail(&["import", "--compat", "camera.txt"]).contains("camera.txt is rejected: the answer has the word")
    );
    place.told(&["import", "--compat", "camera.txt", "--attempt", "4"]);
    assert!(place.fail(&["import", "--compat", "crlf.txt"]).contains("line 1 does not begin"));
    place.told(&["new", "a.reel"]);
    place.told(&["import", "--compat", "good.txt", "a.reel"]);
    assert_eq!(place.prompts("a.reel"), ["A girl walks"; 4]);
}
