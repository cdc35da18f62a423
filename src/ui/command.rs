//! Everything that a panel can ask for, and the table of those that have a name.

use super::farm::SendFilm;
use super::revise::Ask;
use super::scripts::{ReadScript, ScriptSource};
use super::writing::WritingSettings;
pub use crate::engine::RenderPart as Part;
use crate::engine::{JobId, RenderId};
use crate::export::ExportSettings;
use crate::models::{Compute, OwnWriter};
use crate::project::{
    CameraMove, ClipSettings, CoalesceKey, Edit, EntityKind, SceneId, StillSettings, TakeId, TakePart,
};
use crate::writer::{Finding, Intake, Revision, ScriptFormat};
use egui::{Key, KeyboardShortcut, Modifiers};
use std::path::PathBuf;
use std::sync::Arc;

/// What a panel asks for. Panels never change anything themselves.
#[derive(Debug, Clone)]
pub enum Command {
    /// One of the named commands.
    Do(Named),
    /// An edit; those in a row with equal keys become one step of the history.
    Edit(Edit, Option<CoalesceKey>),
    /// The user has left a field or let go of a drag: the next edit is a new step of the history.
    SealEdits,
    SelectScene(SceneId),
    /// Adds a scene to the selected ones, or takes it out.
    ToggleScene(SceneId),
    /// Selects all scenes from the one that was clicked last to this one.
    SelectRange(SceneId),
    /// Changes every selected scene but the locked ones, as one step of the history.
    ForSelected(Many),
    /// Brings scenes together in the gap before the one at this place.
    MoveScenes(Vec<SceneId>, usize),
    SelectEntity(EntityKind, String),
    /// Shows a frame of the film.
    Seek(u64),
    /// Plays one scene once, to show its camera move.
    PlayScene(SceneId),
    /// Writes a script for the premise, in place of the scenes there are.
    Write,
    /// Asks for the words of a revision.
    Ask(Ask),
    /// Has a revision of the script proposed.
    Revise(Revision),
    /// Has the same proposed once more.
    ReviseAgain,
    /// Makes items of the proposal part of the film.
    AcceptProposal(Vec<usize>),
    RejectProposal,
    /// Lets the writer go on without the dialog.
    HideProposal,
    /// Proposes what mends a remark.
    Repair(Finding),
    /// Proposes all that rules can mend.
    RepairByRules,
    IgnoreRemark(Finding),
    /// Remarks on what was ignored, too.
    HearAllRemarks,
    /// Reads a script for a look at it.
    ReadScript(ScriptSource),
    /// A script was read.
    ScriptRead(Arc<ReadScript>),
    /// Takes the script that was read into the project.
    TakeScript(Intake),
    BrowseScript,
    ExportScript(PathBuf, ScriptFormat),
    BrowseScriptExport(PathBuf, ScriptFormat),
    SetScriptExportPath(PathBuf),
    /// A script was exported, or was not for the reason given.
    ScriptSaved(PathBuf, Result<(), String>),
    NewProject {
        premise: String,
    },
    OpenProject(PathBuf),
    OpenExample,
    ImportPhoto(EntityKind, String, PathBuf),
    ChoosePhoto(EntityKind, String),
    /// Makes a studio the project's own.
    ChooseStudio(String),
    /// Makes a picture of an entity with the studio's illustrator, in place of the one there is.
    MakePicture(EntityKind, String),
    RenderTake(SceneId),
    /// Renders only a part of a scene.
    RenderPart(SceneId, Part),
    /// Gives scenes new seeds and renders so many takes of each.
    Vary(Vec<SceneId>, usize),
    /// Gets everything that the project's studio lacks.
    FetchStudio,
    /// Chooses how networks compute on this machine.
    SetCompute(Compute),
    /// Sends what the film lacks to a cluster.
    SendFilm(SendFilm),
    /// Ends the tasks of a run.
    CancelRun(u32),
    ChooseTake(SceneId, Option<TakeId>),
    /// Does something with one of a scene's takes.
    Take(SceneId, TakeId, TakeAct),
    Export(ExportSettings),
    BrowseExport(PathBuf),
    SetExportPath(PathBuf),
    BrowseProject,
    Fetch(String),
    ChooseWriter(String),
    /// Uses the GGUF file or the folder of a path, or the server at an address, which may be on another machine if so allowed.
    UseOwnWriter(String, bool),
    RemoveOwnWriter(OwnWriter),
    BrowseWriter,
    BrowseWriterFolder,
    CancelJob(JobId),
    CancelAllJobs,
    /// Lets a waiting job be the next of its kind.
    PutJobFirst(JobId),
    CancelRender(RenderId),
    PauseRender(RenderId),
    ResumeRender(RenderId),
    PauseRenders,
    ResumeRenders,
    /// Gives a render another place among those that wait, counted from 0.
    MoveRender(RenderId, usize),
    /// Goes on with what an earlier session has left.
    ResumeRestored,
    /// Forgets what an earlier session has left.
    DiscardRestored,
    SetSceneCount(Option<u32>),
    SetWriting(WritingSettings),
    Dialog(Option<Dialog>),
    ClearNotice,
    /// Opens a file or folder with the desktop's own program.
    Reveal(PathBuf),
}

