//! The film's picture at the playhead, composed on the GPU.

use super::clips::{ClipFrame, Clips, clip_of};
use super::document::Document;
use super::stills::Stills;
use crate::export::Visible;
use crate::preview::{Compositor, Dissolve, OnTheWay, PreviewTarget, Shot};
use crate::project::{Format, MediaName, View};
use crate::video::MovingBlocks;
use eframe::egui_wgpu::RenderState;
use egui::{TextureId, Vec2};
use image::RgbaImage;
use std::sync::Arc;

/// Memory for stills on the GPU, in bytes.
const STILL_BUDGET: u64 = 192 << 20;

/// What the picture was composed of, so that an unchanged one is not composed again.
type Composed = ([u32; 2], Vec<(u64, [u32; 4])>, u32);

/// Composes what the player shows on the window's own graphics device.
pub struct Viewer {
    gpu: Option<Gpu>,
}

struct Gpu {
    state: RenderState,
    compositor: Compositor,
    target: Option<(PreviewTarget, TextureId)>,
    composed: Option<Composed>,
}

impl Viewer {
    /// `state` is the window's device; without one, thumbnails stand in for the composed picture.
    pub fn new(state: Option<RenderState>) -> Self {
        let gpu = state.map(|state| Gpu {
            compositor: Compositor::new(&state.device, STILL_BUDGET),
            state,
            target: None,
            composed: None,
        });
        Self { gpu }
    }

    /// The graphics device, for the status line.
    pub fn device_name(&self) -> String {
        match &self.gpu {
            Some(gpu) => {
                let info = gpu.state.adapter.get_info();
                match info.device_type {
                    wgpu::DeviceType::Cpu => "drawn by the processor".to_owned(),
                    _ => info.name,
                }
            }
            None => "no graphics device".to_owned(),
        }
    }

    /// Forgets what was composed.
    pub fn clear(&mut self) {
        if let Some(gpu) = &mut self.gpu {
            gpu.composed = None;
        }
    }

    /// Composes a frame of the film for a rectangle of so many pixels. `None` while its stills are still being drawn.
    pub fn render(
        &mut self,
        doc: &Document,
        stills: &mut Stills,
        clips: &Clips,
        visible: Visible,
        pixels: Vec2,
    ) -> Option<TextureId> {
        let gpu = self.gpu.as_mut()?;
        let format @ Format { smooth, .. } = doc.project().format;
        // More pixels than the film has show nothing more.
        let scale = (pixels.x / format.width as f32).min(1.0);
        let side = |n: u32| ((n as f32 * scale).round() as u32).max(2);
        let size = [side(format.width), side(format.height)];
        let scenes = &doc.project().scenes;
        let mut shown = |index: usize, t: f32| -> Option<Shown> {
            let scene = scenes.get(index)?;
            let Some(take) = clip_of(scene) else {
                let (key, picture) = stills.full(scene.id)?;
                return Some(Shown { key, picture: Picture::Still(picture), view: scene.camera.view_at(t) });
            };
            // A clip has its own movement: the camera stays where it is.
            let view = View::WHOLE;
            Some(match clips.shown(take, t, smooth) {
                Some(frame) => {
                    let way = frame.on_the_way.as_ref().map(|blocks| Way::new(&frame, blocks, &take.media));
                    Shown { key: frame.key(&take.media, 0), picture: Picture::Frame(frame, way), view }
                }
                // One of its frames stands in while it is decoded.
                None => {
                    let (key, picture) = stills.full(scene.id)?;
                    Shown { key, picture: Picture::Still(picture), view }
                }
            })
        };
        let incoming = shown(visible.scene, visible.t)?;
        let shot = incoming.shot();
        let from = visible.mix.and_then(|mix| shown(mix.scene, mix.t).map(|from| (mix, from)));
        let dissolve = from.as_ref().map(|(mix, from)| Dissolve { from: from.shot(), incoming: mix.incoming });
        let shots = dissolve.iter().map(|dissolve| &dissolve.from).chain([&shot]);
        let numbers = shots.map(|shot| {
            let [x, y] = shot.view.center;
            let on_the_way = shot.on_the_way.map_or(0.0, |way| way.t);
            (shot.key, [x, y, shot.view.extent, on_the_way].map(f32::to_bits))
        });
        let incoming = dissolve.as_ref().map_or(1.0, |dissolve| dissolve.incoming);
        let wanted: Composed = (size, numbers.collect(), incoming.to_bits());
        gpu.show(wanted, size, shot, dissolve)
    }
}

/// What one scene shows at a moment.
struct Shown {
    key: u64,
    picture: Picture,
    view: View,
}

enum Picture {
    Still(Arc<RgbaImage>),
    Frame(ClipFrame, Option<Way>),
}

/// How a frame of a clip is on its way to the next one, as a shader takes it.
struct Way {
    next_key: u64,
    t: f32,
    columns: u32,
    blocks: Vec<[f32; 3]>,
}

impl Way {
    fn new(frame: &ClipFrame, blocks: &MovingBlocks, media: &MediaName) -> Self {
        let columns = blocks.columns() as u32;
        Self { next_key: frame.key(media, 1), t: blocks.t(), columns, blocks: blocks.values().collect() }
    }
}

impl Shown {
    fn shot(&self) -> Shot<'_> {
        let (still, on_the_way): (&RgbaImage, _) = match &self.picture {
            Picture::Still(still) => (still, None),
            Picture::Frame(frame, way) => {
                let frames = frame.clip.frames();
                let on_the_way = way.as_ref().map(|way| OnTheWay {
                    key: way.next_key,
                    next: &frames[frame.index + 1],
                    t: way.t,
                    block_side: MovingBlocks::SIDE as f32,
                    columns: way.columns,
                    blocks: &way.blocks,
                });
                (&frames[frame.index], on_the_way)
            }
        };
        Shot { key: self.key, still, view: self.view, on_the_way }
    }
}

impl Gpu {
    fn show(
        &mut self,
        wanted: Composed,
        size: [u32; 2],
        shot: Shot<'_>,
        dissolve: Option<Dissolve<'_>>,
    ) -> Option<TextureId> {
        let (target, id) = match self.target.take() {
            Some((target, id)) if target.size() == size => self.target.insert((target, id)),
            old => {
                self.composed = None;
                let target = PreviewTarget::new(&self.state.device, size);
                let mut renderer = self.state.renderer.write();
                if let Some((_, id)) = old {
                    renderer.free_texture(&id);
                }
                let filter = wgpu::FilterMode::Linear;
                let id = renderer.register_native_texture(&self.state.device, target.view(), filter);
                drop(renderer);
                self.target.insert((target, id))
            }
        };
        if self.composed.as_ref() != Some(&wanted) {
            let (device, queue) = (&self.state.device, &self.state.queue);
            if let Err(error) = self.compositor.render(device, queue, target, shot, dissolve) {
                log::warn!("{error}");
                return None;
            }
            self.composed = Some(wanted);
        }
        Some(*id)
    }
}
