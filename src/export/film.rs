//! Frames to an H.264 MP4.

use super::encoder::{self, VideoEncoder, VideoSettings};
use super::partial::PartialFile;
use super::yuv::Yuv420;
use crate::progress::{Cancelled, Progress};
use ffmpeg_next::{self as ffmpeg, Dictionary, Rational, codec, format};
use image::RgbaImage;
use std::io;
use std::path::PathBuf;

/// What the drawing of a frame may fail with. A boxed [`Cancelled`] ends the export as cancelled.
pub type FrameError = Box<dyn std::error::Error + Send + Sync>;

/// Largest width or height of a film, in pixels.
const MAX_SIDE: u32 = 8192;
/// Highest frame rate of a film.
const MAX_FPS: u32 = 240;

/// How a film is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// The file to write. An older one is replaced when the new one is complete.
    pub path: PathBuf,
    /// Pixels; even.
    pub width: u32,
    /// Pixels; even.
    pub height: u32,
    /// Frames per second.
    pub fps: u32,
    /// Looks against size and time.
    pub quality: Quality,
}

/// How much a film may lose to be small and quickly made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quality {
    /// For sending around: visibly softer.
    Small,
    /// Losses are hard to see.
    #[default]
    Standard,
    /// For further editing: several times the size, and slower.
    High,
}

/// A finished film.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExportReport {
    /// Frames in the film.
    pub frames: u64,
    /// Their duration.
    pub duration_secs: f64,
    /// Size of the file.
    pub bytes: u64,
}

