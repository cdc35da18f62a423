//! The parts of the window. Each draws from a read-only [`Cx`] and answers with commands.

mod cards;
mod cast;
mod clip_settings;
mod compute;
mod dialogs;
pub(super) mod farm;
mod inspector;
mod notice;
mod queue;
mod script;
mod start;
mod status;
mod studio;
mod timeline;
mod top_bar;
mod viewer;
mod writing;

pub(super) use queue::toggle_queue;

use super::app::{Notice, Selection, Writing};
use super::clips::Clips;
use super::command::{Command, Dialog, Named};
use super::document::Document;
use super::farm::Farm;
use super::rendering::{ComingPicture, Rendering};
use super::scripts::ScriptForm;
use super::stills::Stills;
use super::theme::Theme;
use super::viewer::Viewer;
use super::writing::WritingSettings;
use crate::engine::{JobId, JobStatus, RenderId};
use crate::models::{ModelCache, Registry};
use crate::preview::Player;
use crate::project::{EntityKind, Format, SceneId};
use egui::{CentralPanel, Frame, Margin, Pos2, Rect, Ui};
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
    pub writing: Option<&'a Writing>,
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
        *self.selection == Selection::Scene(id)
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
    /// The timeline shows the whole film from the next frame on.
    pub fit_timeline: bool,
    /// The prompt field takes the keyboard on the next frame.
    pub focus_prompt: bool,
    /// Where entities were drawn in the last frame, for files dropped on them.
    pub entity_rects: Vec<(Rect, EntityKind, String)>,
}

impl State {
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
    share(middle, &[(cast, 0.17), (cards, 0.535), (right, 0.295)]);
    share(right, &[(viewer, 0.44), (inspector, 0.56)]);
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
    top_bar::top_bar_ui(ui, cx);
    queue::restored_ui(ui, cx);
    status::status_ui(ui, cx);
    notice::notice_ui(ui, cx);
    CentralPanel::default().frame(Frame::new().fill(cx.theme.surface)).show(ui, |ui| {
        if cx.doc.is_some() {
            layout.ui(&mut Behavior { cx }, ui);
        } else {
            start::start_ui(ui, cx);
        }
    });
    dialogs::dialogs_ui(ui, cx);
}