/// What can be done with a take, besides choosing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakeAct {
    /// Shows it in the viewer, whatever the film uses.
    LookAt,
    Star,
    Delete,
    Copy(TakePart),
    /// Opens the comparison, or adds the take to it or takes it out.
    Compare,
}

/// A change of all selected scenes.
#[derive(Debug, Clone, PartialEq)]
pub enum Many {
    Camera(CameraMove),
    DurationMs(u32),
    DissolveMs(u32),
    NewSeeds,
    /// Settings of their own, or with `None` the project's again.
    Settings(Option<(StillSettings, ClipSettings)>),
    Locked(bool),
    /// Stars the takes that the film uses, or takes their stars away.
    Starred(bool),
}

/// A dialog over the window; at most one is open.
#[derive(Debug, Clone, PartialEq)]
pub enum Dialog {
    Models,
    /// Offers the download of the writer before the first script.
    WriterNeeded,
    /// What the project's studio needs, against what this machine has.
    Studio,
    RenderSettings,
    /// Sends the film to a cluster, and tells how far it is.
    Farm,
    /// How boldly the writer writes.
    Writing,
    /// The film's size and frame rate.
    Format,
    Export,
    Open,
    /// What a revision shall do.
    Ask(Ask),
    /// A revision as a difference.
    Proposal,
    /// What there is to remark on the script.
    Remarks,
    /// A script comes in.
    Script,
    ExportScript,
    Shortcuts,
    /// Photos were dropped beside every entity: who is in the first of them?
    WhoIsIt(Vec<PathBuf>),
}

/// The commands with a name: menus, buttons, shortcuts and the shortcut help all come from [`Named::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    New,
    Open,
    ShowFolder,
    OpenScript,
    ExportScript,
    Export,
    Quit,
    Undo,
    Redo,
    AddScene,
    DuplicateScene,
    DeleteScene,
    MoveSceneEarlier,
    MoveSceneLater,
    NextScene,
    PreviousScene,
    SelectAll,
    SelectOne,
    RenderScene,
    RenderStill,
    RenderClip,
    RenderAll,
    WritingSettings,
    RenderAllStills,
    PauseRenders,
    ShowQueue,
    StudioNeeds,
    RenderSettings,
    Farm,
    FilmFormat,
    Vary,
    VaryFour,
    PreviousTake,
    NextTake,
    UseTake,
    UseDraft,
    StarTake,
    DeleteTake,
    CompareTakes,
    LockScene,
    RewriteScene,
    InsertSceneBefore,
    InsertSceneAfter,
    SplitScene,
    MergeScenes,
    ContinueStory,
    ShortenFilm,
    FunnierFilm,
    FilmForChildren,
    ReviseFilm,
    PlanCameras,
    ShowProposal,
    Remarks,
    PlayPause,
    StepBack,
    StepForward,
    JumpBack,
    JumpForward,
    Start,
    End,
    Loop,
    Models,
    Shortcuts,
    SwitchTheme,
    ResetLayout,
}

/// How a named command appears.
pub struct Entry {
    pub command: Named,
    /// Sentence case, with an ellipsis when more input follows.
    pub label: &'static str,
    pub menu: Menu,
    pub shortcut: Option<KeyboardShortcut>,
    /// Whether the shortcut also works while a text field has the keyboard.
    pub in_text: bool,
}

/// The menu that a command is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    File,
    Edit,
    Script,
    Takes,
    Play,
    View,
}

impl Menu {
    pub const ALL: [(Self, &str); 6] = [
        (Self::File, "File"),
        (Self::Edit, "Edit"),
        (Self::Script, "Script"),
        (Self::Takes, "Takes"),
        (Self::Play, "Play"),
        (Self::View, "View"),
    ];
}

