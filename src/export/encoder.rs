//! The H.264 encoder of the FFmpeg libraries that this program runs with.

use super::yuv::Yuv420;
use ffmpeg_next::{self as ffmpeg, Dictionary, Packet, Rational, codec, encoder, format, frame, util};
use std::sync::Once;

/// The encoder that makes films. Others exist for H.264, but every one makes other frames of the same input.
pub(super) const ENCODER_NAME: &str = "libx264";

/// H.264 encoders that FFmpeg may carry; the first one is used, the others only tell what a machine has.
const KNOWN: [&str; 6] = [ENCODER_NAME, "libopenh264", "h264_nvenc", "h264_vaapi", "h264_qsv", "h264_videotoolbox"];

/// Threads of the encoder, the same on every machine, because the bytes of a film depend on it.
const THREADS: usize = 6;

/// Whether an H.264 encoder can be used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncoderInfo {
    /// FFmpeg's name for it.
    pub name: &'static str,
    /// FFmpeg was built with it. That does not mean that it works: hardware encoders also need a driver.
    pub listed: bool,
    /// It could be opened for a small picture.
    pub opens: bool,
    /// Films are made with it.
    pub used: bool,
}

/// Which H.264 encoders can be used here, found by opening each.
pub fn probe_encoders() -> Vec<EncoderInfo> {
    init();
    let opens = |name| open(name, &VideoSettings { width: 256, height: 144, fps: 24, crf: 20, preset: "fast" }).is_ok();
    KNOWN
        .map(|name| {
            let listed = encoder::find_by_name(name).is_some();
            EncoderInfo { name, listed, opens: listed && opens(name), used: name == ENCODER_NAME }
        })
        .into()
}

/// What the encoder must know.
#[derive(Debug, Clone, Copy)]
pub(super) struct VideoSettings {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub crf: u8,
    pub preset: &'static str,
}

/// Prepares FFmpeg, and keeps it and libx264 off the standard error unless the log is at debug level.
pub(super) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // It only fails when FFmpeg 4 was compiled without what we link to.
        if let Err(error) = ffmpeg::init() {
            log::error!("ffmpeg does not start: {error}");
        }
        let verbose = log::max_level() >= log::LevelFilter::Debug;
        util::log::set_level(if verbose { util::log::Level::Verbose } else { util::log::Level::Quiet });
    });
}

/// An encoder that takes one picture after the other, and hands out packets that count time in frames.
pub(super) struct VideoEncoder {
    encoder: encoder::Video,
    sent: i64,
}

fn open(name: &str, settings: &VideoSettings) -> Result<encoder::Video, ffmpeg::Error> {
    let found = encoder::find_by_name(name).ok_or(ffmpeg::Error::EncoderNotFound)?;
    let mut context = codec::Context::new_with_codec(found);
    // MP4 keeps the codec's headers once, in front; bit-exact leaves versions and dates out.
    context.set_flags(codec::Flags::GLOBAL_HEADER | codec::Flags::BITEXACT);
    context.set_threading(codec::threading::Config::count(THREADS));
    let mut video = context.encoder().video()?;
    video.set_width(settings.width);
    video.set_height(settings.height);
    video.set_aspect_ratio(Rational(1, 1));
    video.set_format(format::Pixel::YUV420P);
    video.set_time_base(Rational(1, settings.fps as i32));
    video.set_frame_rate(Some(Rational(settings.fps as i32, 1)));
    // A whole picture every two seconds lets a player jump anywhere at once.
    video.set_gop(settings.fps * 2);
    video.set_colorspace(util::color::Space::BT709);
    video.set_color_primaries(util::color::Primaries::BT709);
    video.set_color_transfer_characteristic(util::color::TransferCharacteristic::BT709);
    video.set_color_range(util::color::Range::MPEG);
    let mut options = Dictionary::new();
    options.set("preset", settings.preset);
    options.set("crf", &settings.crf.to_string());
    if name == ENCODER_NAME {
        // The same bytes on every processor.
        options.set("x264-params", "cpu-independent=1");
    }
    video.open_with(options)
}

impl VideoEncoder {
    pub fn open(settings: &VideoSettings) -> Result<Self, ffmpeg::Error> {
        Ok(Self { encoder: open(ENCODER_NAME, settings)?, sent: 0 })
    }

    /// For the stream that takes the packets.
    pub fn parameters(&self) -> codec::Parameters {
        codec::Parameters::from(&self.encoder)
    }

    /// The unit of the packets' times: one frame.
    pub fn time_base(&self) -> Rational {
        self.encoder.time_base()
    }

    /// Hands over the next picture.
    pub fn send(&mut self, picture: &Yuv420) -> Result<(), ffmpeg::Error> {
        // A new frame each time: the encoder may still hold the one before.
        let mut frame = frame::Video::new(format::Pixel::YUV420P, picture.width as u32, picture.height as u32);
        for (index, plane) in picture.planes.iter().enumerate() {
            let width = if index == 0 { picture.width } else { picture.width / 2 };
            let stride = frame.stride(index);
            for (row, samples) in frame.data_mut(index).chunks_mut(stride).zip(plane.chunks_exact(width)) {
                row[..width].copy_from_slice(samples);
            }
        }
        frame.set_pts(Some(self.sent));
        frame.set_color_space(util::color::Space::BT709);
        frame.set_color_primaries(util::color::Primaries::BT709);
        frame.set_color_transfer_characteristic(util::color::TransferCharacteristic::BT709);
        frame.set_color_range(util::color::Range::MPEG);
        self.encoder.send_frame(&frame)?;
        self.sent += 1;
        Ok(())
    }

    /// Says that there are no more pictures.
    pub fn send_end(&mut self) -> Result<(), ffmpeg::Error> {
        self.encoder.send_eof()
    }

    /// The next packet, or `None` until more pictures come (or for good, after the end).
    pub fn receive(&mut self) -> Result<Option<Packet>, ffmpeg::Error> {
        let mut packet = Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => {
                packet.set_duration(1);
                Ok(Some(packet))
            }
            Err(ffmpeg::Error::Eof) => Ok(None),
            Err(ffmpeg::Error::Other { errno }) if errno == util::error::EAGAIN => Ok(None),
            Err(error) => Err(error),
        }
    }
}
