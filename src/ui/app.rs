//! The application: what is remembered, what runs, and one frame of it.

use super::Launch;
use super::clips::Clips;
use super::command::{self, Command, Dialog, Named};
use super::document::Document;
use super::farm::Farm;
use super::panels::{self, Cx};
use super::rendering::{ComingPicture, Rendering};
use super::revise::{Remarks, Revising};
use super::scripts::is_script;
use super::stills::Stills;
use super::theme;
use super::viewer::Viewer;
use super::writers::OwnWriters;
use super::writing::WritingSettings;
use crate::engine::{Cache, CacheError, Engine, EngineOptions, JobId, JobStatus};
use crate::models::{Devices, ModelCache, Registry};
use crate::preview::Player;
use crate::project::{EntityKind, SceneId, ScriptIntake, ScriptScene};
use crate::writer::WriterHome;
use egui::{Context, Pos2, Ui};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Recent projects that are remembered.
const RECENT: usize = 8;
/// After this a touch that does not move opens a menu.
const LONG_TOUCH_SECS: f64 = 0.8;
/// How long after a drop the pointer may tell which entity was meant: some desktops report it only then.
const DROP_GRACE: Duration = Duration::from_millis(250);

/// What outlives the window.
#[derive(Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Remembered {
    pub recent: Vec<PathBuf>,
    pub writer: Option<String>,
    /// Scenes to ask the writer for; `None` leaves the number to it.
    pub scene_count: Option<u32>,
    pub writing: WritingSettings,
    /// Remarks on scripts that the user does not want to hear again, by their keys.
    pub ignored_remarks: Vec<u64>,
    pub layout: egui_tiles::Tree<panels::Pane>,
    pub looping: bool,
    /// Points per second of film in the timeline.
    pub timeline_zoom: f32,
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            writer: None,
            scene_count: None,
            writing: WritingSettings::default(),
            ignored_remarks: Vec::new(),
            layout: panels::default_layout(),
            looping: false,
            timeline_zoom: 38.0,
        }
    }
}

impl Remembered {
    pub fn add_recent(&mut self, folder: PathBuf) {
        self.recent.retain(|known| *known != folder);
        self.recent.insert(0, folder);
        self.recent.truncate(RECENT);
    }
}

/// What the inspector shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Selection {
    #[default]
    Nothing,
    Scene(SceneId),
    Entity(EntityKind, String),
}

/// A script that is being written.
pub(super) struct Writing {
    pub job: JobId,
    /// Scenes so far; the last may be unfinished.
    pub scenes: Vec<ScriptScene>,
    /// Those that are finished and in the project already.
    pub intake: ScriptIntake,
    /// The plan of the story, as far as it is there.
    pub story: String,
    /// What is being said of somebody's looks.
    pub saying: String,
}

/// A message over the panels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Notice {
    pub text: String,
    pub bad: bool,
    /// A file or folder that the message is about.
    pub path: Option<PathBuf>,
}

/// Photos that were dropped and wait for the pointer to say where.
pub(super) struct Dropped {
    pub photos: Vec<PathBuf>,
    pub since: Instant,
    pub pointer_then: Option<Pos2>,
}

/// The window's state and services.
pub struct App {
    pub(super) remembered: Remembered,
    pub(super) ctx: Context,
    pub(super) engine: Engine,
    pub(super) registry: Arc<Registry>,
    pub(super) own_writers: OwnWriters,
    pub(super) cache: ModelCache,
    pub(super) viewer: Viewer,
    pub(super) stills: Stills,
    pub(super) clips: Clips,
    pub(super) doc: Option<Document>,
    pub(super) player: Player,
    /// The end of the scene that plays once, to show its camera move.
    pub(super) play_until: Option<u64>,
    pub(super) selection: Selection,
    /// Scenes that are selected besides the one that the inspector would show alone.
    pub(super) also: Vec<SceneId>,
    /// Where a selection of several begins: the scene that was clicked last without Shift.
    pub(super) anchor: Option<SceneId>,
    pub(super) writing: Option<Writing>,
    pub(super) revising: Option<Revising>,
    /// How many revisions were asked for: each gets another seed.
    pub(super) revisions: u64,
    pub(super) remarks: Remarks,
    /// Photos and made pictures on their way, by job.
    pub(super) coming: HashMap<JobId, ComingPicture>,
    pub(super) rendering: Rendering,
    /// The open project on a cluster.
    pub(super) farm: Option<Farm>,
    pub(super) exporting: Option<JobId>,
    pub(super) dialog: Option<Dialog>,
    pub(super) panel_state: panels::State,
    pub(super) notice: Option<Notice>,
    pub(super) dropped: Option<Dropped>,
    /// Paths that a file dialog on another thread has given.
    pub(super) dialog_results: (crossbeam_channel::Sender<Command>, crossbeam_channel::Receiver<Command>),
    pub(super) jobs: Vec<JobStatus>,
    pub(super) device: String,
    /// Something was remembered that must not wait for the next regular save.
    pub(super) remember_now: bool,
    /// The user's prompts, and what the writer has read before.
    pub(super) home: WriterHome,
    /// Where new projects go; `None` when the user has no home.
    pub(super) projects: Option<PathBuf>,
    commands: Vec<Command>,
}

