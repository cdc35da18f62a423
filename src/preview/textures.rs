//! Stills on the GPU, as many as fit into a budget.

use super::PreviewError;
use image::RgbaImage;
use std::collections::HashMap;

/// The most recently used stills, by a key that the caller gives to each content.
#[derive(Debug)]
pub(super) struct StillTextures {
    budget_bytes: u64,
    used_bytes: u64,
    entries: HashMap<u64, Entry>,
    /// Counts uses, so that each entry knows when it was last used.
    clock: u64,
}

/// A still on the GPU.
#[derive(Debug, Clone)]
pub(super) struct StillTexture {
    pub view: wgpu::TextureView,
    /// As the camera's shader binds it.
    pub bind_group: wgpu::BindGroup,
}

#[derive(Debug)]
struct Entry {
    size: (u32, u32),
    texture: StillTexture,
    last_used: u64,
}

impl Entry {
    fn bytes(&self) -> u64 {
        u64::from(self.size.0) * u64::from(self.size.1) * 4
    }
}

impl StillTextures {
    pub fn new(budget_bytes: u64) -> Self {
        Self { budget_bytes, used_bytes: 0, entries: HashMap::new(), clock: 0 }
    }

    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The still of this key. Uploads it when it is not there, and then drops the ones that
    /// were not used for longest until all fit; the budget holds except that this one always stays.
    pub fn get(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        layout: &wgpu::BindGroupLayout,
        key: u64,
        still: &RgbaImage,
    ) -> Result<StillTexture, PreviewError> {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.size == still.dimensions()
        {
            entry.last_used = self.clock;
            return Ok(entry.texture.clone());
        }
        let texture = upload(device, queue, layout, still)?;
        let entry = Entry { size: still.dimensions(), texture: texture.clone(), last_used: self.clock };
        self.used_bytes += entry.bytes();
        if let Some(replaced) = self.entries.insert(key, entry) {
            self.used_bytes -= replaced.bytes();
        }
        self.shrink();
        Ok(texture)
    }

    fn shrink(&mut self) {
        while self.used_bytes > self.budget_bytes && self.entries.len() > 1 {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_used).map(|(key, _)| *key);
            match oldest.and_then(|key| self.entries.remove(&key)) {
                Some(dropped) => self.used_bytes -= dropped.bytes(),
                None => return,
            }
        }
    }
}

fn upload(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    layout: &wgpu::BindGroupLayout,
    still: &RgbaImage,
) -> Result<StillTexture, PreviewError> {
    let (width, height) = still.dimensions();
    let max_side = device.limits().max_texture_dimension_2d;
    if width.min(height) == 0 || width.max(height) > max_side {
        return Err(PreviewError::StillSize { width, height, max_side });
    }
    let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("still"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: super::PreviewTarget::FORMAT,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let rows = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: None };
    queue.write_texture(texture.as_image_copy(), still.as_raw(), rows, size);
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("still"),
        layout,
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view) }],
    });
    Ok(StillTexture { view, bind_group })
}
