//! Reading the in-context examples from their text files, and spelling scripts as the model does.

use super::plan::Plan;
use crate::project::{CameraMove, Direction, ScriptScene, Speed};
use std::fmt::Write;

/// A finished script that the model learns the form from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ScriptExample {
    pub premise: String,
    pub plan: Plan,
    pub scenes: Vec<ScriptScene>,
}

/// A finished three-round dialogue on one entity.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct DescribeExample {
    pub premise: String,
    pub scene: String,
    pub name: String,
    pub kind: String,
    pub aspects: String,
    pub photographer: String,
    pub paragraph: String,
}

impl ScriptExample {
    /// The plan and the scenes, as the model says them.
    pub fn script_text(&self) -> String {
        let mut text = self.plan.to_string();
        for (i, scene) in self.scenes.iter().enumerate() {
            text.push_str(&scene_text(i, scene));
        }
        text.trim_end().to_owned()
    }

    /// The moves of the camera, as the model says them.
    pub fn camera_text(&self) -> String {
        let lines = self.scenes.iter().enumerate().map(|(i, scene)| camera_line(i, scene.camera));
        lines.collect::<String>().trim_end().to_owned()
    }
}

/// A scene as the model says it.
pub(super) fn scene_text(index: usize, scene: &ScriptScene) -> String {
    let mut text = format!("Scene {}\nwhere: {}\naction: {}\n", index + 1, scene.background, scene.prompt);
    writeln!(text, "who: {}", scene.foreground.join(", ")).expect("writing to a string works");
    text
}

/// A move as the model says it.
pub(super) fn camera_line(index: usize, camera: CameraMove) -> String {
    match camera.direction {
        Direction::Static => format!("{}: static\n", index + 1),
        direction => format!("{}: {direction} {}\n", index + 1, camera.speed),
    }
}

/// Reads "static" or "left slow".
pub(super) fn read_camera(value: &str) -> Result<CameraMove, String> {
    let mut words = value.split_whitespace();
    let direction: Direction = words.next().unwrap_or_default().parse().map_err(|e| format!("{e}"))?;
    let speed = match words.next() {
        Some(word) => word.parse().map_err(|e| format!("{e}"))?,
        None if direction == Direction::Static => Speed::default(),
        None => return Err(format!("the move {direction} has no speed")),
    };
    Ok(CameraMove { direction, speed })
}

/// The number of a line, its name and its value.
pub(super) type Field<'a> = (usize, &'a str, &'a str);

/// The fields of a file of examples: those with empty lines around them, each line "Name: value" with its number.
pub(super) fn blocks(text: &str) -> Result<Vec<Vec<Field<'_>>>, String> {
    let mut blocks = vec![Vec::new()];
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        let last = blocks.last_mut().expect("there is always one");
        if line.is_empty() {
            if !last.is_empty() {
                blocks.push(Vec::new());
            }
        } else if line.starts_with("Scene ") && !line.contains(':') {
            last.push((i + 1, "Scene", line));
        } else {
            let (field, value) = line.split_once(':').ok_or_else(|| format!("line {} has no colon", i + 1))?;
            last.push((i + 1, field, value.trim()));
        }
    }
    blocks.retain(|block| !block.is_empty());
    if blocks.is_empty() { Err("it has no example".to_owned()) } else { Ok(blocks) }
}

/// Reads finished scripts.
pub(super) fn script_examples(text: &str) -> Result<Vec<ScriptExample>, String> {
    blocks(text)?.into_iter().map(|block| script_example(&block)).collect()
}

