//! One frame of the film on the GPU: a still seen by the camera, or two of them in a dissolve.

use super::PreviewTarget;
use super::pipelines::{CameraUniform, DissolveUniform, Effect, uniform_buffer};
use super::textures::StillTextures;
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
}

/// Draws frames of the film, and keeps the stills that they need on the GPU.
///
/// All calls must be made with the device that it was made for.
#[derive(Debug)]
pub struct Compositor {
    camera_move: Effect,
    dissolve: Effect,
    stills: StillTextures,
    still_layout: wgpu::BindGroupLayout,
    outgoing: Camera,
    incoming: Camera,
    share: wgpu::Buffer,
    /// The two shots of a dissolve, once there is one.
    between: Option<Between>,
}

/// Uniforms of one camera.
#[derive(Debug)]
struct Camera {
    buffer: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

/// Both shots of a dissolve at the size of the picture.
#[derive(Debug)]
struct Between {
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
            between: None,
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
        let size = target.size();
        let still = self.stills.bind_group(device, queue, &self.still_layout, shot.key, shot.still)?;
        self.incoming.set(queue, shot.view, size);
        match dissolve {
            None => self.camera_move.draw(&mut encoder, target.view(), &[&still, &self.incoming.bind_group]),
            Some(Dissolve { from, incoming }) => {
                let from_still = self.stills.bind_group(device, queue, &self.still_layout, from.key, from.still)?;
                self.outgoing.set(queue, from.view, size);
                let share = DissolveUniform { incoming: incoming.clamp(0.0, 1.0) };
                queue.write_buffer(&self.share, 0, bytemuck::bytes_of(&share));
                let between = match self.between.take() {
                    Some(between) if between.incoming.size() == size => between,
                    _ => Between::new(device, &self.dissolve, &self.share, size),
                };
                let camera_move = &self.camera_move;
                camera_move.draw(&mut encoder, between.outgoing.view(), &[&from_still, &self.outgoing.bind_group]);
                camera_move.draw(&mut encoder, between.incoming.view(), &[&still, &self.incoming.bind_group]);
                self.dissolve.draw(&mut encoder, target.view(), &[&between.bind_group]);
                self.between = Some(between);
            }
        }
        queue.submit([encoder.finish()]);
        Ok(())
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

impl Between {
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
