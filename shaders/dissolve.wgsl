// Mixes two pictures of the same size, pixel by pixel, in the gamma space that they are stored in.
//
// CPU twin: src/draft/dissolve.rs; tests/shaders.rs holds the two together.

// Kept in sync with `DissolveUniform` in src/preview/compositor.rs.
struct Dissolve {
    // Share of the picture that comes in.
    incoming: f32,
}

@group(0) @binding(0) var outgoing_picture: texture_2d<f32>;
@group(0) @binding(1) var incoming_picture: texture_2d<f32>;
@group(0) @binding(2) var<uniform> dissolve: Dissolve;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    // One triangle that covers the picture.
    let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4f(corner * 2.0 - 1.0, 0.0, 1.0);
}

@fragment
fn fragment(@builtin(position) pixel: vec4f) -> @location(0) vec4f {
    let at = vec2i(pixel.xy);
    return mix(textureLoad(outgoing_picture, at, 0), textureLoad(incoming_picture, at, 0), dissolve.incoming);
}
