//! What the model is told of a film and of what to do with it.

use super::super::prompts::Prompts;
use crate::project::ScriptScene;
use crate::writer::tidy::flat;

/// What is asked. Scenes are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::writer) enum Task {
    Rewrite(usize),
    /// The number that the new scene gets.
    Insert(usize),
    Split(usize),
    /// The first of the two.
    Merge(usize),
    /// How many scenes more.
    Continue(usize),
    Film,
    /// How many scenes go.
    Shorten(usize),
}

impl Task {
    /// The file with its words.
    pub fn file(self) -> &'static str {
        match self {
            Self::Rewrite(_) => "revise_rewrite.txt",
            Self::Insert(_) => "revise_insert.txt",
            Self::Split(_) => "revise_split.txt",
            Self::Merge(_) => "revise_merge.txt",
            Self::Continue(_) => "revise_continue.txt",
            Self::Film => "revise_film.txt",
            Self::Shorten(_) => "revise_shorten.txt",
        }
    }

    pub fn is_like(self, other: Self) -> bool {
        self.file() == other.file()
    }

    fn number(self) -> usize {
        match self {
            Self::Rewrite(n)
            | Self::Insert(n)
            | Self::Split(n)
            | Self::Merge(n)
            | Self::Continue(n)
            | Self::Shorten(n) => n,
            Self::Film => 0,
        }
    }
}

/// A film and what to do with it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::writer) struct Told {
    pub premise: String,
    pub cast: Vec<String>,
    pub places: Vec<String>,
    /// Those that matter, with their numbers.
    pub scenes: Vec<(usize, ScriptScene)>,
    pub task: Task,
    /// The user's words; may be empty.
    pub wish: String,
}

impl Told {
    /// The question for the model.
    pub fn text(&self, prompts: &Prompts) -> String {
        let wish = prompts.wish(&flat(&self.wish));
        let wish = wish.trim_end_matches(['.', '!']);
        let number = self.task.number();
        let scene = self.scenes.iter().find(|(known, _)| *known == number);
        let action = scene.map_or("", |(_, scene)| scene.prompt.as_str());
        let with_wish = if wish.is_empty() { String::new() } else { format!(": {wish}") };
        let (before, at, next) = (number.saturating_sub(1).to_string(), number.to_string(), (number + 1).to_string());
        let task = prompts.fill(
            self.task.file(),
            &[("number", &at), ("before", &before), ("next", &next), ("action", action), ("wish", &with_wish)],
        );
        let scenes: Vec<String> = self.scenes.iter().map(|(number, scene)| line(*number, scene)).collect();
        let values = [
            ("premise", self.premise.as_str()),
            ("cast", &self.cast.join(", ")),
            ("places", &self.places.join(", ")),
            ("scenes", &scenes.join("\n")),
            ("task", &task),
        ];
        prompts.fill("revise_request.txt", &values)
    }
}

fn line(number: usize, scene: &ScriptScene) -> String {
    let action = flat(&scene.prompt);
    match scene.background.as_str() {
        "" => format!("{number}. {action}"),
        place => format!("{number}. {place}: {action}"),
    }
}
