//! The compiled shaders and what they bind.

use super::PreviewTarget;
use bytemuck::{Pod, Zeroable};

/// Kept in sync with `Camera` in shaders/camera_move.wgsl.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct CameraUniform {
    pub center: [f32; 2],
    pub target_size: [f32; 2],
    pub extent: f32,
    /// The shader's struct ends on a multiple of 8 bytes.
    pub unused: f32,
}

/// Kept in sync with `Dissolve` in shaders/dissolve.wgsl.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct DissolveUniform {
    pub incoming: f32,
}

/// Kept in sync with `Between` in shaders/frame_between.wgsl.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct BetweenUniform {
    pub t: f32,
    pub block: f32,
}

/// A shader that fills a picture, and the layouts of its bind groups.
#[derive(Debug)]
pub(super) struct Effect {
    pipeline: wgpu::RenderPipeline,
}

impl Effect {
    pub fn camera_move(device: &wgpu::Device) -> Self {
        Self::new(device, "camera move", include_str!("../../shaders/camera_move.wgsl"))
    }

    pub fn dissolve(device: &wgpu::Device) -> Self {
        Self::new(device, "dissolve", include_str!("../../shaders/dissolve.wgsl"))
    }

    pub fn frame_between(device: &wgpu::Device) -> Self {
        Self::new(device, "frame between", include_str!("../../shaders/frame_between.wgsl"))
    }

    fn new(device: &wgpu::Device, label: &str, wgsl: &str) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(label),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("fragment"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(PreviewTarget::FORMAT.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Self { pipeline }
    }

    pub fn layout(&self, group: u32) -> wgpu::BindGroupLayout {
        self.pipeline.get_bind_group_layout(group)
    }

    /// Fills `target`.
    pub fn draw(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::TextureView, groups: &[&wgpu::BindGroup]) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: None,
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: target,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Store },
            })],
            depth_stencil_attachment: None,
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        });
        pass.set_pipeline(&self.pipeline);
        for (index, group) in (0..).zip(groups) {
            pass.set_bind_group(index, *group, &[]);
        }
        pass.draw(0..3, 0..1);
    }
}

/// A uniform buffer of one `T`.
pub(super) fn uniform_buffer<T>(device: &wgpu::Device, label: &str) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size_of::<T>() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
