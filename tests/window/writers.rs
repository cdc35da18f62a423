//! Writers of the user's own in the window: a file, and a server on this machine.

use super::*;
use place::{Place, Reply};
use reelboard::models::OwnWriter;

#[path = "../servers/place.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod place;

impl Window {
    fn list_writers(&mut self) {
        self.press(Modifiers::COMMAND, Key::M);
    }

    fn says(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    fn remembered(&self) -> Vec<OwnWriter> {
        OwnWriter::remembered(&self.folder.path().join("models")).unwrap()
    }
}

const SCRIPT: &str = "Beginning: A fox digs.\nProblem: Rain.\nEnd: Sleep.\nCast: red fox\nPlaces: garden\nScenes: 4\n\
                      Scene 1\nwhere: garden\naction: The red fox digs a hole under an oak.\nwho: red fox, hole\n\
                      Scene 2\nwhere: meadow\naction: The red fox runs from heavy rain to a barn.\nwho: red fox, barn\n\
                      Scene 3\nwhere: barn\naction: The red fox shakes water onto dry straw.\nwho: red fox, straw\n\
                      Scene 4\nwhere: barn\naction: The red fox sleeps beside a warm lamp.\nwho: red fox, lamp\n";

#[test]
fn a_server_named_in_the_window_writes_the_script_and_is_remembered() {
    let place = Place::new(&[
        Reply::Stream(SCRIPT.to_owned()),
        Reply::Stream("1: left slow\n2: up fast\n3: static\n4: down slow".to_owned()),
    ]);
    let mut window = Window::open(Some(&Project::new("A red fox digs")));
    window.click("More writing settings");
    window.click("Describe who and what comes back");
    window.press(Modifiers::NONE, Key::Escape);
    window.list_writers();
    window.fill("Server address", &format!("{}#tiny", place.address));
    window.click("Use server");
    assert!(
        matches!(window.remembered().as_slice(), [OwnWriter::Server(server)] if server.model.as_deref() == Some("tiny"))
    );
    window.press(Modifiers::NONE, Key::Escape);
    window.click("Write");
    window.settle();
    let prompts: Vec<&str> = window.project().scenes.iter().map(|scene| scene.prompt.as_str()).collect();
    assert_eq!(prompts.len(), 4, "{prompts:?}");
    assert_eq!(prompts[3], "The red fox sleeps beside a warm lamp.");
    place.finish();

    window.list_writers();
    window.harness.get_by_label_contains("Remove tiny, the server at").click();
    window.harness.run_steps(3);
    assert!(window.remembered().is_empty());
}

#[test]
fn a_server_elsewhere_has_to_be_allowed() {
    let mut window = Window::example();
    window.list_writers();
    window.fill("Server address", "http://192.0.2.7:8080/v1");
    window.click("Use server");
    assert!(window.says("another machine, which would read"), "it says why not");
    assert!(window.remembered().is_empty());
    window.click("The server may be on another machine");
    assert!(window.says("leaves this machine"), "a warning");
    window.click("Use server");
    assert_eq!(window.remembered().len(), 1);
}

#[test]
fn a_file_of_ones_own_is_chosen_and_a_wrong_one_is_named() {
    let mut window = Window::example();
    let file = window.folder.path().join("mine.gguf");
    std::fs::write(&file, "no model").unwrap();
    window.list_writers();
    let choose = |window: &mut Window, path: &Path| {
        window.fill("Writer file", path.to_str().unwrap());
        window.press(Modifiers::NONE, Key::Enter);
    };
    choose(&mut window, Path::new("/nowhere/else.gguf"));
    assert!(window.says("/nowhere/else.gguf"));
    choose(&mut window, &file);
    assert_eq!(window.remembered(), [OwnWriter::File(file)]);
    assert!(window.says("In use"));
    let folder = window.folder.path().join("chatglm3-6b");
    std::fs::create_dir(&folder).unwrap();
    choose(&mut window, &folder);
    assert!(window.says("chatglm3-6b has no config.json"));
    for name in ["config.json", "tokenizer.model", "model.safetensors"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    choose(&mut window, &folder);
    assert!(window.remembered().contains(&OwnWriter::File(folder)));
    assert!(window.says("Choose a folder…") && window.says("ChatGLM3 6B"), "and the published one is in the list");
}
