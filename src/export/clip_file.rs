//! Clips as files: FFV1 in Matroska, which gives back the very pixels that went in.
//!
//! Every frame stands alone and carries checksums. The same frames and rate give the same bytes with the same FFmpeg, so
//! that a clip can be named by its content.

use super::encoder;
use ffmpeg_next::{self as ffmpeg, Dictionary, Packet, Rational, codec, format, frame, media, util};
use image::RgbImage;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The ending of a clip's file name, without the dot.
pub const CLIP_EXTENSION: &str = "mkv";

/// FFmpeg's name for the codec.
const CODEC: &str = "ffv1";
/// Blue, green, red and an unused byte: the form of 8-bit RGB that FFV1 takes.
const PIXELS: format::Pixel = format::Pixel::BGRZ;
/// Highest frame rate of a clip.
const MAX_FPS: u32 = 240;

/// Why there is no clip.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ClipFileError {
    #[error("a clip without frames cannot be written")]
    NoFrames,
    #[error("frame {frame} is {}×{} in a clip of {}×{}", found.0, found.1, clip.0, clip.1)]
    Size { frame: usize, found: (u32, u32), clip: (u32, u32) },
    #[error("a clip cannot have {fps} frames per second; use 1 to {MAX_FPS}")]
    Rate { fps: u32 },
    #[error("FFmpeg has no working FFV1 codec here; install its full build (Debian and Ubuntu: libavcodec-extra)")]
    NoCodec { source: ffmpeg::Error },
    #[error("FFmpeg cannot write the clip: {source}")]
    Write { source: ffmpeg::Error },
    #[error("it is no clip that can be read: {source}")]
    Unreadable { source: ffmpeg::Error },
    #[error("it has no FFV1 video of 8-bit RGB in it")]
    OtherVideo,
    #[error("frame {frame} is damaged: {source}")]
    Damaged { frame: usize, source: ffmpeg::Error },
    #[error("it is incomplete: {found} of {expected} frames are there")]
    Incomplete { found: usize, expected: usize },
}

/// The bytes of a clip's file.
///
/// # Errors
/// When there is no frame, when they differ in size, or when FFmpeg fails.
pub fn clip_bytes(frames: &[RgbImage], fps: u32) -> Result<Vec<u8>, ClipFileError> {
    let clip = frames.first().ok_or(ClipFileError::NoFrames)?.dimensions();
    if let Some((frame, odd)) = frames.iter().enumerate().find(|(_, frame)| frame.dimensions() != clip) {
        return Err(ClipFileError::Size { frame, found: odd.dimensions(), clip });
    }
    if !(1..=MAX_FPS).contains(&fps) {
        return Err(ClipFileError::Rate { fps });
    }
    encoder::init();
    let mut encoder = open_encoder(clip, fps).map_err(|source| ClipFileError::NoCodec { source })?;
    let file = SharedBytes::default();
    write(&mut encoder, frames, file.clone()).map_err(|source| ClipFileError::Write { source })?;
    Ok(std::mem::take(&mut *file.bytes()).into_inner())
}

fn open_encoder((width, height): (u32, u32), fps: u32) -> Result<codec::encoder::Video, ffmpeg::Error> {
    let found = codec::encoder::find_by_name(CODEC).ok_or(ffmpeg::Error::EncoderNotFound)?;
    let mut context = codec::Context::new_with_codec(found);
    // Matroska keeps the codec's settings once, in front; bit-exact leaves versions out.
    context.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
    context.set_threading(codec::threading::Config::count(1));
    let mut video = context.encoder().video()?;
    video.set_width(width);
    video.set_height(height);
    video.set_aspect_ratio(Rational(1, 1));
    video.set_format(PIXELS);
    video.set_time_base(Rational(1, fps as i32));
    video.set_frame_rate(Some(Rational(fps as i32, 1)));
    video.set_gop(1);
    video.set_colorspace(util::color::Space::RGB);
    video.set_color_range(util::color::Range::JPEG);
    let mut options = Dictionary::new();
    // Version 3 of the format, the first with checksums; range coding.
    options.set("level", "3");
    options.set("slicecrc", "1");
    options.set("coder", "1");
    video.open_with(options)
}

