//! Finished revisions that the model learns from.

use super::super::examples::{Field, blocks, scene_text};
use super::tell::{Task, Told};
use crate::project::ScriptScene;

/// How the answer to what can be left out begins.
pub(in crate::writer) const LEAVE_OUT: &str = "Leave out: ";

/// A finished revision.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::writer) struct ReviseExample {
    pub told: Told,
    /// What the model says.
    pub answer: String,
}

/// Reads finished revisions: the film, its scenes, a line "Task:" such as "rewrite 2", the user's words as "Change:", and
/// the scenes that are the answer (or "Leave out:").
pub(in crate::writer) fn revise_examples(text: &str) -> Result<Vec<ReviseExample>, String> {
    blocks(text)?.iter().map(|block| example(block)).collect()
}

fn example(block: &[Field<'_>]) -> Result<ReviseExample, String> {
    let first_line = block[0].0;
    let mut told = Told {
        premise: String::new(),
        cast: Vec::new(),
        places: Vec::new(),
        scenes: Vec::new(),
        task: Task::Film,
        wish: String::new(),
    };
    let mut task = None;
    let mut answer = String::new();
    let mut answered: Vec<(usize, ScriptScene)> = Vec::new();
    let mut shows: Vec<(usize, String)> = Vec::new();
    for &(line, field, value) in block {
        let names = || value.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        if value.is_empty() {
            return Err(format!("line {line}: {field} is empty"));
        }
        let scenes = if task.is_some() { &mut answered } else { &mut told.scenes };
        match (field, scenes.last_mut()) {
            ("Premise", None) if task.is_none() => value.clone_into(&mut told.premise),
            ("Cast", None) if task.is_none() => told.cast = names(),
            ("Places", None) if task.is_none() => told.places = names(),
            ("Task", _) if task.is_none() => {
                task = Some(read_task(value).ok_or_else(|| format!("line {line}: \"{value}\" is no task"))?);
            }
            ("Change", None) if task.is_some() => value.clone_into(&mut told.wish),
            ("Leave out", None) if task.is_some() => answer = format!("{LEAVE_OUT}{value}"),
            ("Scene", _) => {
                let number = value.strip_prefix("Scene ").and_then(|number| number.trim().parse().ok());
                let number = number.ok_or_else(|| format!("line {line}: \"{value}\" has no number"))?;
                scenes.push((number, ScriptScene::default()));
            }
            ("shows", Some((number, _))) if task.is_some() => shows.push((*number, value.to_owned())),
            ("where", Some((_, scene))) => value.clone_into(&mut scene.background),
            ("action", Some((_, scene))) => value.clone_into(&mut scene.prompt),
            ("who", Some((_, scene))) => scene.foreground = names(),
            _ => return Err(format!("line {line}: \"{field}\" does not belong here")),
        }
    }
    told.task = task.ok_or_else(|| format!("the example on line {first_line} has no Task"))?;
    if told.premise.is_empty() || told.scenes.is_empty() {
        return Err(format!("the example on line {first_line} needs a Premise and scenes before its Task"));
    }
    for (number, scene) in &answered {
        if scene.prompt.is_empty() || scene.foreground.is_empty() || scene.background.is_empty() {
            return Err(format!("scene {number} of the example on line {first_line} needs where, action and who"));
        }
        let text = scene_text(number - 1, scene);
        answer += &match shows.iter().find(|(known, _)| known == number) {
            Some((_, shows)) => text.replacen("\nwhere:", &format!("\nshows: {shows}\nwhere:"), 1),
            None => text,
        };
    }
    if answer.is_empty() {
        return Err(format!("the example on line {first_line} has no answer behind its Task"));
    }
    Ok(ReviseExample { told, answer: answer.trim_end().to_owned() })
}

fn read_task(value: &str) -> Option<Task> {
    let (word, number) = value.split_once(' ').map_or((value, None), |(word, number)| (word, number.parse().ok()));
    let number = number.filter(|number| *number > 0);
    Some(match word {
        "rewrite" => Task::Rewrite(number?),
        "insert" => Task::Insert(number?),
        "split" => Task::Split(number?),
        "merge" => Task::Merge(number?),
        "continue" => Task::Continue(number?),
        "shorten" => Task::Shorten(number?),
        "film" => Task::Film,
        _ => return None,
    })
}
