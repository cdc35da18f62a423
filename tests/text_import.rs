//! Pasting a text instead of asking a model.

#![allow(clippy::unwrap_used, reason = "a test may fail this way")]

use reelboard::project::Direction;
use reelboard::writer::{WriterError, script_from_text};

const STORY: &str = "The old fisherman rows his small boat across the foggy lake. \"What is that?\" he whispers. A red \
                     balloon drifts slowly over the water. The fisherman catches the balloon with his net. Mrs. Brown \
                     waits on the pier and waves. In the evening, the fisherman gives the red balloon to Mrs. Brown in \
                     the little harbor...";

#[test]
fn a_pasted_story_becomes_sensible_cards() {
    let script = script_from_text(STORY).unwrap();
    for s in &script.scenes {
        println!("{} [{}] @ {} | {}", s.prompt, s.foreground.join(", "), s.background, s.camera);
    }
    assert_eq!(script.scenes.len(), 6);
    let prompts: Vec<&str> = script.scenes.iter().map(|scene| scene.prompt.as_str()).collect();
    assert_eq!(prompts[1], "\"What is that?\" he whispers.");
    assert_eq!(script.scenes[0].foreground, ["old fisherman", "small boat"]);
    assert_eq!(script.scenes[0].background, "foggy lake");
    assert_eq!(script.scenes[1].foreground, ["old fisherman"], "a pronoun keeps the one before in the picture");
    assert_eq!(script.scenes[2].foreground, ["red balloon"]);
    assert_eq!(script.scenes[3].foreground, ["old fisherman", "red balloon", "net"]);
    assert_eq!(script.scenes[3].background, "foggy lake", "the story stays where it is until it moves");
    assert_eq!(script.scenes[4].foreground, ["Mrs Brown"]);
    assert_eq!(script.scenes[4].background, "pier");
    assert_eq!(script.scenes[5].foreground, ["old fisherman", "red balloon", "Mrs Brown"]);
    assert_eq!(script.scenes[5].background, "little harbor");
    assert!(script.scenes.windows(2).all(|pair| pair[0].camera.direction != pair[1].camera.direction));
}

#[test]
fn names_of_people_are_told_from_first_words() {
    let script =
        script_from_text("Mia opens the door. Suddenly a dog barks. Quietly, Mia and Tom walk into the garden.");
    let scenes = script.unwrap().scenes;
    assert_eq!(scenes[0].foreground, ["Mia", "door"]);
    assert_eq!(scenes[1].foreground, ["dog"]);
    assert_eq!(scenes[2].foreground, ["Mia", "Tom"]);
    assert_eq!(scenes[2].background, "garden");
}

#[test]
fn the_camera_follows_the_verb() {
    let text = "The balloon rises into the sky\nThe boy runs to the left\nThe girl leaves the house\nThe rocket falls";
    let moves: Vec<Direction> = script_from_text(text).unwrap().scenes.iter().map(|s| s.camera.direction).collect();
    assert_eq!(moves, [Direction::Up, Direction::Left, Direction::Backward, Direction::Down]);
}

#[test]
fn any_text_with_words_makes_cards_and_nothing_else_does() {
    for text in ["", " \n\t", "...!?", "[]\"()"] {
        assert!(matches!(script_from_text(text), Err(WriterError::EmptyText)), "{text:?}");
    }
    for text in ["x", "女孩打开门。猫跑了！", "“Un renard” (roux; rusé)… [et] \"sa", "a\u{301} \"\"\"\" 'tis"]
    {
        assert!(!script_from_text(text).unwrap().scenes.is_empty(), "{text:?}");
    }
    let long = "He went on. ".repeat(20_000);
    assert_eq!(script_from_text(&long).unwrap().scenes.len(), 100);
}
