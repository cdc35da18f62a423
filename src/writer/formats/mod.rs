//! Scripts from files and to files: plain text, Fountain, Final Draft, shot lists (CSV), and the bracket format of the
//! paper.
//!
//! What was exported comes back the same, as far as the format can hold it. What comes from elsewhere is taken for what
//! it means: see `screenplay` for screenplays, `table` for shot lists, `brackets` for the answers of language models.
//! Whatever had to be mended is said, with its line, in [`Imported::notes`].

mod brackets;
mod camera;
mod decode;
mod element;
mod elements_of;
mod error;
mod fdx;
mod fountain;
mod guess;
mod heading;
mod inline;
mod outline;
mod people;
mod screenplay;
mod table;
mod value;

pub use error::FormatError;

use super::text::{CameraPlan, script_from_text};
use crate::project::{CameraMove, DURATION_MS_RANGE, Edit, Project, Scene, Script, ScriptScene};
use crate::writer::tidy::flat;
use std::fmt;
use std::io::Write as _;
use std::path::Path;

/// Largest script file, in bytes. Feature films take a few hundred thousand.
pub const MOST_BYTES: u64 = 16_000_000;
/// Most scenes of a script file.
pub const MOST_SCENES: usize = 2000;
/// Most columns of a shot list.
pub const MOST_COLUMNS: usize = 256;
/// Remarks beyond this many are counted, not listed.
const MOST_NOTES: usize = 200;

/// A kind of script file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScriptFormat {
    /// Any text; a numbered list of scenes when it was exported.
    Text,
    /// A Fountain screenplay.
    Fountain,
    /// A Final Draft screenplay.
    FinalDraft,
    /// A shot list as comma-separated values.
    Csv,
    /// The paper's `[step_1: [prompt; entities: …; background: …]]`.
    Brackets,
}

impl ScriptFormat {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Fountain, Self::FinalDraft, Self::Csv, Self::Text, Self::Brackets];

    /// Its name on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Fountain => "fountain",
            Self::FinalDraft => "fdx",
            Self::Csv => "csv",
            Self::Brackets => "brackets",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Text => "plain text",
            Self::Fountain => "Fountain screenplay",
            Self::FinalDraft => "Final Draft screenplay",
            Self::Csv => "shot list (CSV)",
            Self::Brackets => "bracket format",
        }
    }

    /// How file names end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Fountain => "fountain",
            Self::FinalDraft => "fdx",
            Self::Csv => "csv",
            Self::Brackets => "steps",
        }
    }

    /// The format that a file's name stands for.
    pub fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        Some(match extension.as_str() {
            "txt" | "text" | "md" => Self::Text,
            "fountain" | "spmd" => Self::Fountain,
            "fdx" => Self::FinalDraft,
            "csv" | "tsv" => Self::Csv,
            "steps" => Self::Brackets,
            _ => return None,
        })
    }
}

impl std::str::FromStr for ScriptFormat {
    type Err = String;
    fn from_str(id: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.id() == id);
        let all = || Self::ALL.map(Self::id).join(", ");
        found.ok_or_else(|| format!("\"{id}\" is not a script format; use one of {}", all()))
    }
}

/// Something that the user should know of an import: what was mended, guessed or left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportNote {
    /// The line of the file, counted from 1; `None` for the whole of it.
    pub line: Option<usize>,
    /// One clause in lower case.
    pub text: String,
}

impl ImportNote {
    fn at(line: usize, text: impl Into<String>) -> Self {
        Self { line: Some(line), text: text.into() }
    }

    fn general(text: impl Into<String>) -> Self {
        Self { line: None, text: text.into() }
    }
}

impl fmt::Display for ImportNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The title page of a screenplay.
#[derive(Debug, Clone, PartialEq, Default)]
struct TitlePage {
    title: String,
    style: String,
}

/// One scene on its way in. What is `None` the file does not say.
#[derive(Debug, Clone, PartialEq, Default)]
struct Shot {
    line: Option<usize>,
    prompt: String,
    foreground: Vec<String>,
    background: String,
    camera: Option<CameraMove>,
    duration_ms: Option<u32>,
    dissolve_ms: Option<u32>,
    note: String,
}

/// One scene of an imported script.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedScene {
    /// Where it begins in the file, counted from 1, where that is known.
    pub line: Option<usize>,
    /// Prompt, names, place and camera.
    pub scene: ScriptScene,
    /// How long it lasts; `None` leaves that to the length of its prompt.
    pub duration_ms: Option<u32>,
    /// The dissolve into it; `None` leaves that to the places of this scene and the one before.
    pub dissolve_ms: Option<u32>,
    /// Dialogue and remarks.
    pub note: String,
}

/// What becomes of the scenes that a project has when a script comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// They go.
    Replace,
    /// They stay, and the script follows them.
    Append,
}

/// A script that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// How it was read.
    pub format: ScriptFormat,
    /// From its title page; may be empty.
    pub title: String,
    /// The style that its title page names; may be empty.
    pub style: String,
    /// In order; at least one.
    pub scenes: Vec<ImportedScene>,
    /// What was mended, guessed or left out.
    pub notes: Vec<ImportNote>,
}