/// Why there is no film. An older one of the same name is untouched.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ExportError {
    #[error("the film has no frames; add a scene first")]
    Empty,
    #[error("a film cannot be {width}×{height}; use even numbers from 16 to {MAX_SIDE}")]
    Size { width: u32, height: u32 },
    #[error("a film cannot have {fps} frames per second; use 1 to {MAX_FPS}")]
    Rate { fps: u32 },
    #[error("{} is not a file; name one to write, such as film.mp4", path.display())]
    TargetNotAFile { path: PathBuf },
    #[error("{} cannot be handed to FFmpeg because it is not valid UTF-8; choose another name", path.display())]
    TargetNotUtf8 { path: PathBuf },
    #[error("the folder {} does not exist; create it or choose another one", folder.display())]
    FolderMissing { folder: PathBuf },
    #[error("cannot write in the folder {}: {source}; choose another one", folder.display())]
    Create { folder: PathBuf, source: io::Error },
    #[error("{} is being written by another export; wait for it or choose another name", path.display())]
    Busy { path: PathBuf },
    #[error(
        "the disk is full: {} did not fit ({} written so far); free some space or choose another disk",
        path.display(), megabytes(*bytes_so_far)
    )]
    DiskFull { path: PathBuf, bytes_so_far: u64 },
    #[error(
        "FFmpeg has no working H.264 encoder here; install its full build with {} (Debian and Ubuntu: libavcodec-extra)",
        encoder::ENCODER_NAME
    )]
    NoEncoder { source: ffmpeg::Error },
    #[error("cannot draw frame {frame}: {source}")]
    Draw { frame: u64, source: FrameError },
    #[error("frame {frame} was drawn at {}×{} instead of {}×{}", drawn.0, drawn.1, wanted.0, wanted.1)]
    WrongSize { frame: u64, drawn: (u32, u32), wanted: (u32, u32) },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("FFmpeg cannot make {}: {source}; RUST_LOG=debug shows its own messages", path.display())]
    Codec { path: PathBuf, source: ffmpeg::Error },
    #[error("cannot give the finished film the name {}: {source}", path.display())]
    Rename { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Quality {
    /// From the smallest file to the best picture.
    pub const ALL: [Self; 3] = [Self::Small, Self::Standard, Self::High];

    /// As written on the command line and shown in the window.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Standard => "standard",
            Self::High => "high",
        }
    }

    fn crf_and_preset(self) -> (u8, &'static str) {
        match self {
            Self::Small => (26, "fast"),
            Self::Standard => (20, "fast"),
            Self::High => (15, "medium"),
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

impl ExportSettings {
    fn video(&self) -> Result<VideoSettings, ExportError> {
        let Self { width, height, fps, .. } = *self;
        let possible = |side: u32| (16..=MAX_SIDE).contains(&side) && side.is_multiple_of(2);
        if !possible(width) || !possible(height) {
            return Err(ExportError::Size { width, height });
        }
        if !(1..=MAX_FPS).contains(&fps) {
            return Err(ExportError::Rate { fps });
        }
        let (crf, preset) = self.quality.crf_and_preset();
        Ok(VideoSettings { width, height, fps, crf, preset })
    }
}

/// Writes a film of `total_frames` frames.
///
/// `draw` is called once for each frame in order, with a picture of the film's size to fill; what it held is the
/// frame before. Alpha is ignored. The film is H.264 in MP4 with a constant frame rate, BT.709 colours in limited
/// range, and its index in front, so that it plays while it loads. The same frames and settings give the same bytes.
///
/// It grows beside the target as `NAME.part`, which is removed when the export is cancelled or fails.
pub fn export_film(
    draw: &mut dyn FnMut(u64, &mut RgbaImage) -> Result<(), FrameError>,
    total_frames: u64,
    settings: &ExportSettings,
    progress: &dyn Progress,
) -> Result<ExportReport, ExportError> {
    if total_frames == 0 {
        return Err(ExportError::Empty);
    }
    let video = settings.video()?;
    encoder::init();
    let partial = PartialFile::create(&settings.path)?;
    progress.stage("encoding the film");
    progress.step(0, total_frames)?;

    let mut film = Film::open(&partial, &video)?;
    let mut picture = RgbaImage::new(video.width, video.height);
    let mut yuv = Yuv420::new(video.width as usize, video.height as usize);
    for frame in 0..total_frames {
        draw(frame, &mut picture).map_err(|source| match source.downcast::<Cancelled>() {
            Ok(cancelled) => ExportError::Cancelled(*cancelled),
            Err(source) => ExportError::Draw { frame, source },
        })?;
        if picture.dimensions() != (video.width, video.height) {
            let wanted = (video.width, video.height);
            return Err(ExportError::WrongSize { frame, drawn: picture.dimensions(), wanted });
        }
        yuv.fill_from(&picture);
        film.add(&yuv)?;
        progress.step(frame + 1, total_frames)?;
    }
    progress.stage("finishing the film");
    film.finish()?;
    // The last moment at which the older film can still be kept.
    progress.step(total_frames, total_frames)?;
    let bytes = partial.finish()?;
    let duration_secs = total_frames as f64 / f64::from(video.fps);
    Ok(ExportReport { frames: total_frames, duration_secs, bytes })
}

/// The encoder and the file that its packets go into.
struct Film<'a> {
    encoder: VideoEncoder,
    output: format::context::Output,
    stream_time_base: Rational,
    partial: &'a PartialFile,
}

impl<'a> Film<'a> {
    fn open(partial: &'a PartialFile, video: &VideoSettings) -> Result<Self, ExportError> {
        let encoder = VideoEncoder::open(video).map_err(|source| ExportError::NoEncoder { source })?;
        let failed = |source| partial.codec_error(source);
        let path = partial.path().to_str();
        let path = path.ok_or_else(|| ExportError::TargetNotUtf8 { path: partial.path().to_owned() })?;
        // Without the scheme, FFmpeg would take a colon in the name for one.
        let mut output = format::output_as(&format!("file:{path}"), "mp4").map_err(failed)?;
        let mut stream = output.add_stream(codec::Id::H264).map_err(failed)?;
        stream.set_parameters(encoder.parameters());
        stream.set_time_base(encoder.time_base());
        stream.set_avg_frame_rate(encoder.time_base().invert());
        let mut options = Dictionary::new();
        options.set("movflags", "+faststart");
        options.set("fflags", "+bitexact");
        output.write_header_with(options).map_err(failed)?;
        // The muxer chooses its own unit of time.
        let stream_time_base = output.stream(0).map_or(encoder.time_base(), |stream| stream.time_base());
        Ok(Self { encoder, output, stream_time_base, partial })
    }

    fn add(&mut self, picture: &Yuv420) -> Result<(), ExportError> {
        self.encoder.send(picture).map_err(|source| self.partial.codec_error(source))?;
        self.write_packets()
    }

    fn finish(mut self) -> Result<(), ExportError> {
        self.encoder.send_end().map_err(|source| self.partial.codec_error(source))?;
        self.write_packets()?;
        self.output.write_trailer().map_err(|source| self.partial.codec_error(source))
    }

    fn write_packets(&mut self) -> Result<(), ExportError> {
        while let Some(mut packet) = self.encoder.receive().map_err(|source| self.partial.codec_error(source))? {
            packet.set_stream(0);
            packet.rescale_ts(self.encoder.time_base(), self.stream_time_base);
            packet.write_interleaved(&mut self.output).map_err(|source| self.partial.codec_error(source))?;
        }
        Ok(())
    }
}
