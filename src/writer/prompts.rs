//! What the model is told: text files that come with the program, each of which a file of the same name in the user's own
//! folder replaces.

use super::error::WriterError;
use super::examples::{DescribeExample, ScriptExample, describe_examples, script_examples};
use super::prefix::PrefixStore;
use super::revise::{ReviseExample, revise_examples};
use std::path::{Path, PathBuf};

/// A text that the writer sends to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptFile {
    /// Its file name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The text that comes with the program.
    pub text: &'static str,
    /// Placeholders that it has to have, such as `premise` for `{premise}`.
    pub needs: &'static [&'static str],
    /// Placeholders that it may have besides.
    pub may: &'static [&'static str],
}

macro_rules! prompt_file {
    ($name:literal, $about:literal, needs $needs:expr, may $may:expr) => {
        PromptFile {
            name: $name,
            about: $about,
            text: include_str!(concat!("../../assets/prompts/", $name)),
            needs: &$needs,
            may: &$may,
        }
    };
}

/// All of them.
pub const PROMPT_FILES: [PromptFile; 21] = [
    prompt_file!("script.txt", "how to write a script", needs [], may []),
    prompt_file!("script_request.txt", "what is asked for each premise", needs["premise"], may["look"]),
    prompt_file!("script_examples.txt", "finished scripts to learn from", needs [], may []),
    prompt_file!("script_json.txt", "how a server spells a script", needs [], may []),
    prompt_file!("camera.txt", "asks for the camera once all scenes are written", needs [], may []),
    prompt_file!("describe.txt", "how to describe somebody or something", needs [], may []),
    prompt_file!("describe_aspects.txt", "first question: what matters", needs["name"], may["kind"]),
    prompt_file!("describe_photographer.txt", "second question: what a photographer adds", needs [], may ["name", "kind"]),
    prompt_file!(
        "describe_paragraph.txt",
        "third question: the paragraph",
        needs ["premise", "name"],
        may ["kind", "scene"]
    ),
    prompt_file!("describe_examples.txt", "finished dialogues to learn from", needs [], may []),
    prompt_file!("revise.txt", "how to revise a script", needs [], may []),
    prompt_file!(
        "revise_request.txt",
        "what is asked for each revision",
        needs ["scenes", "task"],
        may ["premise", "cast", "places"]
    ),
    prompt_file!("revise_rewrite.txt", "task: another scene", needs ["wish"], may ["number", "action"]),
    prompt_file!("revise_insert.txt", "task: a new scene", needs ["number", "wish"], may ["before", "next"]),
    prompt_file!("revise_split.txt", "task: two scenes of one", needs ["number"], may ["action", "next"]),
    prompt_file!("revise_merge.txt", "task: one scene of two", needs ["number"], may ["action", "next"]),
    prompt_file!("revise_continue.txt", "task: more scenes", needs["wish"], may["number"]),
    prompt_file!("revise_film.txt", "task: all scenes anew", needs ["wish"], may []),
    prompt_file!("revise_shorten.txt", "task: what can be left out", needs ["number"], may []),
    prompt_file!("revise_wishes.txt", "short wishes, and what they mean", needs [], may []),
    prompt_file!("revise_examples.txt", "finished revisions to learn from", needs [], may []),
];

/// The texts that a writer works with.
#[derive(Debug, Clone)]
pub struct Prompts {
    texts: Vec<String>,
    own: Vec<PathBuf>,
    pub(super) script_examples: Vec<ScriptExample>,
    pub(super) describe_examples: Vec<DescribeExample>,
    pub(super) revise_examples: Vec<ReviseExample>,
}

/// The folder in which files of the same names replace the built-in ones: `prompts` in the user's config folder.
pub fn user_prompt_folder() -> Option<PathBuf> {
    Some(directories::ProjectDirs::from("", "", "reelboard")?.config_dir().join("prompts"))
}

/// What of a writer lies in the user's own folders.
#[derive(Debug, Clone, Default)]
pub struct WriterHome {
    /// Prompt files that replace the built-in ones.
    pub prompts: Option<PathBuf>,
    /// What was read once and need not be read again.
    pub prefixes: Option<PrefixStore>,
}

impl WriterHome {
    /// The folders of this user.
    pub fn user() -> Self {
        Self { prompts: user_prompt_folder(), prefixes: PrefixStore::user() }
    }

    /// The prompts of this home.
    pub fn prompts(&self) -> Result<Prompts, WriterError> {
        match &self.prompts {
            Some(folder) => Prompts::with_own(folder),
            None => Ok(Prompts::builtin()),
        }
    }
}

