//! A frame between two frames of a clip, drawn at the size of the clip.

use super::PreviewTarget;
use super::compositor::{OnTheWay, PreviewError};
use super::pipelines::{BetweenUniform, Effect, uniform_buffer};

/// The picture of a frame between two others, and what it is drawn with. Used again for the next frame of its size.
#[derive(Debug)]
pub(super) struct FrameBetween {
    target: PreviewTarget,
    blocks: wgpu::Texture,
    uniform: wgpu::Buffer,
    /// The picture, as the camera binds it.
    still: wgpu::BindGroup,
}

impl FrameBetween {
    /// `old` if it has this size of a picture and of blocks.
    pub fn reused(
        old: Option<Self>,
        device: &wgpu::Device,
        still_layout: &wgpu::BindGroupLayout,
        size: [u32; 2],
        way: &OnTheWay<'_>,
    ) -> Result<Self, PreviewError> {
        let rows = (way.blocks.len() as u32).checked_div(way.columns).unwrap_or(0);
        let (blocks, most) = ([way.columns, rows], device.limits().max_texture_dimension_2d);
        if blocks.contains(&0) || blocks.iter().any(|side| *side > most) || way.next.dimensions() != size.into() {
            return Err(PreviewError::Blocks { columns: way.columns, rows });
        }
        if let Some(old) = old
            && old.target.size() == size
            && [old.blocks.width(), old.blocks.height()] == blocks
        {
            return Ok(old);
        }
        let target = PreviewTarget::new(device, size);
        let still = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame between"),
            layout: still_layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(target.view()),
            }],
        });
        let blocks = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("moving blocks"),
            size: wgpu::Extent3d { width: blocks[0], height: blocks[1], depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        Ok(Self { target, blocks, uniform: uniform_buffer::<BetweenUniform>(device, "frame between"), still })
    }

    /// Draws the frame between `first` and `second`, and gives what the camera binds.
    pub fn draw(
        &self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        effect: &Effect,
        [first, second]: [&wgpu::TextureView; 2],
        way: &OnTheWay<'_>,
    ) -> &wgpu::BindGroup {
        queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&BetweenUniform { t: way.t, block: way.block_side }));
        let values: Vec<[f32; 4]> = way.blocks.iter().map(|[x, y, trust]| [*x, *y, *trust, 0.0]).collect();
        let rows =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(way.columns * 16), rows_per_image: None };
        queue.write_texture(self.blocks.as_image_copy(), bytemuck::cast_slice(&values), rows, self.blocks.size());
        let blocks = self.blocks.create_view(&wgpu::TextureViewDescriptor::default());
        let view = |binding, view| wgpu::BindGroupEntry { binding, resource: wgpu::BindingResource::TextureView(view) };
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame between"),
            layout: &effect.layout(0),
            entries: &[
                view(0, first),
                view(1, second),
                view(2, &blocks),
                wgpu::BindGroupEntry { binding: 3, resource: self.uniform.as_entire_binding() },
            ],
        });
        effect.draw(encoder, self.target.view(), &[&bind_group]);
        &self.still
    }
}