fn script_example(block: &[(usize, &str, &str)]) -> Result<ScriptExample, String> {
    let first_line = block[0].0;
    let mut premise = String::new();
    let mut plan = Plan::default();
    let mut scenes: Vec<ScriptScene> = Vec::new();
    for &(line, field, value) in block {
        let names = || value.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let text = || value.to_owned();
        if value.is_empty() {
            return Err(format!("line {line}: {field} is empty"));
        }
        match (field, scenes.last_mut()) {
            ("Premise", None) => premise = text(),
            ("In English", None) => plan.english = Some(text()),
            ("Beginning", None) => plan.story[0] = text(),
            ("Problem", None) => plan.story[1] = text(),
            ("End", None) => plan.story[2] = text(),
            ("Cast", None) => plan.cast = names(),
            ("Places", None) => plan.places = names(),
            ("Scenes", None) => {
                plan.scenes = value.parse().map_err(|_| format!("line {line}: {value} is no number"))?
            }
            ("Scene", _) => scenes.push(ScriptScene::default()),
            ("where", Some(scene)) => scene.background = text(),
            ("action", Some(scene)) => scene.prompt = text(),
            ("who", Some(scene)) => scene.foreground = names(),
            ("camera", Some(scene)) => scene.camera = read_camera(value).map_err(|e| format!("line {line}: {e}"))?,
            _ => return Err(format!("line {line}: \"{field}\" does not belong here")),
        }
    }
    let lacking = |what: &str| format!("the example on line {first_line} has no {what}");
    if premise.is_empty() {
        return Err(lacking("Premise"));
    }
    for (what, empty) in [
        ("Beginning", plan.story[0].is_empty()),
        ("Problem", plan.story[1].is_empty()),
        ("End", plan.story[2].is_empty()),
        ("Cast", plan.cast.is_empty()),
        ("Places", plan.places.is_empty()),
    ] {
        if empty {
            return Err(lacking(what));
        }
    }
    if plan.scenes != scenes.len() {
        let (said, are) = (plan.scenes, scenes.len());
        return Err(format!("the example on line {first_line} says Scenes: {said} and has {are}"));
    }
    for (i, scene) in scenes.iter().enumerate() {
        if scene.prompt.is_empty() || scene.foreground.is_empty() || scene.background.is_empty() {
            return Err(format!("scene {} of the example on line {first_line} needs where, action and who", i + 1));
        }
    }
    Ok(ScriptExample { premise, plan, scenes })
}

/// Reads finished dialogues.
pub(super) fn describe_examples(text: &str) -> Result<Vec<DescribeExample>, String> {
    blocks(text)?
        .into_iter()
        .map(|block| {
            let mut example = DescribeExample::default();
            for &(line, field, value) in &block {
                let place = match field {
                    "Film" => &mut example.premise,
                    "Scene" => &mut example.scene,
                    "Name" => &mut example.name,
                    "Kind" => &mut example.kind,
                    "Aspects" => &mut example.aspects,
                    "Photographer" => &mut example.photographer,
                    "Paragraph" => &mut example.paragraph,
                    _ => return Err(format!("line {line}: \"{field}\" does not belong here")),
                };
                value.clone_into(place);
            }
            let lacking = [
                ("Film", &example.premise),
                ("Name", &example.name),
                ("Kind", &example.kind),
                ("Aspects", &example.aspects),
                ("Photographer", &example.photographer),
                ("Paragraph", &example.paragraph),
            ];
            match lacking.iter().find(|(_, value)| value.is_empty()) {
                Some((field, _)) => Err(format!("the example on line {} has no {field}", block[0].0)),
                None => Ok(example),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::casting::candidates;
    use super::super::plan::{PremiseNames, is_english};
    use super::super::prompts::Prompts;
    use super::super::tidy::Cast;

    /// What the model learns from has to be what the grammars let it say.
    #[test]
    fn the_examples_keep_their_own_rules() {
        for example in &Prompts::builtin().script_examples {
            let plan = &example.plan;
            assert_eq!(plan.english.is_none(), is_english(&example.premise), "{}", example.premise);
            let told = PremiseNames::of(plan.english.as_ref().unwrap_or(&example.premise));
            assert!(plan.cast.starts_with(&told.cast), "{:?} {:?}", plan.cast, told.cast);
            assert!(plan.places.starts_with(&told.places), "{:?} {:?}", plan.places, told.places);
            let mut cast = Cast::of(plan.cast.clone(), plan.places.clone());
            for pair in example.scenes.windows(2) {
                assert_ne!(pair[0].camera.direction, pair[1].camera.direction, "{}", pair[1].prompt);
            }
            for scene in &example.scenes {
                assert!(plan.places.contains(&scene.background), "{}", scene.background);
                let (action, names) = candidates(&scene.prompt, &scene.background, &cast);
                assert_eq!(action, scene.prompt);
                let mut names = names.iter();
                for who in &scene.foreground {
                    let found = names.by_ref().find(|candidate| candidate.name == *who);
                    assert!(found.is_some(), "{who} is no candidate of: {action}");
                }
                assert_eq!(cast.admit(scene.clone()), *scene);
            }
        }
    }
}
