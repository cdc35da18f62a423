// Shows the part of a still that the camera sees.
//
// CPU twin: src/draft/camera_move.rs; tests/shaders.rs holds the two together. Sampling is done by hand because the
// bilinear filter of graphics hardware weighs with 8 bits or fewer, which would be visible between the two.

// Kept in sync with `CameraUniform` in src/preview/compositor.rs.
struct Camera {
    // Centre of the view, in units of the still's width and height.
    center: vec2f,
    // Pixels of the picture.
    target_size: vec2f,
    // Side of the view, in the same units as its centre.
    extent: f32,
}

@group(0) @binding(0) var still: texture_2d<f32>;
@group(1) @binding(0) var<uniform> camera: Camera;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    // One triangle that covers the picture.
    let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4f(corner * 2.0 - 1.0, 0.0, 1.0);
}

fn texel(at: vec2i) -> vec4f {
    let last = vec2i(textureDimensions(still)) - 1;
    return textureLoad(still, clamp(at, vec2i(0), last), 0);
}

@fragment
fn fragment(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    // `pixel` is the centre of the pixel, 0.5 at the first.
    let uv = camera.center + (pixel.xy / camera.target_size - 0.5) * camera.extent;
    let position = uv * vec2f(textureDimensions(still)) - 0.5;
    let corner = floor(position);
    let share = position - corner;
    let at = vec2i(corner);
    let upper = mix(texel(at), texel(at + vec2i(1, 0)), share.x);
    let lower = mix(texel(at + vec2i(0, 1)), texel(at + vec2i(1, 1)), share.x);
    return mix(upper, lower, share.y);
}
