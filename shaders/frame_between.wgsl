// Draws a frame between two frames of a clip, along what moves through each block of it.
//
// CPU twin: src/video/interpolate/mod.rs; tests/shaders.rs holds the two together. Levels go from 0 to 255 here, as there.

// Kept in sync with `BetweenUniform` in src/preview/pipelines.rs.
struct Between {
    // How far it is from the first frame to the second, from 0 to 1.
    t: f32,
    // Sides of a block, in pixels.
    block: f32,
}

// Up to the first difference a pixel is the same in both frames, from the second one on another.
const SEEN_ALIKE = vec2f(32.0, 80.0);

@group(0) @binding(0) var first: texture_2d<f32>;
@group(0) @binding(1) var second: texture_2d<f32>;
// For each block the movement from the first frame to the second, in pixels, and how far it is trusted.
@group(0) @binding(2) var blocks: texture_2d<f32>;
@group(0) @binding(3) var<uniform> between: Between;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> @builtin(position) vec4f {
    // One triangle that covers the picture.
    let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4f(corner * 2.0 - 1.0, 0.0, 1.0);
}

// The colour at a place between pixels, and how far it is inside of the picture.
fn sample(picture: texture_2d<f32>, at: vec2f) -> vec4f {
    let last = vec2f(textureDimensions(picture)) - 1.0;
    let on = clamp(at, vec2f(0.0), last);
    let inside = max(1.0 - abs(at - on), vec2f(0.0));
    let corner = vec2i(on);
    let end = min(corner + 1, vec2i(last));
    let share = on - vec2f(corner);
    let upper = mix(textureLoad(picture, corner, 0).rgb, textureLoad(picture, vec2i(end.x, corner.y), 0).rgb, share.x);
    let lower = mix(textureLoad(picture, vec2i(corner.x, end.y), 0).rgb, textureLoad(picture, end, 0).rgb, share.x);
    return vec4f(255.0 * mix(upper, lower, share.y), inside.x * inside.y);
}

// What a block gives a pixel, weighed by how far it is trusted there, which comes last.
fn moved(pixel: vec2f, block: vec3f) -> vec4f {
    let a = sample(first, pixel - between.t * block.xy);
    let b = sample(second, pixel + (1.0 - between.t) * block.xy);
    var shares = vec2f((1.0 - between.t) * a.w, between.t * b.w);
    // What only one of the frames has comes from that one.
    if shares.x + shares.y < 1e-3 {
        shares = vec2f(1.0 - between.t, between.t);
    }
    let difference = abs(a.rgb - b.rgb);
    let apart = max(difference.r, max(difference.g, difference.b)) * a.w * b.w;
    let alike = 1.0 - clamp((apart - SEEN_ALIKE.x) / (SEEN_ALIKE.y - SEEN_ALIKE.x), 0.0, 1.0);
    let trust = block.z * alike;
    return vec4f(trust * (shares.x * a.rgb + shares.y * b.rgb) / (shares.x + shares.y), trust);
}

@fragment
fn fragment(@builtin(position) position: vec4f) -> @location(0) vec4f {
    let pixel = floor(position.xy);
    // The four blocks around the pixel, and how much each counts.
    let place = (pixel + 0.5) / between.block - 0.5;
    let before = floor(place);
    let over = place - before;
    let last = vec2f(textureDimensions(blocks)) - 1.0;
    let start = vec2i(clamp(before, vec2f(0.0), last));
    let end = vec2i(clamp(before + 1.0, vec2f(0.0), last));
    let upper_left = textureLoad(blocks, start, 0).xyz;
    let upper_right = textureLoad(blocks, vec2i(end.x, start.y), 0).xyz;
    let lower_left = textureLoad(blocks, vec2i(start.x, end.y), 0).xyz;
    let lower_right = textureLoad(blocks, end, 0).xyz;
    let shares = vec4f((1.0 - over.x) * (1.0 - over.y), over.x * (1.0 - over.y), (1.0 - over.x) * over.y, over.x * over.y);

    var sum: vec4f;
    let is_one = all(upper_left.xy == upper_right.xy) && all(upper_left.xy == lower_left.xy)
        && all(upper_left.xy == lower_right.xy);
    if is_one {
        // Blocks that move alike are one block.
        let trust = dot(shares, vec4f(upper_left.z, upper_right.z, lower_left.z, lower_right.z));
        sum = moved(pixel, vec3f(upper_left.xy, trust));
    } else {
        sum = shares.x * moved(pixel, upper_left) + shares.y * moved(pixel, upper_right)
            + shares.z * moved(pixel, lower_left) + shares.w * moved(pixel, lower_right);
    }
    let untrusted = 1.0 - sum.w;
    var colour = sum.rgb;
    if untrusted > 0.0 {
        let at = vec2i(pixel);
        let mixed = mix(textureLoad(first, at, 0).rgb, textureLoad(second, at, 0).rgb, between.t);
        colour += untrusted * 255.0 * mixed;
    }
    return vec4f(colour / 255.0, 1.0);
}