/// The window cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("the engine did not start: {0}")]
    /// A thread of the engine.
    Engine(#[from] std::io::Error),
    #[error(transparent)]
    /// The list of models.
    Registry(#[from] crate::models::RegistryError),
    #[error(transparent)]
    /// The folder of models.
    Cache(#[from] crate::models::ModelError),
    #[error(transparent)]
    /// The cache of results.
    Results(#[from] CacheError),
}

impl App {
    /// Starts the services and takes up where the last window ended.
    pub fn new(cx: &eframe::CreationContext<'_>, launch: Launch) -> Result<Self, AppError> {
        let remembered = cx.storage.and_then(|storage| eframe::get_value(storage, eframe::APP_KEY)).unwrap_or_default();
        let options = EngineOptions { cache: Cache::of_user()?, ..EngineOptions::default() };
        let viewer = Viewer::new(cx.wgpu_render_state.clone());
        let mut app = Self::with_services(cx.egui_ctx.clone(), viewer, remembered, options)?;
        if let Some(folder) = launch.project {
            app.commands.push(Command::OpenProject(folder));
        }
        Ok(app)
    }

    fn with_services(
        ctx: Context,
        viewer: Viewer,
        remembered: Remembered,
        options: EngineOptions,
    ) -> Result<Self, AppError> {
        theme::install(&ctx);
        let build = Devices::of_this_build();
        if build.cuda || build.metal {
            // Starting a driver takes a second, which the first dialog that asks for its memory shall not wait for.
            let start = move || drop(build.accelerators());
            std::thread::Builder::new().name("reelboard devices".to_owned()).spawn(start)?;
        }
        let waker = ctx.clone();
        let mut player = Player::new(0, 24);
        player.set_looping(remembered.looping, 0.0);
        let (registry, cache) = (Arc::new(Registry::load()?), ModelCache::open()?);
        let (own_writers, problem) = OwnWriters::open(&registry, &cache);
        let mut app = Self {
            engine: Engine::start_with(options, move || waker.request_repaint())?,
            registry: own_writers.registry(),
            own_writers,
            cache,
            device: viewer.device_name(),
            viewer,
            stills: Stills::default(),
            clips: Clips::default(),
            doc: None,
            player,
            play_until: None,
            selection: Selection::Nothing,
            also: Vec::new(),
            anchor: None,
            writing: None,
            revising: None,
            revisions: 0,
            remarks: Remarks::default(),
            coming: HashMap::new(),
            rendering: Rendering::default(),
            farm: None,
            exporting: None,
            dialog: None,
            panel_state: panels::State::default(),
            notice: None,
            dropped: None,
            dialog_results: crossbeam_channel::bounded(8),
            jobs: Vec::new(),
            commands: Vec::new(),
            projects: super::carry_out::project_home(),
            remember_now: false,
            home: WriterHome::user(),
            remembered,
            ctx,
        };
        if let Some(problem) = problem {
            app.complain(problem);
        }
        Ok(app)
    }

    /// An application without a desktop, which keeps new projects and models in the given folders: for tests, which
    /// drive its widgets.
    #[doc(hidden)]
    pub fn headless(ctx: &Context, projects: PathBuf, models: PathBuf) -> Result<Self, AppError> {
        let (viewer, options) = (Viewer::new(None), EngineOptions::default());
        let mut app = Self::with_services(ctx.clone(), viewer, Remembered::default(), options)?;
        app.projects = Some(projects);
        app.cache = ModelCache::at(models);
        app.open_own_writers();
        app.home = WriterHome::default();
        Ok(app)
    }

    /// Knows the models of another list, too.
    #[doc(hidden)]
    pub fn add_models(&mut self, list: &std::path::Path) -> Result<(), AppError> {
        self.registry = Arc::new(Registry::built_in().extended_by(list)?);
        Ok(())
    }

    /// Opens a project before the first frame.
    #[doc(hidden)]
    pub fn open(&mut self, folder: PathBuf) {
        self.commands.push(Command::OpenProject(folder));
    }

    /// Whether pictures or jobs are still under way.
    #[doc(hidden)]
    pub fn is_busy(&self) -> bool {
        let pictures = self.stills.is_waiting() || self.clips.is_waiting();
        let waiting = pictures || self.rendering.is_busy() || !self.coming.is_empty();
        let waiting = waiting || self.panel_state.script.reading.is_some();
        waiting || !self.engine.jobs().is_empty() || !self.commands.is_empty()
    }

    /// The open project's data.
    #[doc(hidden)]
    pub fn project(&self) -> Option<&crate::project::Project> {
        self.doc.as_ref().map(|doc| doc.project().as_ref())
    }

    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: false, path: None });
    }

    pub(super) fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), bad: true, path: None });
    }

    /// The first half of a frame: everything that changes something.
    pub fn step(&mut self, ctx: &Context) {
        // On a busy machine a frame may last, and with it the time between press and release that the window sees. Only of
        // touches it matters: a long one opens a menu.
        let longest_click = if ctx.input(|input| input.any_touches()) { LONG_TOUCH_SECS } else { f64::INFINITY };
        ctx.options_mut(|options| options.input_options.max_click_duration = longest_click);
        for named in command::pressed(ctx, |named| self.is_applicable(named)) {
            self.commands.push(Command::Do(self.meant_by(named)));
        }
        self.commands.extend(self.dialog_results.1.try_iter());
        self.take_dropped_files(ctx);
        for event in self.engine.drain() {
            self.take_event(event);
        }
        for command in std::mem::take(&mut self.commands) {
            self.carry_out(command);
        }
        self.follow_remarks();
        self.forget_gone_takes();
        self.play(ctx);
        self.follow_studio();
        self.take_farm_news();
        self.render_next();
        self.keep_renders();
        self.jobs = self.engine.jobs();
        self.rendering.take_previews(ctx, &self.jobs);
        let in_view = self.scene_in_view();
        if let Some(doc) = &mut self.doc {
            if let Some(wait) = doc.tick() {
                ctx.request_repaint_after(wait);
            }
            let visible = doc.cut().visible_at(self.player.frame());
            let mut needed: Vec<SceneId> = Vec::new();
            if let Some(visible) = visible {
                let scenes = &doc.project().scenes;
                let shown = visible.mix.map(|mix| mix.scene).into_iter().chain([visible.scene, visible.scene + 1]);
                needed.extend(shown.filter_map(|index| scenes.get(index)).map(|scene| scene.id));
            }
            self.stills.update(doc, &self.engine, in_view, &needed);
            self.clips.update(doc, &self.engine, visible, &needed);
        }
    }

    /// Moves the player on.
    fn play(&mut self, ctx: &Context) {
        let Some(doc) = &self.doc else { return };
        let now = ctx.input(|input| input.time);
        self.player.set_film(doc.cut().total_frames(), doc.cut().fps(), now);
        let was_playing = self.player.is_playing();
        self.player.tick(now);
        if let Some(end) = self.play_until
            && self.player.frame() >= end
        {
            self.player.pause(now);
            self.player.seek(end.saturating_sub(1), now);
            self.play_until = None;
        }
        if was_playing
            && let Some(index) = doc.cut().scene_at(self.player.frame())
            && let Some(scene) = doc.project().scenes.get(index)
            && matches!(self.selection, Selection::Scene(id) if id != scene.id)
            && self.also.is_empty()
        {
            self.selection = Selection::Scene(scene.id);
        }
        if let Some(wait_secs) = self.player.secs_to_next_frame(now) {
            ctx.request_repaint_after(Duration::from_secs_f64(wait_secs));
        }
    }

    /// Takes files from the file manager in: a script opens, photos go to the entity under the pointer.
    fn take_dropped_files(&mut self, ctx: &Context) {
        let (files, pointer) = ctx.input(|input| (input.raw.dropped_files.clone(), input.pointer.latest_pos()));
        let (scripts, photos): (Vec<_>, Vec<_>) =
            files.iter().map(|file| file.path().to_owned()).partition(|path| is_script(path));
        if let Some(script) = scripts.into_iter().next() {
            self.open_dropped_script(script);
        }
        if self.doc.is_some() && !photos.is_empty() {
            self.dropped = Some(Dropped { photos, since: Instant::now(), pointer_then: pointer });
        }
        let Some(dropped) = &self.dropped else { return };
        let moved = pointer != dropped.pointer_then;
        let target = pointer.and_then(|at| self.panel_state.entity_at(at));
        if !moved && target.is_none() && dropped.since.elapsed() < DROP_GRACE {
            ctx.request_repaint_after(DROP_GRACE);
            return;
        }
        let Some(Dropped { mut photos, .. }) = self.dropped.take() else { return };
        match target {
            Some((kind, name)) if photos.len() == 1 => {
                if let Some(photo) = photos.pop() {
                    self.commands.push(Command::ImportPhoto(kind, name, photo));
                }
            }
            _ => self.dialog = Some(Dialog::WhoIsIt(photos)),
        }
    }

    /// The second half of a frame: everything that is drawn.
    pub fn draw(&mut self, ui: &mut Ui) {
        let mut cx = Cx {
            doc: self.doc.as_ref(),
            theme: theme::Theme::of(ui),
            stills: &mut self.stills,
            clips: &mut self.clips,
            viewer: &mut self.viewer,
            selection: &self.selection,
            also: &self.also,
            writing: self.writing.as_ref(),
            revising: self.revising.as_ref(),
            remarks: &self.remarks.findings,
            has_ignored: !self.remembered.ignored_remarks.is_empty(),
            coming: &self.coming,
            rendering: &self.rendering,
            farm: self.farm.as_ref(),
            exporting: self.exporting,
            jobs: &self.jobs,
            player: &self.player,
            registry: &self.registry,
            cache: &self.cache,
            device: &self.device,
            dialog: self.dialog.as_ref(),
            notice: self.notice.as_ref(),
            recent: &self.remembered.recent,
            writer: self.remembered.writer.as_deref(),
            own_writers: &self.own_writers.list,
            scene_count: self.remembered.scene_count,
            writing_settings: &self.remembered.writing,
            zoom: &mut self.remembered.timeline_zoom,
            state: &mut self.panel_state,
            out: &mut self.commands,
        };
        panels::window_ui(ui, &mut cx, &mut self.remembered.layout);
        if !self.commands.is_empty() || self.stills.has_asked() || self.clips.has_asked() {
            // The commands are carried out before the next frame is drawn.
            ui.ctx().request_repaint();
        }
    }

    /// Whether a shortcut means its command now, or its key is somebody else's.
    fn is_applicable(&self, named: Named) -> bool {
        match named {
            // Dialogs and menus close with the same key.
            Named::SelectOne => {
                let closes =
                    self.panel_state.compare.is_some() || self.panel_state.is_looking() || !self.also.is_empty();
                closes && self.dialog.is_none() && !egui::Popup::is_any_open(&self.ctx)
            }
            // The storyboard is not in view while takes are compared: no key may change it unseen.
            Named::Undo | Named::Redo | Named::CompareTakes => true,
            named if self.panel_state.compare.is_some() => {
                matches!(named.entry().menu, command::Menu::File | command::Menu::View)
            }
            _ => true,
        }
    }

    /// The command that a key stands for: in the strip of takes, the keys of frames and scenes are about takes.
    fn meant_by(&self, named: Named) -> Named {
        match named {
            Named::StepBack if self.panel_state.takes_focused => Named::PreviousTake,
            Named::StepForward if self.panel_state.takes_focused => Named::NextTake,
            Named::DeleteScene if self.panel_state.takes_focused => Named::DeleteTake,
            other => other,
        }
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    pub(super) fn selected_scene(&self) -> Option<SceneId> {
        match &self.selection {
            Selection::Scene(id) => Some(*id),
            _ => None,
        }
    }

    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// The window's clock, in seconds.
    pub(super) fn now(&self) -> f64 {
        self.ctx.input(|input| input.time)
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.step(ctx);
        // A killed window still knows the projects that it had open.
        if std::mem::take(&mut self.remember_now)
            && let Some(storage) = frame.storage_mut()
        {
            eframe::set_value(storage, eframe::APP_KEY, &self.remembered);
            storage.flush();
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, eframe::APP_KEY, &self.remembered);
    }

    fn on_exit(&mut self) {
        self.doc = None;
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}