impl Imported {
    /// A script that was read by other rules.
    pub fn of_script(script: Script, format: ScriptFormat) -> Self {
        let shots = script.scenes.into_iter().map(|scene| Shot { camera: None, ..Shot::from(scene) }).collect();
        let mut notes = Vec::new();
        let scenes = finished(shots, &mut notes);
        Self { format, title: String::new(), style: String::new(), scenes, notes }
    }

    /// The scenes as those of a project, seeded from `seed` on. `project` is only asked for numbers, and for the place of
    /// the scene that these follow.
    pub fn scenes_of(&self, project: &mut Project, intake: Intake, seed: u64) -> Vec<Scene> {
        let last = project.scenes.last().filter(|_| intake == Intake::Append);
        let mut background = last.map(|scene| scene.background.clone());
        let mut scenes = Vec::with_capacity(self.scenes.len());
        for (i, found) in self.scenes.iter().enumerate() {
            let mut scene = found.scene.to_scene(project, background.as_deref(), seed.wrapping_add(i as u64));
            scene.duration_ms = found.duration_ms.unwrap_or(scene.duration_ms);
            scene.dissolve_ms = found.dissolve_ms.unwrap_or(scene.dissolve_ms);
            scene.note.clone_from(&found.note);
            background = Some(scene.background.clone());
            scenes.push(scene);
        }
        scenes
    }

    /// The edit that takes the script into a project, as one step. A premise or style that the project lacks comes from
    /// the title page.
    pub fn to_edit(&self, project: &mut Project, intake: Intake, seed: u64) -> Edit {
        let first = project.scenes.len();
        let scenes = self.scenes_of(project, intake, seed);
        // New ones first: the step is named after its first edit.
        let mut edits = match intake {
            // Locked scenes stay.
            Intake::Replace => project.replace_edits(scenes),
            Intake::Append => {
                let insert = |(i, scene)| Edit::InsertScene { index: first + i, scene: Box::new(scene) };
                scenes.into_iter().enumerate().map(insert).collect()
            }
        };
        if project.premise.trim().is_empty() && !self.title.is_empty() {
            edits.push(Edit::SetPremise(self.title.clone()));
        }
        if project.style.trim().is_empty() && !self.style.is_empty() {
            edits.push(Edit::SetStyle(self.style.clone()));
        }
        Edit::Batch(edits)
    }

    /// What the film is about, for a new project: the title, else the beginning of the first scene.
    pub fn premise(&self) -> String {
        if !self.title.is_empty() {
            return self.title.clone();
        }
        let first = self.scenes.first().map(|found| found.scene.prompt.as_str()).unwrap_or_default();
        first.split_whitespace().take(16).collect::<Vec<_>>().join(" ")
    }
}

/// Reads a script file. Without a format its content decides, then its name.
pub fn read_script_file(path: &Path, format: Option<ScriptFormat>) -> Result<Imported, FormatError> {
    let bytes = decode::bytes_of(path)?;
    read_script(&path.display().to_string(), &bytes, format)
}

/// Reads a script from the bytes of a file. `name` is its name, with or without a folder, or what messages shall call it.
///
/// Text may be UTF-8, UTF-16 or Windows-1252. Without a format the content decides where it is unmistakable: XML, a
/// bracketed scene, a header with columns of a shot list, a scene heading. Else the name's ending does.
pub fn read_script(name: &str, bytes: &[u8], format: Option<ScriptFormat>) -> Result<Imported, FormatError> {
    let mut notes = Vec::new();
    let text = decode::text_of(name, bytes, &mut notes)?;
    let format = format.unwrap_or_else(|| detect(name, &text, &mut notes));
    let mut title = TitlePage::default();
    let shots = match format {
        ScriptFormat::Fountain => {
            let (page, elements) = fountain::parse(&text, &mut notes);
            title = page;
            screenplay::shots(&elements, &mut notes)
        }
        ScriptFormat::FinalDraft => {
            let (page, elements) = fdx::parse(name, &text)?;
            title = page;
            screenplay::shots(&elements, &mut notes)
        }
        ScriptFormat::Csv => table::parse(name, &text, &mut notes)?,
        ScriptFormat::Brackets => brackets::parse(&text, &mut notes),
        ScriptFormat::Text if outline::is_outline(&text) => {
            let (page, shots) = outline::parse(&text, &mut notes);
            title = page;
            shots
        }
        ScriptFormat::Text => {
            let script = script_from_text(&text);
            let script = script.map_err(|_| FormatError::NoScenes { name: name.to_owned(), format })?;
            Some(script.scenes.into_iter().map(Shot::from).collect())
        }
    };
    let shots = shots.ok_or_else(|| FormatError::TooManyScenes { name: name.to_owned() })?;
    if shots.is_empty() {
        return Err(FormatError::NoScenes { name: name.to_owned(), format });
    }
    let scenes = finished(shots, &mut notes);
    if notes.len() > MOST_NOTES {
        let more = notes.len() - MOST_NOTES;
        notes.truncate(MOST_NOTES);
        notes.push(ImportNote::general(format!("and {more} more remarks of this kind")));
    }
    Ok(Imported { format, title: title.title, style: title.style, scenes, notes })
}

