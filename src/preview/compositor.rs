//! One frame of the film on the GPU: a still seen by the camera, or two of them in a dissolve.

use super::PreviewTarget;
use super::between::FrameBetween;
use super::pipelines::{CameraUniform, DissolveUniform, Effect, uniform_buffer};
use super::textures::{StillTexture, StillTextures};
use crate::project::View;
use image::RgbaImage;

/// A still and the part of it that the camera sees.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    /// Stands for the content of the still: another picture needs another key, the same one should keep it.
    pub key: u64,
    /// Opaque, of the film's aspect ratio.
    pub still: &'a RgbaImage,
    /// Where the camera is.
    pub view: View,
    /// Shows a frame between the still and another one in place of the still.
    pub on_the_way: Option<OnTheWay<'a>>,
}

/// How a frame of a clip is on its way to the next one.
#[derive(Debug, Clone, Copy)]
pub struct OnTheWay<'a> {
    /// Stands for the content of the next frame, as [`Shot::key`].
    pub key: u64,
    /// The next frame, of the size of the first one.
    pub next: &'a RgbaImage,
    /// How far it is, from 0 to 1.
    pub t: f32,
    /// Sides of a block, in pixels.
    pub block_side: f32,
    /// Blocks in a row.
    pub columns: u32,
    /// Each block, row by row: what moves through it from the first frame to the next, in pixels, and how far that is
    /// trusted, from 0 to 1.
    pub blocks: &'a [[f32; 3]],
}

/// The shot that a dissolve leaves behind.
#[derive(Debug, Clone, Copy)]
pub struct Dissolve<'a> {
    /// The shot that goes out.
    pub from: Shot<'a>,
    /// Share of the shot that comes in, from 0 to 1.
    pub incoming: f32,
}

/// Why a frame cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PreviewError {
    #[error("a still of {width}×{height} cannot be shown; this graphics driver takes 1 to {max_side} pixels a side")]
    StillSize { width: u32, height: u32, max_side: u32 },
    #[error("the picture cannot be read back from the graphics driver: {reason}")]
    Read { reason: String },
    #[error("a frame between two cannot be drawn from {columns}×{rows} blocks, or not between frames of two sizes")]
    Blocks { columns: u32, rows: u32 },
}

/// Draws frames of the film, and keeps the stills that they need on the GPU.
///
/// All calls must be made with the device that it was made for.
#[derive(Debug)]
pub struct Compositor {
    camera_move: Effect,
    dissolve: Effect,
    frame_between: Effect,
    stills: StillTextures,
    still_layout: wgpu::BindGroupLayout,
    outgoing: Camera,
    incoming: Camera,
    share: wgpu::Buffer,
    /// The two shots of a dissolve, once there is one.
    halves: Option<Halves>,
    /// Frames between two of the shot that goes out and of the one that comes in, once there are any.
    frames: [Option<FrameBetween>; 2],
}

/// Uniforms of one camera.
#[derive(Debug)]
struct Camera {
    buffer: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

/// Both shots of a dissolve at the size of the picture.
#[derive(Debug)]
struct Halves {
    outgoing: PreviewTarget,
    incoming: PreviewTarget,
    bind_group: wgpu::BindGroup,
}

impl Compositor {
    /// Compiles the shaders. `still_budget_bytes` bounds the memory for stills; beyond it, those that were not shown
    /// for longest are dropped and uploaded again when needed.
    pub fn new(device: &wgpu::Device, still_budget_bytes: u64) -> Self {
        let camera_move = Effect::camera_move(device);
        let dissolve = Effect::dissolve(device);
        let camera_layout = camera_move.layout(1);
        Self {
            stills: StillTextures::new(still_budget_bytes),
            still_layout: camera_move.layout(0),
            outgoing: Camera::new(device, &camera_layout),
            incoming: Camera::new(device, &camera_layout),
            share: uniform_buffer::<DissolveUniform>(device, "dissolve"),
            halves: None,
            frames: [None, None],
            frame_between: Effect::frame_between(device),
            camera_move,
            dissolve,
        }
    }