const fn key(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn ctrl(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn shift(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::SHIFT, key))
}

const fn entry(
    menu: Menu,
    command: Named,
    label: &'static str,
    shortcut: Option<KeyboardShortcut>,
    in_text: bool,
) -> Entry {
    Entry { command, label, menu, shortcut, in_text }
}

impl Named {
    pub const ALL: &[Entry] = &[
        entry(Menu::File, Self::New, "New project", ctrl(Key::N), true),
        entry(Menu::File, Self::Open, "Open project…", ctrl(Key::O), true),
        entry(Menu::File, Self::ShowFolder, "Show project folder", None, false),
        entry(Menu::File, Self::OpenScript, "Open a script…", ctrl(Key::I), true),
        entry(Menu::File, Self::ExportScript, "Export script…", None, false),
        entry(Menu::File, Self::Export, "Export film…", ctrl(Key::E), true),
        entry(Menu::File, Self::Models, "Models…", ctrl(Key::M), true),
        entry(Menu::File, Self::Quit, "Quit", ctrl(Key::Q), true),
        entry(Menu::Edit, Self::Undo, "Undo", ctrl(Key::Z), true),
        entry(
            Menu::Edit,
            Self::Redo,
            "Redo",
            Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z)),
            true,
        ),
        entry(Menu::Edit, Self::AddScene, "Add scene", ctrl(Key::Enter), true),
        entry(Menu::Edit, Self::DuplicateScene, "Duplicate scene", ctrl(Key::D), true),
        entry(Menu::Edit, Self::DeleteScene, "Delete scene", key(Key::Delete), false),
        entry(Menu::Edit, Self::MoveSceneEarlier, "Move scene earlier", shift(Key::ArrowUp), false),
        entry(Menu::Edit, Self::MoveSceneLater, "Move scene later", shift(Key::ArrowDown), false),
        entry(Menu::Edit, Self::PreviousScene, "Previous scene", key(Key::ArrowUp), false),
        entry(Menu::Edit, Self::NextScene, "Next scene", key(Key::ArrowDown), false),
        entry(Menu::Edit, Self::SelectAll, "Select all scenes", ctrl(Key::A), false),
        entry(Menu::Edit, Self::SelectOne, "Select one scene", key(Key::Escape), false),
        entry(Menu::Edit, Self::LockScene, "Lock or unlock scene", key(Key::K), false),
        entry(Menu::Edit, Self::FilmFormat, "Film size and frame rate…", None, false),
        entry(Menu::Script, Self::RewriteScene, "Rewrite scene…", key(Key::W), false),
        entry(Menu::Script, Self::InsertSceneBefore, "Write a scene before it…", None, false),
        entry(Menu::Script, Self::InsertSceneAfter, "Write a scene after it…", None, false),
        entry(Menu::Script, Self::SplitScene, "Split scene in two", None, false),
        entry(Menu::Script, Self::MergeScenes, "Merge with the next scene", None, false),
        entry(Menu::Script, Self::ContinueStory, "Continue the story…", None, false),
        entry(Menu::Script, Self::ShortenFilm, "Make the film shorter", None, false),
        entry(Menu::Script, Self::FunnierFilm, "Make the film funnier", None, false),
        entry(Menu::Script, Self::FilmForChildren, "Make the film for children", None, false),
        entry(Menu::Script, Self::ReviseFilm, "Revise the whole film…", shift(Key::W), false),
        entry(Menu::Script, Self::PlanCameras, "Plan the camera anew", None, false),
        entry(Menu::Script, Self::Remarks, "Remarks on the script…", None, false),
        entry(Menu::Script, Self::ShowProposal, "Proposal…", None, false),
        entry(Menu::Takes, Self::RenderScene, "Render scene", ctrl(Key::R), true),
        entry(
            Menu::Takes,
            Self::RenderAll,
            "Render all scenes",
            Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::R)),
            true,
        ),
        entry(Menu::Edit, Self::WritingSettings, "Writing settings…", None, false),
        entry(Menu::Edit, Self::Farm, "Render on a cluster…", None, false),
        entry(Menu::Takes, Self::RenderStill, "Render only the still", None, false),
        entry(Menu::Takes, Self::RenderClip, "Render only the clip", None, false),
        entry(Menu::Takes, Self::RenderAllStills, "Render all stills", None, false),
        entry(Menu::Takes, Self::PauseRenders, "Pause or resume rendering", ctrl(Key::P), true),
        entry(Menu::Takes, Self::Vary, "Vary: render with a new seed", key(Key::V), false),
        entry(Menu::Takes, Self::VaryFour, "Vary ×4: render four new seeds", shift(Key::V), false),
        entry(Menu::Takes, Self::PreviousTake, "Look at the take before", key(Key::OpenBracket), false),
        entry(Menu::Takes, Self::NextTake, "Look at the take after", key(Key::CloseBracket), false),
        entry(Menu::Takes, Self::UseTake, "Use this take in the film", key(Key::U), false),
        entry(Menu::Takes, Self::UseDraft, "Go back to the live draft", shift(Key::U), false),
        entry(Menu::Takes, Self::StarTake, "Star or unstar take", key(Key::S), false),
        entry(Menu::Takes, Self::CompareTakes, "Compare takes", key(Key::C), false),
        entry(Menu::Takes, Self::DeleteTake, "Delete take", shift(Key::Delete), false),
        entry(Menu::Takes, Self::RenderSettings, "Render settings…", None, false),
        entry(Menu::Takes, Self::StudioNeeds, "What the studio needs…", None, false),
        entry(Menu::Play, Self::PlayPause, "Play or pause", key(Key::Space), false),
        entry(Menu::Play, Self::StepBack, "One frame back", key(Key::ArrowLeft), false),
        entry(Menu::Play, Self::StepForward, "One frame forward", key(Key::ArrowRight), false),
        entry(Menu::Play, Self::JumpBack, "One second back", shift(Key::ArrowLeft), false),
        entry(Menu::Play, Self::JumpForward, "One second forward", shift(Key::ArrowRight), false),
        entry(Menu::Play, Self::Start, "Go to the start", key(Key::Home), false),
        entry(Menu::Play, Self::End, "Go to the end", key(Key::End), false),
        entry(Menu::Play, Self::Loop, "Loop", key(Key::L), false),
        entry(Menu::View, Self::ShowQueue, "Show the queue", ctrl(Key::J), true),
        entry(Menu::View, Self::SwitchTheme, "Dark or light theme", None, false),
        entry(Menu::View, Self::ResetLayout, "Reset layout", None, false),
        entry(Menu::View, Self::Shortcuts, "Keyboard shortcuts…", key(Key::F1), true),
    ];

    pub fn entry(self) -> &'static Entry {
        let found = Self::ALL.iter().find(|entry| entry.command == self);
        found.expect("every named command is in the table")
    }

    /// The label, and the shortcut in parentheses when there is one.
    pub fn tooltip(self, ctx: &egui::Context) -> String {
        let entry = self.entry();
        match &entry.shortcut {
            Some(shortcut) => format!("{} ({})", entry.label, shortcut_text(ctx, shortcut)),
            None => entry.label.to_owned(),
        }
    }
}