/// Whether a text is unmistakably of a format.
fn is_likely(format: ScriptFormat, text: &str) -> bool {
    match format {
        ScriptFormat::Text => outline::is_outline(text),
        ScriptFormat::Fountain => fountain::is_likely(text),
        ScriptFormat::FinalDraft => {
            let start = text.trim_start();
            start.starts_with("<?xml") || start.starts_with("<FinalDraft")
        }
        ScriptFormat::Csv => table::is_likely(text),
        ScriptFormat::Brackets => brackets::is_likely(text),
    }
}

/// The format of a text: what its content and its name agree on, else what its content is, else what its name says.
fn detect(name: &str, text: &str, notes: &mut Vec<ImportNote>) -> ScriptFormat {
    let named = ScriptFormat::of_path(Path::new(name));
    if let Some(named) = named.filter(|named| is_likely(*named, text)) {
        return named;
    }
    let order = [
        ScriptFormat::FinalDraft,
        ScriptFormat::Text,
        ScriptFormat::Brackets,
        ScriptFormat::Csv,
        ScriptFormat::Fountain,
    ];
    let found = order.into_iter().find(|format| is_likely(*format, text));
    // All of these are text too: only a name that is wrong is worth a word.
    if let (Some(named), Some(found)) = (named.filter(|named| *named != ScriptFormat::Text), found) {
        let text = format!("its content is a {}, though its name says {}", found.title(), named.title());
        notes.push(ImportNote::general(text));
    }
    found.or(named).unwrap_or(ScriptFormat::Text)
}

/// Fills in what the file left open and keeps within what a project allows.
fn finished(shots: Vec<Shot>, notes: &mut Vec<ImportNote>) -> Vec<ImportedScene> {
    let mut plan = CameraPlan::default();
    let mut scenes = Vec::with_capacity(shots.len());
    for shot in shots {
        let camera = plan.next(&shot.prompt, shot.camera);
        let duration_ms = shot.duration_ms.map(|ms| ms.clamp(*DURATION_MS_RANGE.start(), *DURATION_MS_RANGE.end()));
        if duration_ms != shot.duration_ms {
            let text = format!(
                "a scene lasts from {} to {} seconds; its length was changed to that",
                f64::from(*DURATION_MS_RANGE.start()) / 1000.0,
                DURATION_MS_RANGE.end() / 1000
            );
            notes.push(ImportNote { line: shot.line, text });
        }
        let scene =
            ScriptScene { prompt: shot.prompt, foreground: shot.foreground, background: shot.background, camera };
        scenes.push(ImportedScene {
            line: shot.line,
            scene,
            duration_ms,
            dissolve_ms: shot.dissolve_ms,
            note: shot.note,
        });
    }
    scenes
}

impl From<ScriptScene> for Shot {
    fn from(scene: ScriptScene) -> Self {
        let ScriptScene { prompt, foreground, background, camera } = scene;
        Self { prompt, foreground, background, camera: Some(camera), ..Self::default() }
    }
}

/// A text without control characters, with line feeds for line ends: what every format can hold.
fn cleaned(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

/// The script of a project as the bytes of a file.
pub fn write_script(project: &Project, format: ScriptFormat) -> Vec<u8> {
    let one_line = |text: &str| flat(&cleaned(text));
    let title = TitlePage { title: one_line(&project.premise), style: one_line(&project.style) };
    match format {
        ScriptFormat::Text => outline::write(project, &title).into_bytes(),
        ScriptFormat::Fountain => {
            let read_back = |elements: &[element::Element]| fountain::parse_body(&fountain::write_body(elements));
            fountain::write(&title, &elements_of::elements_of(project, &read_back)).into_bytes()
        }
        ScriptFormat::FinalDraft => {
            let read_back = |elements: &[element::Element]| {
                let xml = fdx::write(&TitlePage::default(), elements);
                fdx::parse("", &xml).map(|(_, elements)| elements).unwrap_or_default()
            };
            fdx::write(&title, &elements_of::elements_of(project, &read_back)).into_bytes()
        }
        ScriptFormat::Csv => table::write(project),
        ScriptFormat::Brackets => brackets::write(project).into_bytes(),
    }
}

/// Writes the script of a project to a file, which is replaced only when the new one is complete.
pub fn save_script(project: &Project, format: ScriptFormat, path: &Path) -> Result<(), FormatError> {
    let failed = |source| FormatError::Write { path: path.to_owned(), source };
    if path.is_dir() {
        return Err(FormatError::NotAFile { path: path.to_owned() });
    }
    let mut name = path.file_name().ok_or_else(|| FormatError::NotAFile { path: path.to_owned() })?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = std::fs::File::create(&part).and_then(|mut file| {
        file.write_all(&write_script(project, format))?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    });
    written.map_err(|error| {
        // The unfinished file is of no use; that it cannot be removed either is not the news.
        let _ = std::fs::remove_file(&part);
        failed(error)
    })
}
