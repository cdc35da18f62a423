//! Scripts that come in from files and pasted texts, and go out to files. Reading and writing happen on threads of their
//! own.

use super::app::App;
use super::carry_out::Browse;
use super::command::{Command, Dialog};
use crate::project::Project;
use crate::writer::{FormatError, Imported, Intake, ScriptFormat, read_script, read_script_file, save_script};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File names that are taken for scripts when they are dropped on the window.
const DROPPED: [&str; 8] = ["fountain", "spmd", "fdx", "csv", "tsv", "txt", "text", "steps"];

/// Where a script comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ScriptSource {
    File(PathBuf),
    Text(String),
}

/// A script that was read, or why it was not.
#[derive(Debug)]
pub(super) struct ReadScript {
    pub source: ScriptSource,
    pub result: Result<Imported, FormatError>,
    /// Length of the film that it makes, in milliseconds.
    pub film_ms: u64,
}

/// What the script dialogs remember.
#[derive(Default)]
pub(super) struct ScriptForm {
    /// A path that is being typed.
    pub path: String,
    /// A text that is being pasted.
    pub text: String,
    pub read: Option<Arc<ReadScript>>,
    /// What is being read now.
    pub reading: Option<ScriptSource>,
    /// What is to be read next: it came while another was being read.
    pub next: Option<ScriptSource>,
    pub export_path: String,
    pub export_format: Option<ScriptFormat>,
}

impl ScriptForm {
    /// Fills the export dialog in. What the user chose before stays.
    fn prepare_export(&mut self, folder: &Path, name: &str) {
        if self.export_path.is_empty() {
            let format = *self.export_format.get_or_insert(ScriptFormat::Fountain);
            let beside = folder.parent().unwrap_or(folder);
            self.export_path = beside.join(format!("{name}.{}", format.extension())).to_string_lossy().into_owned();
        }
    }
}

impl ReadScript {
    fn of(source: ScriptSource) -> Self {
        let result = match &source {
            ScriptSource::File(path) => read_script_file(path, None),
            ScriptSource::Text(text) => read_script("the text", text.as_bytes(), None),
        };
        let film_ms = result.as_ref().map_or(0, |imported| {
            let scenes = imported.scenes_of(&mut Project::new(""), Intake::Replace, 0);
            let dissolves = scenes.iter().skip(1).map(|scene| u64::from(scene.dissolve_ms));
            let total: u64 = scenes.iter().map(|scene| u64::from(scene.duration_ms)).sum();
            total.saturating_sub(dissolves.sum())
        });
        Self { source, result, film_ms }
    }
}

/// Whether a dropped file is a script by its name.
pub(super) fn is_script(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| DROPPED.contains(&extension.as_str()))
}

impl App {
    /// Opens the dialog on a script file that was dropped.
    pub(super) fn open_dropped_script(&mut self, path: PathBuf) {
        self.show_dialog(Some(Dialog::Script));
        self.push(Command::ReadScript(ScriptSource::File(path)));
    }

    pub(super) fn prepare_script_export(&mut self) {
        if let Some(doc) = &self.doc {
            self.panel_state.script.prepare_export(doc.saver().folder(), &doc.name());
        }
    }

    pub(super) fn read_script(&mut self, source: ScriptSource) {
        if let ScriptSource::File(path) = &source {
            self.panel_state.script.path = path.to_string_lossy().into_owned();
        }
        let form = &mut self.panel_state.script;
        if form.reading.is_some() {
            form.next = Some(source);
            return;
        }
        form.reading = Some(source.clone());
        self.on_a_thread("reelboard script", move || Command::ScriptRead(Arc::new(ReadScript::of(source))));
    }

    pub(super) fn script_read(&mut self, read: Arc<ReadScript>) {
        let form = &mut self.panel_state.script;
        if form.reading.take().is_none() {
            // The project was closed meanwhile.
            return;
        }
        form.read = Some(read);
        if let Some(next) = form.next.take() {
            self.read_script(next);
        }
    }

    /// Takes the script that the dialog shows into the project, as one step of the history.
    pub(super) fn take_script_in(&mut self, intake: Intake) {
        let Some(read) = self.panel_state.script.read.clone() else { return };
        let Ok(imported) = &read.result else { return };
        if self.is_writing() {
            return self.complain("a script is being written; stop it first");
        }
        if self.doc.is_none() {
            self.new_project(Project::new(imported.premise()));
        }
        let Some(doc) = &mut self.doc else { return };
        doc.seal();
        let first = if intake == Intake::Append { doc.project().scenes.len() } else { 0 };
        let edit = imported.to_edit(doc.numbering(), intake, 0);
        self.edit(edit, None);
        let from = match &read.source {
            ScriptSource::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            ScriptSource::Text(_) => "the text".to_owned(),
        };
        self.tell(format!("made {} scenes of {from}", imported.scenes.len()));
        self.dialog = None;
        self.panel_state.fit_timeline = true;
        let form = &mut self.panel_state.script;
        (form.read, form.text, form.path) = (None, String::new(), String::new());
        if let Some(id) = self.doc.as_ref().and_then(|doc| doc.project().scenes.get(first)).map(|scene| scene.id) {
            self.carry_out(Command::SelectScene(id));
        }
    }

    pub(super) fn export_script(&mut self, path: PathBuf, format: ScriptFormat) {
        let Some(doc) = &self.doc else { return };
        let project = Arc::clone(doc.project());
        self.dialog = None;
        self.on_a_thread("reelboard script", move || {
            let saved = save_script(&project, format, &path);
            Command::ScriptSaved(path, saved.map_err(|error| error.to_string()))
        });
    }

    pub(super) fn browse_script(&mut self) {
        let then = |path| Command::ReadScript(ScriptSource::File(path));
        self.browse("Open a script", Browse::Script, then);
    }

    pub(super) fn browse_script_export(&mut self, start: PathBuf, format: ScriptFormat) {
        self.browse("Export script", Browse::SaveScript(start, format), Command::SetScriptExportPath);
    }

    /// Does something slow beside the window and takes its command in when it is done.
    fn on_a_thread(&mut self, name: &str, work: impl FnOnce() -> Command + Send + 'static) {
        let (sender, ctx) = (self.dialog_results.0.clone(), self.ctx.clone());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _ = sender.send(work());
            ctx.request_repaint();
        });
        if let Err(error) = thread {
            self.panel_state.script.reading = None;
            self.complain(format!("cannot start a thread: {error}"));
        }
    }
}