fn write(encoder: &mut codec::encoder::Video, frames: &[RgbImage], file: SharedBytes) -> Result<(), ffmpeg::Error> {
    let mut output =
        format::output_to_stream(format::context::StreamIo::from_write_seek(file)?, None, Some("matroska"))?;
    let mut stream = output.add_stream(codec::Id::FFV1)?;
    stream.set_parameters(codec::Parameters::from(&*encoder));
    stream.set_time_base(encoder.time_base());
    stream.set_avg_frame_rate(encoder.time_base().invert());
    let mut options = Dictionary::new();
    // Without it there would be a random number in the file.
    options.set("fflags", "+bitexact");
    output.write_header_with(options)?;
    for (index, picture) in frames.iter().enumerate() {
        let mut pixels = frame::Video::new(PIXELS, picture.width(), picture.height());
        let stride = pixels.stride(0);
        let row_bytes = picture.width() as usize * 3;
        for (to, from) in pixels.data_mut(0).chunks_mut(stride).zip(picture.as_raw().chunks_exact(row_bytes)) {
            for (bgr, rgb) in to.as_chunks_mut::<4>().0.iter_mut().zip(from.as_chunks::<3>().0) {
                *bgr = [rgb[2], rgb[1], rgb[0], 0];
            }
        }
        pixels.set_pts(Some(index as i64));
        encoder.send_frame(&pixels)?;
        write_packets(encoder, &mut output)?;
    }
    encoder.send_eof()?;
    write_packets(encoder, &mut output)?;
    output.write_trailer()
}

fn write_packets(
    encoder: &mut codec::encoder::Video,
    output: &mut format::context::Output,
) -> Result<(), ffmpeg::Error> {
    let unit = output.stream(0).map_or(encoder.time_base(), |stream| stream.time_base());
    let mut packet = Packet::empty();
    while let Some(()) = unless_done(encoder.receive_packet(&mut packet))? {
        packet.set_stream(0);
        packet.set_duration(1);
        packet.rescale_ts(encoder.time_base(), unit);
        packet.write_interleaved(output)?;
    }
    Ok(())
}

/// `None` where the codec wants more, or has given all.
fn unless_done<T>(result: Result<T, ffmpeg::Error>) -> Result<Option<T>, ffmpeg::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ffmpeg::Error::Eof) => Ok(None),
        Err(ffmpeg::Error::Other { errno }) if errno == util::error::EAGAIN => Ok(None),
        Err(error) => Err(error),
    }
}

/// The frames of a clip's file, as they went in.
///
/// # Errors
/// When the bytes are something else, damaged, or end too early.
pub fn clip_frames(bytes: Vec<u8>) -> Result<Vec<RgbImage>, ClipFileError> {
    encoder::init();
    let unreadable = |source| ClipFileError::Unreadable { source };
    let io = format::context::StreamIo::from_read_seek(Cursor::new(bytes)).map_err(unreadable)?;
    let mut input = format::input_from_stream(io, Some("clip.mkv"), None).map_err(unreadable)?;
    let stream = input.streams().best(media::Type::Video).ok_or(ClipFileError::OtherVideo)?;
    let (index, rate) = (stream.index(), stream.avg_frame_rate());
    let context = codec::Context::from_parameters(stream.parameters()).map_err(unreadable)?;
    if context.id() != codec::Id::FFV1 {
        return Err(ClipFileError::OtherVideo);
    }
    // Matroska counts milliseconds: the nearest whole number of frames is the right one.
    let duration_secs = input.duration() as f64 / f64::from(ffmpeg::ffi::AV_TIME_BASE);
    let expected = (duration_secs * f64::from(rate)).round().max(1.0) as usize;
    let mut decoder = context.decoder().video().map_err(|source| ClipFileError::NoCodec { source })?;
    let mut frames = Vec::new();
    let mut packet = Packet::empty();
    loop {
        match packet.read(&mut input) {
            Ok(()) if packet.stream() != index => continue,
            Ok(()) => {}
            Err(ffmpeg::Error::Eof) => break,
            Err(source) => return Err(ClipFileError::Damaged { frame: frames.len(), source }),
        }
        if packet.is_corrupt() {
            return Err(ClipFileError::Damaged { frame: frames.len(), source: ffmpeg::Error::InvalidData });
        }
        let frame = frames.len();
        decoder.send_packet(&packet).map_err(|source| ClipFileError::Damaged { frame, source })?;
        receive(&mut decoder, &mut frames)?;
    }
    decoder.send_eof().map_err(|source| ClipFileError::Damaged { frame: frames.len(), source })?;
    receive(&mut decoder, &mut frames)?;
    if frames.len() != expected {
        return Err(ClipFileError::Incomplete { found: frames.len(), expected });
    }
    Ok(frames)
}