/// A shortcut as it is written on the keys.
pub fn shortcut_text(ctx: &egui::Context, shortcut: &KeyboardShortcut) -> String {
    let text = ctx.format_shortcut(shortcut);
    text.replace("OpenBracket", "[").replace("CloseBracket", "]").replace("Escape", "Esc")
}

/// The named commands whose shortcuts were pressed. While a text field has the keyboard, only those meant for it count;
/// those that are not `applicable` leave the key to others.
pub fn pressed(ctx: &egui::Context, applicable: impl Fn(Named) -> bool) -> Vec<Named> {
    let typing = ctx.text_edit_focused();
    // Longer combinations first: a shortcut also matches when Shift is held in addition.
    let mut entries: Vec<&Entry> =
        Named::ALL.iter().filter(|entry| (entry.in_text || !typing) && applicable(entry.command)).collect();
    let held = |m: Modifiers| [m.shift, m.alt, m.command, m.ctrl].into_iter().filter(|held| *held).count();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.shortcut.map_or(0, |shortcut| held(shortcut.modifiers))));
    let mut found = Vec::new();
    ctx.input_mut(|input| {
        for entry in entries {
            if let Some(KeyboardShortcut { modifiers, logical_key }) = entry.shortcut {
                // A slow frame may hold several presses of one key; each counts.
                let presses = input.count_and_consume_key(modifiers, logical_key);
                found.extend(std::iter::repeat_n(entry.command, presses));
            }
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shortcut_is_used_twice() {
        let mut seen = Vec::new();
        for shortcut in Named::ALL.iter().filter_map(|entry| entry.shortcut) {
            assert!(!seen.contains(&shortcut), "{shortcut:?}");
            seen.push(shortcut);
        }
    }
}