    /// Draws a frame into `target`: one shot, or a dissolve to it from another one.
    pub fn render(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        target: &PreviewTarget,
        shot: Shot<'_>,
        dissolve: Option<Dissolve<'_>>,
    ) -> Result<(), PreviewError> {
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("preview") });
        let gpu = (device, queue);
        let size = target.size();
        let still = self.still(gpu, &mut encoder, 1, shot)?;
        self.incoming.set(queue, shot.view, size);
        match dissolve {
            None => self.camera_move.draw(&mut encoder, target.view(), &[&still, &self.incoming.bind_group]),
            Some(Dissolve { from, incoming }) => {
                let from_still = self.still(gpu, &mut encoder, 0, from)?;
                self.outgoing.set(queue, from.view, size);
                let share = DissolveUniform { incoming: incoming.clamp(0.0, 1.0) };
                queue.write_buffer(&self.share, 0, bytemuck::bytes_of(&share));
                let halves = match self.halves.take() {
                    Some(halves) if halves.incoming.size() == size => halves,
                    _ => Halves::new(device, &self.dissolve, &self.share, size),
                };
                let camera_move = &self.camera_move;
                camera_move.draw(&mut encoder, halves.outgoing.view(), &[&from_still, &self.outgoing.bind_group]);
                camera_move.draw(&mut encoder, halves.incoming.view(), &[&still, &self.incoming.bind_group]);
                self.dissolve.draw(&mut encoder, target.view(), &[&halves.bind_group]);
                self.halves = Some(halves);
            }
        }
        queue.submit([encoder.finish()]);
        Ok(())
    }

    /// What the camera looks at: the still of a shot, or a frame between two, drawn into the picture at `place`.
    fn still(
        &mut self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        place: usize,
        shot: Shot<'_>,
    ) -> Result<wgpu::BindGroup, PreviewError> {
        let StillTexture { view, bind_group } =
            self.stills.get(device, queue, &self.still_layout, shot.key, shot.still)?;
        let Some(way) = shot.on_the_way else { return Ok(bind_group) };
        let next = self.stills.get(device, queue, &self.still_layout, way.key, way.next)?;
        let old = self.frames[place].take();
        let frame = FrameBetween::reused(old, device, &self.still_layout, shot.still.dimensions().into(), &way)?;
        let views = [&view, &next.view];
        let drawn = frame.draw((device, queue), encoder, &self.frame_between, views, &way).clone();
        self.frames[place] = Some(frame);
        Ok(drawn)
    }

    /// Memory that the stills on the GPU take.
    pub fn still_bytes(&self) -> u64 {
        self.stills.used_bytes()
    }

    /// How many stills are on the GPU.
    pub fn still_count(&self) -> usize {
        self.stills.len()
    }
}

impl Camera {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let buffer = uniform_buffer::<CameraUniform>(device, "camera");
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("camera"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        Self { buffer, bind_group }
    }

    fn set(&self, queue: &wgpu::Queue, view: View, size: [u32; 2]) {
        let target_size = size.map(|side| side as f32);
        let uniform = CameraUniform { center: view.center, target_size, extent: view.extent, unused: 0.0 };
        queue.write_buffer(&self.buffer, 0, bytemuck::bytes_of(&uniform));
    }
}

impl Halves {
    fn new(device: &wgpu::Device, dissolve: &Effect, share: &wgpu::Buffer, size: [u32; 2]) -> Self {
        let (outgoing, incoming) = (PreviewTarget::new(device, size), PreviewTarget::new(device, size));
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("dissolve"),
            layout: &dissolve.layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(outgoing.view()) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(incoming.view()) },
                wgpu::BindGroupEntry { binding: 2, resource: share.as_entire_binding() },
            ],
        });
        Self { outgoing, incoming, bind_group }
    }
}
