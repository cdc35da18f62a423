//! Reading a user's photo.

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::{Cursor, Read};
use std::path::Path;

/// The longest side of a photo, in pixels.
pub const MAX_SIDE: u32 = 16_384;
/// The most pixels in a photo.
pub const MAX_PIXELS: u64 = 100_000_000;
/// The shortest side of a photo, in pixels.
pub const MIN_SIDE: u32 = 16;
/// The largest photo file that is read at all.
pub const MAX_FILE_BYTES: u64 = 512 << 20;

/// Room for the largest photo at 16 bits a channel, and for the decoder's own tables.
const MAX_DECODER_BYTES: u64 = MAX_PIXELS * 8 + (64 << 20);

/// Why a photo could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The file could not be opened or read.
    #[error("{file}: cannot read the photo: {source}")]
    Read {
        /// The photo's name.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in the file.
    #[error("{file}: the file is empty; choose a PNG, JPEG or WebP photo")]
    Empty {
        /// The photo's name.
        file: String,
    },
    /// The file is no picture of a kind that can be read.
    #[error("{file}: this is {what}; choose a PNG, JPEG or WebP photo")]
    NotAPhoto {
        /// The photo's name.
        file: String,
        /// What it is instead, as far as its first bytes tell.
        what: &'static str,
    },
    /// The file has too many bytes.
    #[error("{file}: the file has {} MB, the limit is {} MB; save a smaller copy and use that", .bytes >> 20, MAX_FILE_BYTES >> 20)]
    TooManyBytes {
        /// The photo's name.
        file: String,
        /// The size of the file.
        bytes: u64,
    },
    /// The picture has too many pixels. Nothing was decoded.
    #[error(
        "{file}: the photo has {width} × {height} pixels, the limit is {} megapixels and {MAX_SIDE} on a side; \
         save a smaller copy and use that", MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// The photo's name.
        file: String,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The picture has too few pixels to show anything.
    #[error(
        "{file}: the photo has {width} × {height} pixels, at least {MIN_SIDE} on each side are needed; choose a larger one"
    )]
    TooSmall {
        /// The photo's name.
        file: String,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// The file ends before the picture does.
    #[error("{file}: the photo is cut off before its end; copy it again from where it came from")]
    Truncated {
        /// The photo's name.
        file: String,
    },
    /// The file is of a known kind, but its contents make no sense.
    #[error("{file}: the photo is damaged ({reason}); copy it again from where it came from")]
    Damaged {
        /// The photo's name.
        file: String,
        /// What the decoder said.
        reason: String,
    },
}

/// Reads the bytes of the photo at `path`, for [`read_photo`].
pub fn read_photo_file(path: &Path) -> Result<Vec<u8>, PhotoError> {
    let file = path.display().to_string();
    let failed = |source| PhotoError::Read { file: file.clone(), source };
    let opened = std::fs::File::open(path).map_err(failed)?;
    let bytes = opened.metadata().map_err(failed)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(PhotoError::TooManyBytes { file, bytes });
    }
    let mut contents = Vec::with_capacity(bytes as usize);
    // A pipe or a growing file has no length that can be trusted.
    opened.take(MAX_FILE_BYTES).read_to_end(&mut contents).map_err(failed)?;
    Ok(contents)
}

/// Decodes a PNG, JPEG or WebP photo, upright whatever its EXIF orientation, as 8-bit RGB or, if it has transparency,
/// as 8-bit RGBA (no other variant is returned).
///
/// `file` is the name for messages. The size is checked before a pixel is decoded.
pub fn read_photo(file: &str, bytes: &[u8]) -> Result<DynamicImage, PhotoError> {
    let file = || file.to_owned();
    if bytes.is_empty() {
        return Err(PhotoError::Empty { file: file() });
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP)) => format,
        _ => return Err(PhotoError::NotAPhoto { file: file(), what: kind_of(bytes) }),
    };
    let failed = |error: ImageError| {
        if is_cut_off(format, bytes) {
            return PhotoError::Truncated { file: file() };
        }
        // Some decoders' messages have several lines.
        let reason = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        PhotoError::Damaged { file: file(), reason }
    };

    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PhotoError::TooLarge { file: file(), width, height });
    }
    if width < MIN_SIDE || height < MIN_SIDE {
        return Err(PhotoError::TooSmall { file: file(), width, height });
    }
    // The JPEG and WebP decoders fill up what is missing and say nothing. A PNG that lacks only its end mark is whole.
    if format != ImageFormat::Png && is_cut_off(format, bytes) {
        return Err(PhotoError::Truncated { file: file() });
    }

    // Damaged metadata is no reason to refuse a picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut photo = DynamicImage::from_decoder(decoder).map_err(failed)?;
    photo.apply_orientation(orientation);
    Ok(match photo {
        photo @ (DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_)) => photo,
        photo if photo.color().has_alpha() => photo.into_rgba8().into(),
        photo => photo.into_rgb8().into(),
    })
}

/// What a file that is no photo seems to be.
fn kind_of(bytes: &[u8]) -> &'static str {
    let brand = bytes.get(4..8).filter(|kind| *kind == b"ftyp").and(bytes.get(8..12));
    match brand {
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1") => return "a HEIC picture",
        Some(b"avif" | b"avis") => return "an AVIF picture",
        Some(_) => return "a video",
        None => {}
    }
    let starts: [(&[u8], &str); 10] = [
        (b"GIF8", "a GIF picture"),
        (b"BM", "a BMP picture"),
        (b"II*\0", "a TIFF or raw picture"),
        (b"MM\0*", "a TIFF or raw picture"),
        (b"8BPS", "a Photoshop document"),
        (b"%PDF", "a PDF document"),
        (b"\xff\x0a", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
        (b"PK\x03\x04", "a zip archive or an office document"),
        (b"\x1a\x45\xdf\xa3", "a video"),
    ];
    if let Some((_, what)) = starts.iter().find(|(start, _)| bytes.starts_with(start)) {
        return what;
    }
    let head = &bytes[..bytes.len().min(512)];
    if head.windows(4).any(|window| window == b"<svg") { "an SVG drawing" } else { "not a picture" }
}

/// Whether a file ends before its own marks say that it does.
fn is_cut_off(format: ImageFormat, bytes: &[u8]) -> bool {
    match format {
        ImageFormat::Png => !png_has_its_end(bytes),
        ImageFormat::WebP => {
            let length = bytes.get(4..8).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
            length.is_none_or(|length| u64::from(length) + 8 > bytes.len() as u64)
        }
        _ => !jpeg_has_its_end(bytes),
    }
}

/// Whether a PNG file's chunks go on to the one named IEND.
fn png_has_its_end(bytes: &[u8]) -> bool {
    let mut at = 8usize;
    while let Some([a, b, c, d, name @ ..]) = bytes.get(at..at.saturating_add(8)) {
        if name == b"IEND" {
            return true;
        }
        // Length, name and checksum stand around the data.
        at = at.saturating_add(12).saturating_add(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
    }
    false
}

/// Whether a JPEG file goes on to its end marker. Bytes after it (many phones append a film) do not matter.
fn jpeg_has_its_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) {
        at += found + 1;
        match bytes.get(at) {
            Some(0xd9) => return true,
            // Fill bytes, data bytes that happen to be FF, restart marks.
            Some(0xff) => {}
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            // A segment, whose length leads to the next one or to the data of a scan.
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(&[high, low]) => at += 1 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            None => return false,
        }
    }
    false
}
