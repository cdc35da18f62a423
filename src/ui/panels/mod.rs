//! The parts of the window. Each draws from a read-only [`Cx`] and answers with commands.

mod cards;
mod cast;
mod clip_settings;
mod compare;
mod compute;
mod dialogs;
pub(super) mod farm;
mod format;
mod group;
mod inspector;
mod notice;
mod own_writers;
mod proposal;
mod queue;
mod recipe;
mod remarks;
mod revise;
mod scene_menu;
mod script;
mod settings;
mod start;
mod status;
mod studio;
mod takes;
mod timeline;
mod top_bar;
mod viewer;
mod writing;

pub(super) use compare::Compare;
pub(super) use queue::toggle_queue;

use super::app::{Notice, Selection, Writing};
use super::clips::Clips;
use super::command::{Command, Dialog, Named};
use super::document::Document;
use super::farm::Farm;
use super::rendering::{ComingPicture, Rendering};
use super::revise::{ReviseForm, Revising};
use super::scripts::ScriptForm;
use super::stills::Stills;
use super::theme::Theme;
use super::viewer::Viewer;
use super::writing::WritingSettings;
use crate::engine::{JobId, JobStatus, RenderId};
use crate::models::{ModelCache, OwnWriter, Registry};
use crate::preview::Player;
use crate::project::{EntityKind, Format, Scene, SceneId, TakeId};
use crate::writer::Finding;
use egui::{CentralPanel, Frame, Margin, Modifiers, Pos2, Rect, Ui};
use egui_tiles::{Container, SimplificationOptions, TileId, Tiles, Tree, UiResponse};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What panels see and where they put what they ask for.
pub(super) struct Cx<'a> {
    pub doc: Option<&'a Document>,
    pub theme: Theme,
    pub stills: &'a mut Stills,
    pub clips: &'a mut Clips,
    pub viewer: &'a mut Viewer,
    pub selection: &'a Selection,
    pub also: &'a [SceneId],
    pub writing: Option<&'a Writing>,
    pub revising: Option<&'a Revising>,
    /// What there is to remark on the film, but for what the user ignores.
    pub remarks: &'a [Finding],
    pub has_ignored: bool,
    pub coming: &'a HashMap<JobId, ComingPicture>,
    pub rendering: &'a Rendering,
    pub farm: Option<&'a Farm>,
    pub exporting: Option<JobId>,
    pub jobs: &'a [JobStatus],
    pub player: &'a Player,
    pub registry: &'a Registry,
    pub cache: &'a ModelCache,
    pub device: &'a str,
    pub dialog: Option<&'a Dialog>,
    pub notice: Option<&'a Notice>,
    pub recent: &'a [PathBuf],
    pub writer: Option<&'a str>,
    pub own_writers: &'a [OwnWriter],
    pub scene_count: Option<u32>,
    pub writing_settings: &'a WritingSettings,
    pub zoom: &'a mut f32,
    pub state: &'a mut State,
    pub out: &'a mut Vec<Command>,
}

impl Cx<'_> {
    pub fn send(&mut self, command: Command) {
        self.out.push(command);
    }

    pub fn run(&mut self, named: Named) {
        self.out.push(Command::Do(named));
    }

    pub fn job(&self, id: JobId) -> Option<&JobStatus> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Whether a studio makes noise. One that is no longer listed is not known to.
    pub fn is_random(&self, studio: &str) -> bool {
        let studio = self.registry.studio(studio);
        studio.and_then(|studio| self.registry.is_random(studio)).is_ok_and(|random| random)
    }

    pub fn is_selected(&self, id: SceneId) -> bool {
        *self.selection == Selection::Scene(id) || self.also.contains(&id)
    }

    /// The scenes that a card or a clip stands for when it is dragged or has its menu open: all selected ones, if it is one
    /// of them.
    pub fn meant_with(&self, id: SceneId) -> Vec<SceneId> {
        match self.selection {
            Selection::Scene(first) if self.is_selected(id) => self.also.iter().copied().chain([*first]).collect(),
            _ => vec![id],
        }
    }

    /// Selects a scene as the keys held say: alone, in addition, or with all between.
    pub fn select(&mut self, id: SceneId, held: Modifiers) {
        self.send(if held.shift {
            Command::SelectRange(id)
        } else if held.command {
            Command::ToggleScene(id)
        } else {
            Command::SelectScene(id)
        });
    }
}

/// What panels remember between frames and nobody else needs.
#[derive(Default)]
pub(super) struct State {
    /// The premise on the start screen.
    pub premise: String,
    /// A path typed into the open dialog.
    pub open_path: String,
    /// The script that is being opened or exported.
    pub script: ScriptForm,
    /// What is asked for before a revision, and what is rejected of it.
    pub revise: ReviseForm,
    /// A file or a server that is being typed in the list of writers.
    pub own_writer: own_writers::OwnWriterForm,
    pub export_path: String,
    pub export_height: u32,
    pub export_fps: u32,
    pub export_quality: crate::export::Quality,
    /// A name that is being typed for an entity: kind, the present name, the new one.
    pub rename: Option<(EntityKind, String, String)>,
    /// A name that is being typed to add an entity to the selected scene.
    pub new_entity: String,
    /// A name that is being typed to add a character or object to the cast.
    pub new_cast: String,
    /// Models whose terms the user has accepted.
    pub accepted_terms: BTreeSet<String>,
    /// A photo's path that is being typed or pasted.
    pub photo_path: String,
    /// The fields of the dialog for a cluster.
    pub farm: farm::FarmFields,
    /// The line of the queue that is being dragged.
    pub dragged_render: Option<RenderId>,
    /// The lines of the queue as they were drawn last.
    pub queue_lines: Vec<queue::Line>,
    /// The timeline shows the whole film from the next frame on.
    pub fit_timeline: bool,
    /// The take that the viewer shows, whatever the film uses.
    looked_at: Option<(SceneId, TakeId)>,
    /// Whether a take in the strip has the keyboard.
    pub takes_focused: bool,
    /// The keyboard shall go to the take that is looked at now.
    pub takes_moved: bool,
    /// The takes that are compared in place of the panels.
    pub compare: Option<Compare>,
    /// The size and frame rate in their dialog.
    pub format: Format,
    /// The prompt field takes the keyboard on the next frame.
    pub focus_prompt: bool,
    /// Where entities were drawn in the last frame, for files dropped on them.
    pub entity_rects: Vec<(Rect, EntityKind, String)>,
}