impl Prompts {
    /// Those that come with the program.
    pub fn builtin() -> Self {
        let texts = PROMPT_FILES.iter().map(|file| file.text.to_owned()).collect();
        Self::new(texts, Vec::new()).expect("the built-in prompts are in order")
    }

    /// The built-in ones, with the files of `folder` in their place where it has them.
    pub fn with_own(folder: &Path) -> Result<Self, WriterError> {
        let mut texts = Vec::with_capacity(PROMPT_FILES.len());
        let mut own = Vec::new();
        for file in &PROMPT_FILES {
            let path = folder.join(file.name);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).map_err(|_| bad(&path, "it is not UTF-8 text"))?;
                    // A file made on another system may begin with a byte-order mark and have other line ends.
                    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
                    check(file, &text).map_err(|reason| bad(&path, reason))?;
                    texts.push(text);
                    own.push(path);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => texts.push(file.text.to_owned()),
                Err(error) => return Err(bad(&path, error.to_string())),
            }
        }
        Self::new(texts, own).map_err(|(name, reason)| bad(&folder.join(name), reason))
    }

    fn new(texts: Vec<String>, own: Vec<PathBuf>) -> Result<Self, (&'static str, String)> {
        let text_of = |name: &str| {
            let at = PROMPT_FILES.iter().position(|file| file.name == name);
            at.and_then(|at| texts.get(at)).map_or("", String::as_str)
        };
        let script = script_examples(text_of("script_examples.txt")).map_err(|e| ("script_examples.txt", e))?;
        let describe = describe_examples(text_of("describe_examples.txt")).map_err(|e| ("describe_examples.txt", e))?;
        let revise = revise_examples(text_of("revise_examples.txt")).map_err(|e| ("revise_examples.txt", e))?;
        Ok(Self { texts, own, script_examples: script, describe_examples: describe, revise_examples: revise })
    }

    /// The text of a file, without the white space around it.
    pub fn text(&self, name: &str) -> &str {
        let at = PROMPT_FILES.iter().position(|file| file.name == name);
        at.and_then(|at| self.texts.get(at)).map_or("", |text| text.trim())
    }

    /// The text of a file with its placeholders filled in.
    pub(super) fn fill(&self, name: &str, values: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        for part in parts(self.text(name)) {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Placeholder(name) => {
                    filled.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
                }
            }
        }
        filled
    }

    /// A wish in more words, where the model is told what it means: "funnier".
    pub(super) fn wish(&self, wish: &str) -> String {
        let same = |known: &str| known.trim().eq_ignore_ascii_case(wish.trim_end_matches(['.', '!']).trim());
        let lines = self.text("revise_wishes.txt").lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| same(known)).map_or(wish, |(_, meant)| meant.trim()).to_owned()
    }

    /// The user's own files among them.
    pub fn own_files(&self) -> &[PathBuf] {
        &self.own
    }
}

fn bad(path: &Path, reason: impl Into<String>) -> WriterError {
    WriterError::Prompt { path: path.to_owned(), reason: reason.into() }
}

/// What is wrong with a text in place of `file`.
fn check(file: &PromptFile, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let used: Vec<&str> = parts(text)
        .filter_map(|part| match part {
            Part::Placeholder(name) => Some(name),
            Part::Text(_) => None,
        })
        .collect();
    if let Some(missing) = file.needs.iter().find(|name| !used.contains(name)) {
        return Err(format!("it lacks {{{missing}}}"));
    }
    match used.iter().find(|name| !file.needs.contains(name) && !file.may.contains(name)) {
        Some(unknown) => {
            let known: Vec<String> = file.needs.iter().chain(file.may).map(|name| format!("{{{name}}}")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(format!("{{{unknown}}} stands for nothing here; placeholders of this file: {known}"))
        }
        None => Ok(()),
    }
}

enum Part<'a> {
    Text(&'a str),
    /// The word between braces.
    Placeholder(&'a str),
}

/// Splits a text at its placeholders: lowercase words between braces. Other braces are text.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut from = 0;
        while let Some(at) = rest[from..].find('{').map(|at| at + from) {
            let word = &rest[at + 1..];
            let end = word.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(word.len());
            if end > 0 && word[end..].starts_with('}') {
                if at > 0 {
                    let text = &rest[..at];
                    rest = &rest[at..];
                    return Some(Part::Text(text));
                }
                rest = &word[end + 1..];
                return Some(Part::Placeholder(&word[..end]));
            }
            from = at + 1;
        }
        Some(Part::Text(std::mem::take(&mut rest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_braces_is_not_filled_in_again() {
        let prompts = Prompts::builtin();
        let filled = prompts.fill("script_request.txt", &[("premise", "{look} {x"), ("look", "!")]);
        assert_eq!(filled, "Premise: {look} {x!");
    }
}
