//! Photos that users drop on an entity, good and bad.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use image::{DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use reelboard::image::{PhotoError, read_photo, read_photo_file};
use std::io::Cursor;

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 + y) as u8, (y * 5) as u8, (x * y) as u8]))
}

fn encoded(photo: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    photo.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn message(bytes: &[u8]) -> String {
    read_photo("dog.jpg", bytes).expect_err("a photo that cannot be used").to_string()
}

/// A PNG of this size as its header says, and hardly any data.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(photo(32, 32), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = !0u32;
    for byte in &bytes[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

/// A JPEG of this size as its header says, and hardly any data.
fn jpeg_that_claims(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = encoded(photo(32, 32), ImageFormat::Jpeg);
    let frame = bytes.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn png_jpeg_and_webp_photos_are_read() {
    let original = photo(40, 30);
    for (format, lossless) in [(ImageFormat::Png, true), (ImageFormat::WebP, true), (ImageFormat::Jpeg, false)] {
        let read = read_photo("dog", &encoded(original.clone(), format)).unwrap();
        let DynamicImage::ImageRgb8(read) = read else { panic!("an opaque photo is RGB") };
        assert_eq!(read.dimensions(), (40, 30));
        assert!(!lossless || read == original, "{format:?}");
    }
}

#[test]
fn every_kind_of_pixel_becomes_eight_bits_a_channel() {
    let grey: DynamicImage = GrayImage::from_fn(20, 20, |x, _| image::Luma([x as u8])).into();
    let clear: DynamicImage = RgbaImage::from_fn(20, 20, |x, _| Rgba([9, 9, 9, x as u8])).into();
    let deep = DynamicImage::ImageRgb16(DynamicImage::from(photo(20, 20)).into_rgb16());
    for (picture, alpha) in [(grey, false), (clear, true), (deep, false)] {
        let read = read_photo("a.png", &encoded(picture, ImageFormat::Png)).unwrap();
        assert!(matches!((&read, alpha), (DynamicImage::ImageRgb8(_), false) | (DynamicImage::ImageRgba8(_), true)));
    }
}

#[test]
fn a_photo_taken_with_the_phone_held_upright_stands_upright() {
    // EXIF in big-endian order, with one entry: the orientation, 6, "turn right to show".
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let lying = photo(40, 30);
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif.clone()).unwrap();
    encoder.write_image(lying.as_raw(), 40, 30, ExtendedColorType::Rgb8).unwrap();
    let upright = read_photo("phone.png", &bytes).unwrap().into_rgb8();
    assert_eq!(upright.dimensions(), (30, 40));
    assert_eq!(upright, image::imageops::rotate90(&lying));

    let mut bytes = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.write_image(lying.as_raw(), 40, 30, ExtendedColorType::Rgb8).unwrap();
    assert_eq!(read_photo("phone.jpg", &bytes).unwrap().into_rgb8().dimensions(), (30, 40));
}

#[test]
fn a_huge_photo_is_refused_before_it_is_decoded() {
    // There is no data for these pixels, so decoding them would give another message.
    let large = "the limit is 100 megapixels and 16384 on a side; save a smaller copy and use that";
    for bytes in [png_that_claims(20_000, 20_000), jpeg_that_claims(20_000, 20_000)] {
        assert_eq!(message(&bytes), format!("dog.jpg: the photo has 20000 × 20000 pixels, {large}"));
    }
    assert!(message(&png_that_claims(16_385, 20)).contains(large));
    assert!(message(&png_that_claims(12_000, 9_000)).contains(large));
    // Within the limits: what is wrong with this one is the missing data.
    assert!(message(&png_that_claims(1_000, 900)).contains("the photo is damaged"));
}

#[test]
fn a_tiny_photo_is_refused() {
    for (width, height) in [(1, 1), (15, 400), (400, 15)] {
        let bytes = encoded(photo(width, height), ImageFormat::Png);
        let expected = format!(
            "dog.jpg: the photo has {width} × {height} pixels, at least 16 on each side are needed; choose a larger one"
        );
        assert_eq!(message(&bytes), expected);
    }
    assert!(read_photo("a.png", &encoded(photo(16, 16), ImageFormat::Png)).is_ok());
}

#[test]
fn a_photo_that_is_cut_off_anywhere_is_refused() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(photo(64, 48), format);
        // The last twelve bytes of a PNG are its end mark, after the last pixel.
        let tail = if format == ImageFormat::Png { 12 } else { 0 };
        for length in 12..bytes.len() - tail {
            let error = read_photo("a", &bytes[..length]).err().map(|error| error.to_string());
            let named = error.as_ref().is_some_and(|error| error.contains("the photo is cut off before its end"));
            assert!(named, "{format:?} cut at {length}: {error:?}");
        }
    }
    let half = encoded(photo(64, 48), ImageFormat::Jpeg);
    assert_eq!(
        message(&half[..half.len() / 2]),
        "dog.jpg: the photo is cut off before its end; copy it again from where it came from"
    );
}

#[test]
fn a_photo_with_a_film_appended_is_read() {
    let mut bytes = encoded(photo(64, 48), ImageFormat::Jpeg);
    bytes.extend_from_slice(b"\0\0\0\x18ftypmp42 and so on");
    assert!(read_photo("motion.jpg", &bytes).is_ok());
}

#[test]
fn a_damaged_photo_is_refused() {
    let mut bytes = encoded(photo(64, 48), ImageFormat::Png);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    assert!(matches!(read_photo("a.png", &bytes), Err(PhotoError::Damaged { .. })));
}

#[test]
fn a_file_that_is_no_photo_is_named_for_what_it_is() {
    let choose = "choose a PNG, JPEG or WebP photo";
    assert_eq!(message(b""), format!("dog.jpg: the file is empty; {choose}"));
    for (bytes, what) in [
        (&b"Dear diary, today I took no photo."[..], "not a picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "a video"),
        (b"GIF89a......", "a GIF picture"),
        (b"%PDF-1.7 ....", "a PDF document"),
        (b"<?xml version=\"1.0\"?><svg xmlns", "an SVG drawing"),
    ] {
        assert_eq!(message(bytes), format!("dog.jpg: this is {what}; {choose}"));
    }
}

#[test]
fn a_photo_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.png");
    let text = read_photo_file(&path).unwrap_err().to_string();
    assert!(text.starts_with(&format!("{}: cannot read the photo: ", path.display())), "{text}");

    let bytes = encoded(photo(20, 20), ImageFormat::Png);
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(read_photo_file(&path).unwrap(), bytes);
}