impl State {
    /// The take of a scene that is looked at, if it is not just the one that the film uses.
    pub fn looked_at(&self, scene: &Scene) -> Option<TakeId> {
        let (id, take) = self.looked_at?;
        (id == scene.id && scene.chosen != Some(take) && scene.take(take).is_some()).then_some(take)
    }

    pub fn look_at(&mut self, scene: SceneId, take: TakeId) {
        self.looked_at = Some((scene, take));
    }

    pub fn is_looking(&self) -> bool {
        self.looked_at.is_some()
    }

    /// Shows what the film uses again. Whether something else was shown.
    pub fn stop_looking(&mut self) -> bool {
        self.looked_at.take().is_some()
    }

    /// The entity at a place in the window.
    pub fn entity_at(&self, at: Pos2) -> Option<(EntityKind, String)> {
        let found = self.entity_rects.iter().rev().find(|(rect, ..)| rect.contains(at));
        found.map(|(_, kind, name)| (*kind, name.clone()))
    }

    /// Fills the export dialog in. What the user chose before stays.
    pub fn prepare_export(&mut self, folder: &Path, name: &str, format: Format) {
        if self.export_path.is_empty() {
            let beside = folder.parent().unwrap_or(folder);
            self.export_path = beside.join(format!("{name}.mp4")).to_string_lossy().into_owned();
            self.export_height = format.height;
            self.export_fps = format.fps;
        }
    }
}

/// A part of the window that can be resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pane {
    Cast,
    Cards,
    Viewer,
    Inspector,
    Timeline,
}

/// The arrangement of a new window.
pub(super) fn default_layout() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let [cast, cards, viewer, inspector, timeline] =
        [Pane::Cast, Pane::Cards, Pane::Viewer, Pane::Inspector, Pane::Timeline].map(|pane| tiles.insert_pane(pane));
    let right = tiles.insert_vertical_tile(vec![viewer, inspector]);
    let middle = tiles.insert_horizontal_tile(vec![cast, cards, right]);
    let root = tiles.insert_vertical_tile(vec![middle, timeline]);
    let mut share = |container: TileId, shares: &[(TileId, f32)]| {
        if let Some(egui_tiles::Tile::Container(Container::Linear(linear))) = tiles.get_mut(container) {
            shares.iter().for_each(|(tile, share)| linear.shares.set_share(*tile, *share));
        }
    };
    share(root, &[(middle, 0.79), (timeline, 0.21)]);
    share(middle, &[(cast, 0.165), (cards, 0.525), (right, 0.31)]);
    share(right, &[(viewer, 0.53), (inspector, 0.47)]);
    Tree::new(egui::Id::unique("layout"), root, tiles)
}

struct Behavior<'a, 'b> {
    cx: &'a mut Cx<'b>,
}

impl egui_tiles::Behavior<Pane> for Behavior<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        let Some(doc) = self.cx.doc else { return UiResponse::None };
        let theme = self.cx.theme;
        let (fill, margin) = match pane {
            Pane::Cards => (theme.surface, Margin::ZERO),
            Pane::Timeline => (theme.surface, Margin::ZERO),
            Pane::Cast => (theme.panel, Margin::symmetric(0, 8)),
            Pane::Viewer | Pane::Inspector => (theme.panel, Margin::symmetric(12, 10)),
        };
        Frame::new().fill(fill).inner_margin(margin).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            match pane {
                Pane::Cast => cast::cast_ui(ui, self.cx, doc),
                Pane::Cards => cards::cards_ui(ui, self.cx, doc),
                Pane::Viewer => viewer::viewer_ui(ui, self.cx, doc),
                Pane::Inspector => inspector::inspector_ui(ui, self.cx, doc),
                Pane::Timeline => timeline::timeline_ui(ui, self.cx, doc),
            }
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> egui::WidgetText {
        format!("{pane:?}").into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions::OFF
    }

    fn min_size(&self) -> f32 {
        120.0
    }
}

/// The whole window.
pub(super) fn window_ui(ui: &mut Ui, cx: &mut Cx<'_>, layout: &mut Tree<Pane>) {
    cx.state.entity_rects.clear();
    cx.state.takes_focused = false;
    top_bar::top_bar_ui(ui, cx);
    queue::restored_ui(ui, cx);
    status::status_ui(ui, cx);
    notice::notice_ui(ui, cx);
    CentralPanel::default().frame(Frame::new().fill(cx.theme.surface)).show(ui, |ui| match cx.doc {
        None => start::start_ui(ui, cx),
        Some(doc) if cx.state.compare.is_some() => compare::compare_ui(ui, cx, doc),
        Some(_) => {
            layout.ui(&mut Behavior { cx }, ui);
        }
    });
    dialogs::dialogs_ui(ui, cx);
}
