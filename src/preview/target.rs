//! The texture that a picture is drawn into.

use super::PreviewError;
use image::RgbaImage;

/// A picture on the GPU, for the window to show.
///
/// Its texture stays the same until its size changes. Whoever registered the texture somewhere compares
/// [`PreviewTarget::generation`] and registers the new one.
#[derive(Debug)]
pub struct PreviewTarget {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
    generation: u64,
}

impl PreviewTarget {
    /// 8 bits per channel, holding gamma values as they are in picture files; egui wants its textures so, too.
    pub const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

    /// A transparent picture of a size in pixels.
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let (texture, view) = create(device, size);
        Self { texture, view, generation: 0 }
    }

    /// What to register with the window's renderer.
    pub fn view(&self) -> &wgpu::TextureView {
        &self.view
    }

    /// Width and height in pixels.
    pub fn size(&self) -> [u32; 2] {
        [self.texture.width(), self.texture.height()]
    }

    /// Grows by one whenever the texture is replaced.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Gives the picture a size; another one than before replaces the texture. Returns whether it did.
    pub fn resize(&mut self, device: &wgpu::Device, size: [u32; 2]) -> bool {
        if possible(device, size) == self.size() {
            return false;
        }
        (self.texture, self.view) = create(device, size);
        self.generation += 1;
        true
    }

    /// Copies the picture back. This waits for the GPU: for tests and stills, not for every frame.
    pub fn read(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> Result<RgbaImage, PreviewError> {
        let [width, height] = self.size();
        // Rows of a copy start at multiples of 256 bytes.
        let stride = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture readback"),
            size: u64::from(stride) * u64::from(height),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(stride), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            self.texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            self.texture.size(),
        );
        queue.submit([encoder.finish()]);
        buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        let lost = |error: String| PreviewError::Read { reason: error };
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(error.to_string()))?;
        let mapped = buffer.get_mapped_range(..).map_err(|error| lost(error.to_string()))?;
        let rows = mapped.chunks_exact(stride as usize).flat_map(|row| &row[..width as usize * 4]);
        let bytes = rows.copied().collect();
        RgbaImage::from_raw(width, height, bytes).ok_or_else(|| lost("too few bytes".to_owned()))
    }
}

/// The nearest size that a texture can have.
fn possible(device: &wgpu::Device, size: [u32; 2]) -> [u32; 2] {
    size.map(|side| side.clamp(1, device.limits().max_texture_dimension_2d))
}

fn create(device: &wgpu::Device, size: [u32; 2]) -> (wgpu::Texture, wgpu::TextureView) {
    let [width, height] = possible(device, size);
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: PreviewTarget::FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT
            | wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    (texture, view)
}
