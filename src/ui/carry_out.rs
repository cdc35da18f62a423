//! Carries the commands out.

use super::app::{App, Notice, Selection, Writing};
use super::command::{Command, Dialog, Named, Part, TakeAct};
use super::document::Document;
use super::rendering::ComingPicture;
use crate::engine::{ExportJob, JobSpec, PhotoJob, WriteJob};
use crate::models::choose_writer;
use crate::project::{
    CoalesceKey, DURATION_MS_RANGE, Edit, EntityField, EntityKind, Project, Scene, SceneId, ScriptIntake,
};
use crate::writer::{ScriptFormat, WriteRequest};
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl App {
    /// Carries one command out.
    pub(super) fn carry_out(&mut self, command: Command) {
        match command {
            Command::Do(named) => self.carry_out_named(named),
            Command::Edit(edit, key) => {
                if !self.is_refused(&edit) {
                    self.edit(edit, key);
                }
            }
            Command::SealEdits => self.with_doc(Document::seal),
            Command::SelectScene(id) => self.select_scene(id),
            Command::ToggleScene(id) => self.toggle_scene(id),
            Command::SelectRange(id) => self.select_range(id),
            Command::ForSelected(many) => self.change_selected(many),
            Command::MoveScenes(ids, gap) => self.move_scenes(&ids, gap),
            Command::SelectEntity(kind, name) => {
                self.selection = Selection::Entity(kind, name);
                self.also.clear();
            }
            Command::Seek(frame) => {
                self.play_until = None;
                self.player.seek(frame, self.now());
                self.select_scene_at_playhead();
            }
            Command::PlayScene(id) => self.play_scene(id),
            Command::Write => self.write(),
            Command::Ask(ask) => self.ask(ask),
            Command::Revise(revision) => self.revise(revision),
            Command::ReviseAgain => self.revise_again(),
            Command::AcceptProposal(items) => self.accept_proposal(&items),
            Command::RejectProposal => self.reject_proposal(),
            Command::HideProposal => self.dialog = None,
            Command::Repair(finding) => self.repair(&finding),
            Command::RepairByRules => self.repair_by_rules(),
            Command::IgnoreRemark(finding) => self.ignore_remark(&finding),
            Command::HearAllRemarks => self.hear_all_remarks(),
            Command::ReadScript(source) => self.read_script(source),
            Command::ScriptRead(read) => self.script_read(read),
            Command::TakeScript(intake) => self.take_script_in(intake),
            Command::BrowseScript => self.browse_script(),
            Command::ExportScript(path, format) => self.export_script(path, format),
            Command::BrowseScriptExport(start, format) => self.browse_script_export(start, format),
            Command::SetScriptExportPath(path) => {
                self.panel_state.script.export_path = path.to_string_lossy().into_owned();
            }
            Command::ScriptSaved(path, Ok(())) => {
                let text = format!("exported {}", path.display());
                self.notice = Some(Notice { text, bad: false, path: Some(path) });
            }
            Command::ScriptSaved(_, Err(error)) => self.complain(error),
            Command::NewProject { premise } => self.new_project(Project::new(premise)),
            Command::OpenProject(folder) => self.open_project(&folder),
            Command::OpenExample => self.new_project(crate::draft::example_project()),
            Command::ImportPhoto(kind, name, path) => self.import_photo(kind, name, path),
            Command::ChoosePhoto(kind, name) => {
                self.browse("Choose a photo", Browse::Photo, move |path| Command::ImportPhoto(kind, name, path));
            }
            Command::ChooseStudio(name) => self.choose_studio(name),
            Command::MakePicture(kind, name) => self.make_picture(kind, &name),
            Command::RenderTake(id) => self.render_scene(id, Part::All),
            Command::RenderPart(id, part) => self.render_scene(id, part),
            Command::Vary(ids, count) => self.vary(&ids, count),
            Command::FetchStudio => self.fetch_studio(),
            Command::SetCompute(compute) => self.set_compute(compute),
            Command::SendFilm(how) => self.send_film(how),
            Command::CancelRun(number) => self.cancel_run(number),
            Command::ChooseTake(id, take) => self.choose_take(id, take),
            Command::Take(id, take, act) => self.act_on_take(id, take, act),
            Command::Export(settings) => {
                let Some(doc) = &mut self.doc else { return };
                doc.save();
                let job =
                    ExportJob { project: Arc::clone(doc.project()), media: doc.saver().media().clone(), settings };
                self.exporting = self.submit(JobSpec::Export(job));
            }
            Command::BrowseExport(start) => self.browse("Export film", Browse::SaveFilm(start), Command::SetExportPath),
            Command::SetExportPath(path) => self.panel_state.export_path = path.to_string_lossy().into_owned(),
            Command::BrowseProject => self.browse("Open project", Browse::Project, Command::OpenProject),
            Command::Fetch(id) => match self.registry.model(&id) {
                Ok(model) => {
                    let job = JobSpec::FetchModel(Box::new(model.clone()), self.cache.clone());
                    self.submit(job);
                }
                Err(error) => self.complain(error.to_string()),
            },
            Command::ChooseWriter(id) => self.remembered.writer = Some(id),
            Command::UseOwnWriter(named, any_host) => self.use_own_writer(&named, any_host),
            Command::RemoveOwnWriter(own) => self.remove_own_writer(&own),
            Command::BrowseWriter => self.browse_writer(Browse::Writer),
            Command::BrowseWriterFolder => self.browse_writer(Browse::Folder),
            Command::CancelJob(id) => self.engine.cancel(id),
            Command::CancelAllJobs => {
                self.rendering.queue.cancel_all();
                self.jobs.iter().for_each(|job| self.engine.cancel(job.id));
            }
            Command::PutJobFirst(id) => drop(self.engine.put_first(id)),
            Command::CancelRender(id) => self.cancel_render(id),
            Command::PauseRender(id) => self.pause_render(id),
            Command::ResumeRender(id) => self.resume_renders(|queue, film| queue.resume(id, film)),
            Command::PauseRenders => self.pause_renders(),
            Command::ResumeRenders => self.resume_renders(|queue, _| queue.resume_all()),
            Command::MoveRender(id, place) => self.rendering.queue.move_to(id, place),
            Command::ResumeRestored => self.resume_renders(|queue, _| queue.resume_restored()),
            Command::DiscardRestored => drop(self.rendering.queue.cancel_all()),
            Command::SetSceneCount(count) => self.remembered.scene_count = count,
            Command::SetWriting(settings) => self.remembered.writing = settings,
            // Closed without an answer, it is rejected.
            Command::Dialog(None) if self.dialog == Some(Dialog::Proposal) => self.reject_proposal(),
            Command::Dialog(dialog) => self.show_dialog(dialog),
            Command::ClearNotice => self.notice = None,
            Command::Reveal(path) => {
                if let Err(error) = reveal(&path) {
                    self.complain(format!("cannot show {}: {error}", path.display()));
                }
            }
        }
    }

    fn carry_out_named(&mut self, named: Named) {
        let frame = self.player.frame();
        let fps = self.doc.as_ref().map_or(24, |doc| u64::from(doc.cut().fps()));
        match named {
            Named::New => {
                self.close_project();
            }
            Named::Open => self.show_dialog(Some(Dialog::Open)),
            Named::ShowFolder => {
                if let Some(doc) = &self.doc {
                    self.push(Command::Reveal(doc.saver().folder().to_owned()));
                }
            }
            Named::OpenScript => self.show_dialog(Some(Dialog::Script)),
            Named::ExportScript => {
                if self.doc.as_ref().is_some_and(|doc| !doc.project().scenes.is_empty()) {
                    self.show_dialog(Some(Dialog::ExportScript));
                } else {
                    self.complain("there is no script to export yet: write one or add a scene first");
                }
            }
            Named::Export => {
                if self.doc.as_ref().is_some_and(|doc| doc.cut().total_frames() > 0) {
                    self.show_dialog(Some(Dialog::Export));
                } else {
                    self.complain("there is nothing to export yet: write a script or add a scene first");
                }
            }
            Named::Quit => self.ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Named::Undo => self.undo_or_redo(Document::undo, "there is nothing to undo"),
            Named::Redo => self.undo_or_redo(Document::redo, "there is nothing to redo"),
            Named::AddScene => self.add_scene(),
            Named::DuplicateScene => self.duplicate_selected(),
            Named::DeleteScene => self.delete_selected(),
            Named::MoveSceneEarlier => self.shift_selected(false),
            Named::MoveSceneLater => self.shift_selected(true),
            Named::SelectAll => self.select_all(),
            Named::SelectOne => self.leave_one_thing(),
            Named::LockScene => self.lock_selected(),
            Named::RewriteScene
            | Named::InsertSceneBefore
            | Named::InsertSceneAfter
            | Named::SplitScene
            | Named::MergeScenes
            | Named::ContinueStory
            | Named::ShortenFilm
            | Named::FunnierFilm
            | Named::FilmForChildren
            | Named::ReviseFilm
            | Named::PlanCameras
            | Named::ShowProposal
            | Named::Remarks => self.revise_named(named),
            Named::PreviousScene => self.select_neighbour(-1),
            Named::NextScene => self.select_neighbour(1),
            Named::RenderScene => self.render_selected(Part::All),
            Named::RenderStill => self.render_selected(Part::Still),
            Named::RenderClip => self.render_selected(Part::Clip),
            Named::RenderAll => self.render_all(Part::All),
            Named::RenderAllStills => self.render_all(Part::Still),
            Named::PauseRenders => self.pause_or_resume_renders(),
            Named::ShowQueue if self.jobs.is_empty() && self.rendering.queue.is_empty() => {
                self.tell("nothing runs and nothing waits");
            }
            Named::WritingSettings => self.show_dialog(Some(Dialog::Writing)),
            Named::ShowQueue => super::panels::toggle_queue(&self.ctx),
            Named::StudioNeeds => self.show_dialog(Some(Dialog::Studio)),
            Named::RenderSettings => self.show_dialog(Some(Dialog::RenderSettings)),
            Named::Farm => self.show_dialog(Some(Dialog::Farm)),
            Named::FilmFormat => self.show_dialog(Some(Dialog::Format)),
            Named::Vary => self.vary(&self.selected_scenes(), 1),
            Named::VaryFour => self.vary(&self.selected_scenes(), 4),
            Named::PreviousTake => self.look_further(false),
            Named::NextTake => self.look_further(true),
            Named::UseTake => self.use_take_at_hand(),
            Named::UseDraft => {
                if let Some(id) = self.selected_scene() {
                    self.choose_take(id, None);
                }
            }
            Named::StarTake if !self.also.is_empty() => self.star_selected(),
            Named::StarTake => self.with_take_at_hand(TakeAct::Star),
            Named::DeleteTake => self.with_take_at_hand(TakeAct::Delete),
            Named::CompareTakes => self.compare_selected(),
            Named::PlayPause => {
                self.play_until = None;
                self.player.toggle(self.now());
            }
            Named::StepBack => self.seek(frame.saturating_sub(1)),
            Named::StepForward => self.seek(frame + 1),
            Named::JumpBack => self.seek(frame.saturating_sub(fps)),
            Named::JumpForward => self.seek(frame + fps),
            Named::Start => self.seek(0),
            Named::End => self.seek(u64::MAX),
            Named::Loop => {
                self.remembered.looping = !self.remembered.looping;
                self.player.set_looping(self.remembered.looping, self.now());
            }
            Named::Models => self.show_dialog(Some(Dialog::Models)),
            Named::Shortcuts => self.show_dialog(Some(Dialog::Shortcuts)),
            Named::SwitchTheme => {
                let dark = self.ctx.global_style().visuals.dark_mode;
                self.ctx.set_theme(if dark { egui::Theme::Light } else { egui::Theme::Dark });
            }
            Named::ResetLayout => self.remembered.layout = super::panels::default_layout(),
        }
    }

    fn render_selected(&mut self, part: Part) {
        let ids = self.selected_scenes();
        if !ids.is_empty() {
            self.render_scenes(&ids, part);
        }
    }

    fn with_doc(&mut self, f: impl FnOnce(&mut Document)) {
        if let Some(doc) = &mut self.doc {
            f(doc);
        }
    }

    pub(super) fn edit(&mut self, edit: Edit, key: Option<CoalesceKey>) {
        let Some(doc) = &mut self.doc else { return };
        if let Err(error) = doc.edit(edit, key) {
            self.complain(error.to_string());
        }
    }

    fn undo_or_redo(
        &mut self,
        step: impl FnOnce(&mut Document) -> Result<bool, crate::project::EditError>,
        nothing: &str,
    ) {
        let Some(doc) = &mut self.doc else { return };
        match step(doc) {
            Ok(true) => self.forget_what_is_gone(),
            Ok(false) => self.tell(nothing),
            Err(error) => self.complain(error.to_string()),
        }
    }

    /// Selects something that exists after an edit took the selected thing away.
    pub(super) fn forget_what_is_gone(&mut self) {
        let Some(doc) = &self.doc else { return };
        let project = doc.project();
        let gone = match &self.selection {
            Selection::Nothing => false,
            Selection::Scene(id) => project.scene(*id).is_none(),
            Selection::Entity(kind, name) => !doc.entities().iter().any(|e| e.kind == *kind && e.name == *name),
        };
        if gone {
            let first = doc.cut().scene_at(self.player.frame()).and_then(|index| project.scenes.get(index));
            self.selection = first.map_or(Selection::Nothing, |scene| Selection::Scene(scene.id));
        }
        self.forget_gone_scenes();
    }

    /// Leaves the comparison, the take that is looked at, or all selected scenes but one: one thing for each call.
    fn leave_one_thing(&mut self) {
        if self.panel_state.compare.take().is_none() && !self.panel_state.stop_looking() {
            self.also.clear();
        }
    }

    pub(super) fn submit(&mut self, spec: JobSpec) -> Option<crate::engine::JobId> {
        match self.engine.submit(spec) {
            Ok(id) => Some(id),
            Err(full) => {
                self.complain(full.to_string());
                None
            }
        }
    }

    pub(super) fn show_dialog(&mut self, dialog: Option<Dialog>) {
        if dialog == Some(Dialog::Export)
            && let Some(doc) = &self.doc
        {
            let format = doc.project().format;
            self.panel_state.prepare_export(doc.saver().folder(), &doc.name(), format);
            self.exporting = None;
        }
        if dialog == Some(Dialog::ExportScript) {
            self.prepare_script_export();
        }
        if matches!(dialog, Some(Dialog::Studio | Dialog::RenderSettings)) {
            self.look_at_needs();
        }
        if dialog == Some(Dialog::Format)
            && let Some(doc) = &self.doc
        {
            self.panel_state.format = doc.project().format;
        }
        self.dialog = dialog;
    }

    // --- scenes ---

    /// Selects one scene and nothing else.
    pub(super) fn select_scene(&mut self, id: SceneId) {
        if self.doc.as_ref().is_some_and(|doc| doc.project().scene(id).is_some()) {
            self.selection = Selection::Scene(id);
            self.also.clear();
            self.anchor = Some(id);
            self.show_scene(id);
        }
    }

    /// Moves the playhead into a scene, unless it is there.
    pub(super) fn show_scene(&mut self, id: SceneId) {
        let Some(doc) = &self.doc else { return };
        let Some(index) = doc.project().scene_index(id) else { return };
        let range = doc.cut().range_of(index);
        if !range.contains(&self.player.frame()) || doc.cut().scene_at(self.player.frame()) != Some(index) {
            self.play_until = None;
            // Past the dissolve, so that the picture is the scene's own.
            let dissolve = doc.cut().cuts().get(index).map_or(0, |cut| cut.dissolve_frames);
            self.player.seek((range.start + dissolve).min(range.end.saturating_sub(1)), self.now());
        }
    }

    fn select_scene_at_playhead(&mut self) {
        let Some(doc) = &self.doc else { return };
        let at = doc.cut().scene_at(self.player.frame()).and_then(|index| doc.project().scenes.get(index));
        if let (Some(scene), Selection::Scene(_) | Selection::Nothing) = (at, &self.selection)
            && self.also.is_empty()
        {
            self.selection = Selection::Scene(scene.id);
        }
    }

    fn seek(&mut self, frame: u64) {
        let last = self.doc.as_ref().map_or(0, |doc| doc.cut().total_frames().saturating_sub(1));
        self.carry_out(Command::Seek(frame.min(last)));
    }

    fn play_scene(&mut self, id: SceneId) {
        let Some(doc) = &self.doc else { return };
        let Some(index) = doc.project().scene_index(id) else { return };
        let range = doc.cut().range_of(index);
        let next = doc.cut().cuts().get(index + 1).map_or(0, |cut| cut.dissolve_frames);
        let dissolve = doc.cut().cuts().get(index).map_or(0, |cut| cut.dissolve_frames);
        self.selection = Selection::Scene(id);
        self.player.seek((range.start + dissolve).min(range.end.saturating_sub(1)), self.now());
        self.player.play(self.now());
        self.play_until = Some(range.end.saturating_sub(next));
    }

    fn select_neighbour(&mut self, by: isize) {
        let Some(doc) = &self.doc else { return };
        let scenes = &doc.project().scenes;
        let index = match self.selected_scene().and_then(|id| doc.project().scene_index(id)) {
            Some(index) => index.saturating_add_signed(by).min(scenes.len().saturating_sub(1)),
            None => 0,
        };
        if let Some(id) = scenes.get(index).map(|scene| scene.id) {
            self.select_scene(id);
        }
    }

    fn add_scene(&mut self) {
        let selected = self.selected_scene();
        let Some(doc) = &mut self.doc else { return };
        let after = selected.and_then(|id| doc.project().scene_index(id));
        let index = after.map_or(doc.project().scenes.len(), |index| index + 1);
        let mut scene = Scene::new(doc.numbering().new_scene_id(), "");
        if let Some(before) = after.and_then(|index| doc.project().scenes.get(index)) {
            scene.background = before.background.clone();
        }
        let id = scene.id;
        self.edit(Edit::InsertScene { index, scene: Box::new(scene) }, None);
        self.select_scene(id);
        self.panel_state.focus_prompt = true;
    }

    // --- writing ---

    fn write(&mut self) {
        let Some(doc) = &self.doc else { return };
        if self.is_writing() {
            return;
        }
        let project = Arc::clone(doc.project());
        if project.premise.trim().is_empty() {
            return self.complain("type the film's premise first: one sentence is enough");
        }
        let choice = match choose_writer(&self.registry, &self.cache, self.remembered.writer.as_deref()) {
            Ok(choice) => choice,
            Err(error) => return self.complain(error.to_string()),
        };
        if choice.is_missing {
            return self.show_dialog(Some(Dialog::WriterNeeded));
        }
        let model = Box::new(choice.model.clone());
        let anew = || project.scenes.first().map_or(0, |scene| scene.seed.wrapping_add(1));
        let seed = self.remembered.writing.seed.unwrap_or_else(anew);
        let sampling = self.remembered.writing.sampling(&choice.model.defaults);
        let request = WriteRequest {
            premise: project.premise.clone(),
            style: project.style.clone(),
            scenes: self.remembered.scene_count,
            seed,
            sampling,
        };
        let describe = self.remembered.writing.describe;
        let job = WriteJob { request, model, cache: self.cache.clone(), describe, home: self.home.clone() };
        if let Some(job) = self.submit(JobSpec::Write(job)) {
            let intake = ScriptIntake::new(seed);
            self.writing =
                Some(Writing { job, scenes: Vec::new(), intake, story: String::new(), saying: String::new() });
            self.player.pause(self.now());
            self.with_doc(Document::seal);
        }
    }

    fn import_photo(&mut self, kind: EntityKind, name: String, path: PathBuf) {
        let Some(doc) = &self.doc else { return };
        let job = PhotoJob { kind, name: name.clone(), path, media: doc.saver().media().clone() };
        if let Some(job) = self.submit(JobSpec::ImportPhoto(job)) {
            self.coming.insert(job, ComingPicture::photo(kind, name.clone()));
            self.selection = Selection::Entity(kind, name);
        }
        self.dialog = match self.dialog.take() {
            Some(Dialog::WhoIsIt(mut photos)) if photos.len() > 1 => {
                photos.remove(0);
                Some(Dialog::WhoIsIt(photos))
            }
            Some(Dialog::WhoIsIt(_)) => None,
            other => other,
        };
    }

    /// Gives an entity its new reference, as one step of the history.
    pub(super) fn set_reference(&mut self, kind: EntityKind, name: &str, reference: crate::project::Reference) {
        let Some(doc) = &self.doc else { return };
        let edit = doc.project().entity_edit(kind, name, EntityField::Reference(Some(reference)));
        self.edit(edit, None);
    }

    // --- projects ---

    fn close_project(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.engine.cancel(writing.job);
        }
        self.reject_proposal();
        // What is half made stays on the disk, and its place in the queue with it.
        self.keep_renders();
        self.rendering.queue.running().iter().chain(self.coming.keys()).for_each(|job| self.engine.cancel(*job));
        self.rendering.open(crate::engine::RenderRecord::default());
        self.doc = None;
        self.farm = None;
        self.stills.clear();
        self.clips.clear();
        self.viewer.clear();
        self.engine.pictures().clear();
        self.player.pause(self.now());
        self.player.seek(0, self.now());
        self.play_until = None;
        self.selection = Selection::Nothing;
        self.also.clear();
        self.anchor = None;
        self.coming.clear();
        self.notice = None;
        self.dialog = None;
        self.panel_state = super::panels::State::default();
    }

    pub(super) fn new_project(&mut self, project: Project) {
        let folder = match free_folder(self.projects.as_deref(), &project.premise) {
            Ok(folder) => folder,
            Err(error) => return self.complain(format!("cannot make a folder for the project: {error}")),
        };
        let ctx = self.ctx.clone();
        let opened = Document::create(&folder, project, move || ctx.request_repaint());
        self.show_document(opened, folder);
    }

    fn open_project(&mut self, folder: &Path) {
        let ctx = self.ctx.clone();
        let opened = Document::open(folder, move || ctx.request_repaint());
        match opened {
            Ok((doc, report)) => {
                self.show_document(Ok(doc), folder.to_owned());
                if !report.in_order() {
                    self.tell(report.to_string());
                }
            }
            Err(error) => {
                self.remembered.recent.retain(|known| known != folder || folder.exists());
                self.complain(error.to_string());
            }
        }
    }

    fn show_document(&mut self, opened: Result<Document, super::document::OpenError>, folder: PathBuf) {
        match opened {
            Ok(doc) => {
                self.close_project();
                self.remembered.add_recent(folder);
                self.remember_now = true;
                self.panel_state.fit_timeline = true;
                self.ctx.send_viewport_cmd(egui::ViewportCommand::Title(format!("{} – Reelboard", doc.name())));
                self.selection =
                    doc.project().scenes.first().map_or(Selection::Nothing, |scene| Selection::Scene(scene.id));
                let (record, damage) = doc.saver().renders().read();
                self.rendering.open(record);
                self.doc = Some(doc);
                self.watch_farm();
                damage.into_iter().for_each(|damage| self.complain(damage));
            }
            Err(error) => self.complain(error.to_string()),
        }
    }

    // --- file dialogs ---

    /// Asks for a path with the desktop's own dialog, on a thread of its own.
    pub(super) fn browse(&mut self, title: &str, what: Browse, then: impl FnOnce(PathBuf) -> Command + Send + 'static) {
        let dialog = rfd::AsyncFileDialog::new().set_title(title);
        let answer: std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>> = match what {
            Browse::Photo => Box::pin(dialog.add_filter("Pictures", &["png", "jpg", "jpeg", "webp"]).pick_file()),
            Browse::Project | Browse::Folder => Box::pin(dialog.pick_folder()),
            Browse::Script => {
                let endings = ["fountain", "spmd", "fdx", "csv", "tsv", "txt", "md", "steps"];
                Box::pin(dialog.add_filter("Scripts", &endings).add_filter("All files", &["*"]).pick_file())
            }
            Browse::Writer => {
                Box::pin(dialog.add_filter("GGUF models", &["gguf"]).add_filter("All files", &["*"]).pick_file())
            }
            Browse::SaveFilm(start) => Box::pin(saving(dialog.add_filter("MP4 film", &["mp4"]), &start).save_file()),
            Browse::SaveScript(start, format) => {
                let dialog = dialog.add_filter(format.title(), &[format.extension()]);
                Box::pin(saving(dialog, &start).save_file())
            }
        };
        let (sender, ctx) = (self.dialog_results.0.clone(), self.ctx.clone());
        let thread = std::thread::Builder::new().name("reelboard dialog".to_owned()).spawn(move || {
            if let Some(file) = pollster::block_on(answer) {
                let _ = sender.send(then(file.path().to_owned()));
                ctx.request_repaint();
            }
        });
        if let Err(error) = thread {
            self.complain(format!("cannot open a file dialog: {error}"));
        }
    }
}