fn receive(decoder: &mut ffmpeg::decoder::Video, frames: &mut Vec<RgbImage>) -> Result<(), ClipFileError> {
    let mut pixels = frame::Video::empty();
    let damaged = |frame: usize| move |source| ClipFileError::Damaged { frame, source };
    while let Some(()) = unless_done(decoder.receive_frame(&mut pixels)).map_err(damaged(frames.len()))? {
        if pixels.format() != PIXELS {
            return Err(ClipFileError::OtherVideo);
        }
        let (width, height, stride) = (pixels.width(), pixels.height(), pixels.stride(0));
        let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
        for row in pixels.data(0).chunks(stride).take(height as usize) {
            for [b, g, r, _] in &row.as_chunks::<4>().0[..width as usize] {
                rgb.extend([*r, *g, *b]);
            }
        }
        frames.push(RgbImage::from_raw(width, height, rgb).expect("as many pixels as the frame has"));
    }
    Ok(())
}

/// Bytes that FFmpeg writes to while we hold them too.
#[derive(Clone, Default)]
struct SharedBytes(Arc<Mutex<Cursor<Vec<u8>>>>);

impl SharedBytes {
    fn bytes(&self) -> MutexGuard<'_, Cursor<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for SharedBytes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for SharedBytes {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.bytes().seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of noise, which no lossy codec would give back.
    fn frames(count: u32, width: u32, height: u32) -> Vec<RgbImage> {
        let mut state = 7u32;
        let mut level = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..count).map(|_| RgbImage::from_fn(width, height, |_, _| image::Rgb([level(), level(), level()]))).collect()
    }

    #[test]
    fn a_clip_reads_back_to_the_very_frames_and_is_the_same_bytes_each_time() {
        for (count, width, height, fps) in [(1, 128, 80, 8), (8, 128, 80, 8), (16, 51, 33, 24), (3, 16, 8, 1)] {
            let frames = frames(count, width, height);
            let bytes = clip_bytes(&frames, fps).unwrap();
            assert_eq!(clip_bytes(&frames, fps).unwrap(), bytes);
            assert!(clip_frames(bytes).unwrap() == frames, "{count} frames of {width}×{height} at {fps}");
        }
    }

    #[test]
    fn a_clip_cut_short_anywhere_is_an_error() {
        let bytes = clip_bytes(&frames(6, 64, 48), 8).unwrap();
        for share in [0.0, 0.001, 0.1, 0.5, 0.9, 0.95] {
            let end = (bytes.len() as f64 * share) as usize;
            let error = clip_frames(bytes[..end].to_vec()).unwrap_err();
            assert!(!matches!(error, ClipFileError::OtherVideo | ClipFileError::NoCodec { .. }), "{share}: {error}");
        }
    }

    #[test]
    fn other_files_and_other_frames_are_refused() {
        assert!(matches!(clip_frames(b"not a clip".to_vec()), Err(ClipFileError::Unreadable { .. })));
        assert!(matches!(clip_bytes(&[], 8), Err(ClipFileError::NoFrames)));
        assert!(matches!(clip_bytes(&frames(1, 8, 8), 0), Err(ClipFileError::Rate { fps: 0 })));
        let mut odd = frames(2, 16, 16);
        odd[1] = RgbImage::new(16, 8);
        assert!(matches!(clip_bytes(&odd, 8), Err(ClipFileError::Size { frame: 1, .. })));
    }
}