/// A dialog for saving that begins at a file.
fn saving(dialog: rfd::AsyncFileDialog, start: &Path) -> rfd::AsyncFileDialog {
    let name = start.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let dialog = dialog.set_file_name(name);
    match start.parent() {
        Some(folder) => dialog.set_directory(folder),
        None => dialog,
    }
}

/// What a file dialog is for.
pub(super) enum Browse {
    Photo,
    Project,
    Folder,
    Script,
    Writer,
    SaveFilm(PathBuf),
    SaveScript(PathBuf, ScriptFormat),
}

/// A folder for a new project that does not exist yet: `Reelboard/a-few-words.reel` in the user's videos.
fn free_folder(base: Option<&Path>, premise: &str) -> std::io::Result<PathBuf> {
    let base = base.ok_or_else(|| std::io::Error::other("the user has no home folder"))?;
    std::fs::create_dir_all(base)?;
    let slug = slug(premise);
    let names = std::iter::once(slug.clone()).chain((2..).map(|n| format!("{slug}-{n}")));
    let mut folders = names.map(|name| base.join(format!("{name}.reel")));
    folders.find(|folder| !folder.exists()).ok_or_else(|| std::io::Error::other("every name is taken"))
}

/// Where new projects go: `REELBOARD_PROJECTS`, or `Reelboard` in the user's videos, documents or home.
pub(super) fn project_home() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("REELBOARD_PROJECTS") {
        return Some(PathBuf::from(folder));
    }
    let user = directories::UserDirs::new()?;
    let base = user.video_dir().or(user.document_dir()).unwrap_or(user.home_dir());
    Some(base.join("Reelboard"))
}

/// The first words of a premise as a file name.
fn slug(premise: &str) -> String {
    let words = premise.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words.take(6) {
        if slug.chars().count() + word.chars().count() > 48 {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(&word.to_lowercase());
    }
    if slug.is_empty() { "untitled".to_owned() } else { slug }
}

/// Shows a file or folder in the desktop's own program.
fn reveal(path: &Path) -> std::io::Result<()> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    std::process::Command::new(program).arg(folder).spawn().map(drop)
}

/// A duration in seconds, as whole milliseconds within what a scene may last.
pub(super) fn duration_ms(secs: f64) -> u32 {
    ((secs * 1000.0).round() as u32).clamp(*DURATION_MS_RANGE.start(), *DURATION_MS_RANGE.end())
}
